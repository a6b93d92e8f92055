/** Another image gives what the firmware measures of it, and the page tells the events that differ. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, type Page, test } from "@playwright/test";
import { Cache } from "../src/node/images/cache.ts";
import { ImageSet } from "../src/node/images/image-set.ts";
import { allowLink, parsePcrRead, run, untilShell } from "./page-guest.ts";

const sha256 = (...parts: Uint8Array[]): string => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
};
const ZERO = "00".repeat(32);
const extended = (digests: readonly string[]): string =>
  digests.reduce((pcr, digest) => sha256(Buffer.from(pcr, "hex"), Buffer.from(digest, "hex")), ZERO);

const digestsOf = (page: Page, pcr: number): Promise<string[]> =>
  page.evaluate(
    (wanted) =>
      window.webtpm
        .eventLog()
        .filter((event) => event.pcr === wanted)
        .map(({ digests }) => digests.sha256 ?? ""),
    pcr,
  );

const verdict = async (page: Page) => {
  await page.getByRole("tab", { name: "Event log" }).click();
  return page.locator("#boot-verdict");
};

async function pick(page: Page, slot: string, name: string, buffer: Buffer): Promise<void> {
  await page.locator("#tab-machine").click();
  const settings = page.locator("details", { hasText: "Kernel, command line, memory" });
  if (!(await settings.evaluate((element: HTMLDetailsElement) => element.open)))
    await settings.locator("summary").click();
  const file = { name, mimeType: "application/octet-stream", buffer };
  await page.getByLabel(`${slot}: pick a file`).setInputFiles(file);
}

const bootSector = (image: Buffer) => image.subarray(0, 512);

/** A hard disk of 1 MiB whose boot sector says one letter on the serial port and stops. */
function disk(letter: string): Buffer {
  const image = Buffer.alloc(2 ** 20);
  image.set([0xba, 0xf8, 0x03, 0xb0, letter.charCodeAt(0), 0xee, 0xf4, 0xeb, 0xfd]);
  // One partition, so that the table is more than zeros.
  image.set([0x80, 0, 2, 0, 0x83, 0, 32, 0, 1, 0, 0, 0, 0xff, 7, 0, 0], 446);
  image.set([0x55, 0xaa], 510);
  return image;
}

test("another disk: its boot sector is in PCR 4, and no other event differs", async ({ page }) => {
  await page.goto("/?backend=bridge");
  const bootDisk = async (letter: string, button: RegExp) => {
    const image = disk(letter);
    await pick(page, "Disk", `${letter}.img`, image);
    await page.getByRole("button", { name: button }).click();
    await page.waitForFunction((text) => window.webtpm.serial.text() === text, letter, { timeout: 60_000 });
    return image;
  };
  const before = await bootDisk("a", /^Boot .*a\.img/);
  // The firmware measures the code of the boot sector; the partition table behind it goes into PCR 5.
  const code = (image: Buffer) => sha256(bootSector(image).subarray(0, 440));
  // The page reads the log a moment after the firmware has written it.
  await expect.poll(() => digestsOf(page, 4)).toContain(code(before));
  const pcr5 = await digestsOf(page, 5);

  const after = await bootDisk("b", /^Restart: .*b\.img/);
  await expect(await verdict(page)).toHaveText(/1 event differs from the boot before:.*PCR 4:/s);
  const pcr4 = await digestsOf(page, 4);
  expect(pcr4).toContain(code(after));
  expect(pcr4).not.toContain(code(before));
  expect(await digestsOf(page, 5)).toEqual(pcr5);
  const sha256Bank = await page.evaluate(() => window.webtpm.pcrs("sha256"));
  expect(sha256Bank[4]).toBe(extended(pcr4));
});

test("another initrd, then another kernel: their digests are in PCR 9, and the page names them", async ({
  page,
}) => {
  test.setTimeout(400_000);
  const { manifest, files } = await new ImageSet(new Cache(), () => undefined).read();
  await page.goto("/?boot=1&backend=bridge&kernel=small");
  await untilShell(page);
  const before = await digestsOf(page, 9);
  const own = gunzipSync(readFileSync(files.get(manifest.initrd.url)!));
  expect(before).toContain(sha256(own));

  // Linux skips zeros behind an archive: the same files, another measurement.
  const padded = Buffer.concat([own, Buffer.alloc(512)]);
  await pick(page, "Initrd", "padded.cpio", padded);
  await page.getByRole("button", { name: /^Restart: .*padded\.cpio/ }).click();
  await untilShell(page);
  await expect(await verdict(page)).toHaveText(/1 event differs from the boot before:.*PCR 9:.*initrd/is);
  const after = await digestsOf(page, 9);
  expect(after).toEqual(before.map((digest) => (digest === sha256(own) ? sha256(padded) : digest)));
  const guest = parsePcrRead(await run(page, "tpm2_pcrread sha256:9")).get("sha256")?.[9];
  expect(guest).toBe(extended(after));

  await page.goto("/?boot=1&backend=bridge&kernel=stock");
  // It is another kernel than the kept machine's.
  await allowLink(page);
  await untilShell(page);
  const stock = await digestsOf(page, 9);
  expect(stock).toContain(sha256(own));
  expect(stock).not.toEqual(before);
  await expect(await verdict(page)).toHaveText(/events? differs? from the boot before:.*PCR 9:/s);
  expect(parsePcrRead(await run(page, "tpm2_pcrread sha256:9")).get("sha256")?.[9]).toBe(extended(stock));
});
