/** A class: its link, what is handed in, and a clean start for the next person. */
import { readFile } from "node:fs/promises";
import { expect, test } from "@playwright/test";
import { checkResult } from "../src/page/lessons/result.ts";
import { accessible } from "./accessible.ts";

const SHOTS = process.env.WEBTPM_SHOTS;
const DONE = JSON.stringify({ done: { why: ["boot", "lock"] }, notes: {} });

test("the link of a class opens lesson, step and view, and names the class in what is handed in", async ({
  page,
}) => {
  await page.addInitScript((done) => {
    if (!sessionStorage.getItem("begun")) localStorage.setItem("webtpm.lessons", done);
    sessionStorage.setItem("begun", "1");
  }, DONE);
  await page.goto("/#lesson=why&step=2&view=registers&class=7B");
  await expect(page.locator("#lesson-step-title")).toContainText("2/");
  await expect(page.getByRole("tab", { name: "Registers" })).toHaveAttribute("aria-selected", "true");
  await page.getByRole("button", { name: "← All lessons" }).click();
  const form = page.locator("hand-in");
  await expect(form.getByLabel("Class")).toHaveValue("7B");
  await form.getByLabel("Your name").fill("Ada Lovelace");
  const download = page.waitForEvent("download");
  await form.getByRole("button", { name: "Save what I did" }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe("Ada-Lovelace.webtpm-result.json");
  await expect(form.getByRole("status")).toHaveText("It is among your downloads.");
  if (SHOTS) await page.screenshot({ path: `${SHOTS}/hand-in.png` });
  await accessible(page, "handing in", "tpm-lessons");
  const result = await checkResult(await readFile(await file.path(), "utf8"));
  expect(result).toMatchObject({ name: "Ada Lovelace", class: "7B" });
  expect(result.lessons).toMatchObject([{ lesson: "why", done: 2 }]);

  await form.getByRole("button", { name: "Start over" }).click();
  await form.getByRole("button", { name: "Forget it" }).click();
  await expect(page.locator('[data-lesson="why"] .lesson-state')).toContainText("min");
  await page.reload();
  await expect(page.locator('[data-lesson="why"] .lesson-state')).toContainText("min");
});

for (const width of [1280, 390]) {
  test(`the page for teachers can be read by everybody, at ${width} pixels`, async ({ page }) => {
    await page.setViewportSize({ width, height: 900 });
    await page.goto("/class.html");
    await expect(page.getByRole("heading", { level: 1 })).toHaveText("WebTPM in a class");
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await accessible(page, `class, ${width}, ${colorScheme}`);
      if (SHOTS)
        await page.screenshot({ path: `${SHOTS}/class-${width}-${colorScheme}.png`, fullPage: true });
    }
  });
}
