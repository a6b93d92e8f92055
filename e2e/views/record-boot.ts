/**
 * Makes the recording that plays when the page is first opened: boots the PC in Chromium, types two commands into its
 * shell, and takes the file that the page saves.
 *
 *   npx tsx e2e/views/record-boot.ts <address of a running page> [<file>]
 */
import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { chromium } from "@playwright/test";
import { CHROMIUM, FLAGS } from "../chromium.ts";

const [address, file = resolve(import.meta.dirname, "../../public/recordings/first-boot.webtpm")] =
  process.argv.slice(2);
const PROMPT = /webtpm# /g;
const BOOT_MS = 180_000;
/** The PCRs are read again a moment after a command. */
const SETTLE_MS = 2500;
const COMMANDS = ["tpm2_getrandom --hex 16", `tpm2_pcrextend 16:sha256=${"42".repeat(32)}`];

if (!address)
  throw new Error("say where the page is: npx tsx e2e/views/record-boot.ts http://127.0.0.1:5173");

const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
try {
  const page = await browser.newPage();
  const prompts = (count: number) =>
    page.waitForFunction(
      ([source, wanted]) =>
        (window.webtpm?.serial.text().match(new RegExp(source, "g")) ?? []).length >= wanted,
      [PROMPT.source, count] as const,
      { timeout: BOOT_MS },
    );
  await page.goto(`${address}?boot=1&pane=timeline`);
  await prompts(1);
  for (const [index, command] of COMMANDS.entries()) {
    await page.evaluate((line) => window.webtpm.serial.send(line), `${command}\n`);
    await prompts(index + 2);
  }
  await page.waitForTimeout(SETTLE_MS);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save recording" }).click(),
  ]);
  mkdirSync(dirname(file), { recursive: true });
  await download.saveAs(file);
  console.log(`The recording is in ${file}.`);
} finally {
  await browser.close();
}
