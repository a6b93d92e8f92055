/** A machine that was ended gives its memory back: a page is open for a whole lesson, and boots often. */
import { expect, type Page, test } from "@playwright/test";
import { untilShell } from "./page-guest.ts";

declare global {
  interface Window {
    /** Every piece of WebAssembly that was started here and has a memory of its own: the machines. */
    machines: WeakRef<object>[];
  }
}

/** Notes each machine as it is made, without keeping it. */
function noteMachines(): void {
  window.machines = [];
  const { instantiate } = WebAssembly;
  WebAssembly.instantiate = (async (...given: Parameters<typeof instantiate>) => {
    const made = await instantiate(...given);
    const instance =
      "instance" in made ? (made.instance as WebAssembly.Instance) : (made as WebAssembly.Instance);
    if ("memory" in instance.exports) window.machines.push(new WeakRef(instance));
    return made;
  }) as unknown as typeof instantiate;
}

/** [made, still there], once the browser has tidied up. */
async function count(page: Page): Promise<[number, number]> {
  await page.requestGC();
  return page.evaluate(() => [
    window.machines.length,
    window.machines.filter((machine) => machine.deref()).length,
  ]);
}

for (const [backend, pane] of [
  ["bridge", "pcrs"],
  ["bridge", "registers"],
  ["hidden", "trace"],
]) {
  test(`with the TPM of the ${backend} and ${pane} in sight, only the machine that runs is in memory`, async ({
    page,
  }) => {
    await page.addInitScript(noteMachines);
    await page.goto(`/?backend=${backend}&pane=${pane}`);
    for (let boots = 1; boots <= 3; boots++) {
      // Nor does a view that is out of sight again hold on to the one that it showed.
      if (boots === 3) await page.locator("#tab-eventlog").click();
      await page.evaluate(() => window.webtpm.boot());
      await untilShell(page);
      await expect.poll(() => count(page), { timeout: 60_000 }).toEqual([boots, 1]);
    }
  });
}
