/** Driving the page's guest through its serial console, as a user at the keyboard would. */
import { expect, type Page } from "@playwright/test";

/** What the guest's shell prints when it takes commands. */
export const PROMPT = /webtpm# /;
/** To the shell, on a busy machine; in milliseconds. */
const BOOT_MS = 120_000;
const COMMAND_MS = 60_000;

let commands = 0;

/**
 * Waits until the machine asked for last has come to its shell.
 * @param timeout in milliseconds, for a machine that takes longer than the usual one.
 */
export async function untilShell(page: Page, timeout = BOOT_MS): Promise<void> {
  await page.evaluate(() => window.webtpm.ready);
  await untilPrinted(page, PROMPT.source, timeout, "The machine did not come to its shell.");
}

/** The owner's clear yes to a link that wants something of its own: with the machine that is kept. */
export async function allowLink(page: Page): Promise<void> {
  await page
    .getByRole("dialog")
    .getByRole("button", { name: /^Use it with/ })
    .click();
}

/** Sends what is composed; as the page asks for it, once more when the guest's kernel had the TPM at that moment. */
export async function sendComposed(page: Page): Promise<void> {
  const composer = page.locator("command-composer");
  const refused = composer.getByText("try again when it is over");
  const gone = async () => (await composer.count()) === 0;
  do {
    await composer.getByRole("button", { name: "Send" }).click();
    await expect.poll(async () => (await gone()) || (await refused.isVisible())).toBe(true);
  } while (!(await gone()));
}

/** A shell command as it is typed, and how its outcome is found in what the guest has printed. */
export function typed(command: string) {
  const id = ++commands;
  return {
    // The quotes keep the shell's echo of this line from looking like its output.
    line: `echo "test-beg""in-${id}"; ${command}; echo "test-e""nd-${id}:$?"\n`,
    // The page reads files by marks of its own, which are no end of this.
    pattern: `test-begin-${id}\\r?\\n([\\s\\S]*?)test-end-${id}:(\\d+)`,
  };
}

/** What a command printed. Fails the test when it did not end with `status`. */
export function outputOf(command: string, pattern: string, text: string, status = 0): string {
  const [, output = "", code] = new RegExp(pattern).exec(text) ?? [];
  expect(Number(code), `${command}\n${output}`).toBe(status);
  return output.replaceAll("\r", "");
}

/** Runs a shell command in the guest. @returns what it printed; fails the test when it does not end with `status`. */
export async function run(page: Page, command: string, status = 0): Promise<string> {
  const { line, pattern } = typed(command);
  await page.evaluate((text) => window.webtpm.serial.send(text), line);
  await untilPrinted(page, pattern, COMMAND_MS, `The guest did not end: ${command}`);
  return outputOf(command, pattern, await page.evaluate(() => window.webtpm.serial.text()), status);
}

/**
 * Waits until the guest has printed what `pattern` matches. Fails with where the machine stood: a time that is over tells
 * nothing of what it was spent on.
 * @param timeout in milliseconds. @param otherwise what it means when that is over.
 */
async function untilPrinted(page: Page, pattern: string, timeout: number, otherwise: string): Promise<void> {
  try {
    await page.waitForFunction((source) => new RegExp(source).test(window.webtpm.serial.text()), pattern, {
      timeout,
    });
  } catch (cause) {
    if (page.isClosed()) throw cause;
    throw new Error(`${otherwise}\n${await whereItStands(page)}`, { cause });
  }
}

async function whereItStands(page: Page): Promise<string> {
  const [console, states, time] = await Promise.all([
    page.evaluate(() => window.webtpm.serial.text().slice(-1500)),
    page.locator("status-line").allTextContents(),
    page.evaluate(() => performance.now()),
  ]);
  const machine = `${states.join(" ").replace(/\s+/g, " ")} (${Math.round(time)} ms after its start)`;
  return `The page says: ${machine}\nIts console ends with:\n${console}`;
}

/** Lets the page draw many frames: time enough for what must not happen. */
export async function manyFrames(page: Page, count = 60): Promise<void> {
  await page.evaluate(async (frames) => {
    for (let i = 0; i < frames; i++) await new Promise(requestAnimationFrame);
  }, count);
}

/** Bank and values as `tpm2_pcrread` prints them, by index. */
export function parsePcrRead(text: string): Map<string, string[]> {
  const banks = new Map<string, string[]>();
  let values: string[] = [];
  for (const line of text.split("\n")) {
    const bank = /^\s*(sha\d+):\s*$/.exec(line)?.[1];
    if (bank) {
      values = [];
      banks.set(bank, values);
    }
    const value = /^\s*(\d+)\s*:\s*0x([0-9A-F]+)/i.exec(line);
    if (value) values[Number(value[1])] = value[2]!.toLowerCase();
  }
  return banks;
}

/** The values that the PCR pane shows for a bank, by index. */
export async function shownPcrs(page: Page, bank: string): Promise<string[]> {
  await page.getByRole("tab", { name: "PCRs" }).click();
  await page.locator(`input[name="pcr-bank"][value="${bank}"]`).check();
  await expect(page.locator(".pcrs caption")).toContainText(bank);
  return page.locator(".pcrs .digest").allTextContents();
}
