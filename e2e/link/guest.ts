/** Plays a guest in the page: at the registers of `window.attached`. */
import type { Page } from "@playwright/test";
import type { TpmStatus } from "../../src/session/types.ts";
import type { Attached, AttachOptions } from "./page.ts";

declare global {
  interface Window {
    attached: Attached;
  }
}

/** Attaches a TPM and waits until it is on or has failed. @returns why it failed. */
export function attach(page: Page, options: AttachOptions = {}): Promise<string | undefined> {
  return page.evaluate((o) => {
    window.attached = window.link.attach(o);
    return window.attached.tpm.ready.then(
      () => undefined,
      (error: Error) => error.message,
    );
  }, options);
}

export const status = (page: Page): Promise<TpmStatus> => page.evaluate(() => window.attached.tpm.status);

/** Puts a command in at locality 0, up to tpmGo. */
export function send(page: Page, command: Uint8Array): Promise<void> {
  return page.evaluate((bytes) => {
    const { tpm } = window.attached;
    tpm.write(0xfed40000, 1, 0x02);
    tpm.write(0xfed40018, 1, 0x40);
    for (const byte of bytes) tpm.write(0xfed40024, 1, byte);
    tpm.write(0xfed40018, 1, 0x20);
  }, Array.from(command));
}

/** Waits for dataAvail, takes the response, gives the TPM back. */
export async function receive(page: Page): Promise<number[]> {
  await page.waitForFunction(() => (window.attached.tpm.read(0xfed40018, 1) & 0x10) !== 0);
  return page.evaluate(() => {
    const { tpm } = window.attached;
    const bytes: number[] = [];
    while (tpm.read(0xfed40018, 1) & 0x10) bytes.push(tpm.read(0xfed40024, 1));
    tpm.write(0xfed40018, 1, 0x40);
    tpm.write(0xfed40000, 1, 0x20);
    return bytes;
  });
}

export const readAccess = (page: Page): Promise<number> =>
  page.evaluate(() => window.attached.tpm.read(0xfed40000, 1));

/** Resets the machine and waits until TPM and machine go on. */
export async function reset(page: Page): Promise<void> {
  await page.evaluate(() => window.attached.bus.reset());
  await page.waitForFunction(() => window.attached.bus.holds.length === 0);
}
