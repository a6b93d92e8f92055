/** What the guest writes to its disk outlives restart, reload and a killed browser, and comes out as a file for QEMU. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type Page, test } from "@playwright/test";

const BOOT_MS = 120_000;
const SECTOR = 512;
/** Where the disk counts: in another piece of it than its boot sector. */
const COUNT_SECTOR = 2000;
const SIZE = 64 * 2 ** 20;

/** A boot sector that counts in a sector, by the BIOS (int 13h, functions 42h and 43h), and says how far it is. */
function countingDisk(): Buffer {
  const code =
    "31c0 8ed8 fc be407c b280 b442 cd13 721c fe060080 b80043 be407c b280 cd13 720c a00080 0430 baf803 ee b00a ee f4 ebfd";
  const image = Buffer.alloc(SIZE);
  image.write(code.replaceAll(" ", ""), "hex");
  // The disk address packet at 7C40h: one sector to 0000:8000h.
  image.write("1000010000800000", 0x40, "hex");
  image.writeUInt32LE(COUNT_SECTOR, 0x48);
  image.writeUInt16LE(0xaa55, 510);
  return image;
}

let folder: string;
let path: string;
test.beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "webtpm-disk-"));
  path = join(folder, "counting.img");
  writeFileSync(path, countingDisk());
});
test.afterEach(() => rmSync(folder, { recursive: true }));

const counted = (page: Page, count: number) =>
  expect
    .poll(() => page.evaluate(() => window.webtpm.serial.text()), { timeout: BOOT_MS })
    .toBe(`${count}\n`);

async function bootFrom(page: Page, file: string): Promise<void> {
  await page.goto("/?backend=bridge");
  await page.locator("details", { hasText: "Kernel, command line, memory" }).locator("summary").click();
  await page.getByLabel("Disk: pick a file").setInputFiles(file);
  await page.getByRole("button", { name: /^Boot .*\.(img|qcow2)/ }).click();
}

const exported = (page: Page, format: "raw" | "qcow2" | "changes") =>
  page.evaluate(async (wanted) => {
    const file = await window.webtpm.disk(wanted);
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 0x8000)
      text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
    return { name: file.name, base64: btoa(text) };
  }, format);

async function save(page: Page, format: "raw" | "qcow2" | "changes"): Promise<string> {
  const { name, base64 } = await exported(page, format);
  const saved = `saved-${name}`;
  writeFileSync(join(folder, saved), Buffer.from(base64, "base64"));
  return saved;
}

const img = (...args: string[]) => execFileSync("qemu-img", args, { cwd: folder, encoding: "utf8" });

test("what is written is there after a restart and a reload, goes back with a snapshot, and can be forgotten", async ({
  page,
}) => {
  await bootFrom(page, path);
  await counted(page, 1);
  await page.evaluate(() => window.webtpm.snapshot("one"));
  await page.evaluate(() => window.webtpm.boot());
  await counted(page, 2);
  await bootFrom(page, path);
  await counted(page, 3);

  // The snapshot has the disk as it was; what is written after it goes on from there.
  await page.evaluate(() => window.webtpm.restore("one"));
  await page.evaluate(() => window.webtpm.reset());
  await counted(page, 2);

  const pane = page.locator("machine-list");
  await page.goto("/?pane=machines");
  const row = pane.locator("tr[data-disk='counting.img']");
  await expect(row).toContainText("64.0 MiB");
  await row.getByRole("button", { name: "Forget what was written" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Forget for good" }).click();
  await expect(row).toHaveCount(0);
  await bootFrom(page, path);
  await counted(page, 1);
});

test("a disk that was changed beneath what was written is refused in words, until that is forgotten", async ({
  page,
}) => {
  await bootFrom(page, path);
  await counted(page, 1);
  const other = countingDisk();
  other[COUNT_SECTOR * SECTOR] = 6;
  writeFileSync(path, other);
  await bootFrom(page, path);
  const alert = page.getByRole("alert").filter({ hasText: "its disk is another one" });
  await expect(alert).toContainText("counting.img is not the one that the guest has written to");
  await alert.getByRole("button", { name: "Forget what was written, and boot" }).click();
  await counted(page, 7);
});

test("a disk comes out whole, for QEMU, and as what was written alone, and goes in again", async ({
  page,
}) => {
  await bootFrom(page, path);
  await counted(page, 1);
  const expected = countingDisk();
  expected[COUNT_SECTOR * SECTOR] = 1;
  const raw = await save(page, "raw");
  expect(readFileSync(join(folder, raw)).equals(expected)).toBe(true);
  writeFileSync(join(folder, "expected.img"), expected);
  for (const format of ["qcow2", "changes"] as const) {
    const name = await save(page, format);
    expect(img("check", name)).toContain("No errors were found");
    expect(img("compare", "-f", "qcow2", "-F", "raw", name, "expected.img")).toContain("identical");
  }

  await bootFrom(page, path);
  await counted(page, 2);
  await page.goto("/?pane=machines");
  const row = page.locator("machine-list tr[data-disk='counting.img']");
  const input = row.getByLabel("Import what was written to counting.img");
  await input.setInputFiles(join(folder, "saved-counting.qcow2"));
  const alert = page.getByRole("alert").filter({ hasText: "The kept machines are as they were" });
  await expect(alert).toContainText("it is a whole disk, which can be chosen as one");
  await input.setInputFiles(join(folder, "saved-counting-changes.qcow2"));
  await expect(alert).toHaveCount(0);
  await expect(page.locator(".machines-work")).toHaveCount(0);
  await bootFrom(page, path);
  await counted(page, 2);
  // Its image for QEMU is a disk of its own here, with what was on it by then.
  await bootFrom(page, join(folder, "saved-counting.qcow2"));
  await counted(page, 2);
});
