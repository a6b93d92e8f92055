/** What axe finds in a page, or in a part of it. */
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page } from "@playwright/test";

/**
 * Expects that nothing in the page bars anybody, once nothing in it moves: halfway through a transition a colour is
 * neither of the two that were chosen.
 * @param what names the place in the failure.
 * @param part a selector; without it, the whole page.
 */
export async function accessible(page: Page, what: string, part?: string): Promise<void> {
  await page.waitForFunction(() =>
    document.getAnimations().every((animation) => {
      const { endTime } = animation.effect?.getComputedTiming() ?? {};
      return animation.playState !== "running" || endTime === Number.POSITIVE_INFINITY;
    }),
  );
  const axe = new AxeBuilder({ page });
  if (part) axe.include(part);
  const { violations } = await axe.analyze();
  const found = violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${what}: ${id}: ${html} ${failureSummary}`),
  );
  expect(found).toEqual([]);
}
