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

/** TPM2_NV_DefineSpace of index 0x01800001, and TPM2_GetCapability for the indices that there are. */
const DEFINE_INDEX =
  "80020000002d0000012a40000001000000094000000900000000000000000e01800001000b0006000600000008";
const GET_INDICES = "8001000000160000017a000000010100000000000008";

/** A command of the page's own; the firmware has not given the TPM back. */
const byHand = (page: Page, command: string) =>
  page.evaluate((hex) => {
    const [access, relinquish] = [0xfed40000, 0x20];
    window.webtpm.write(access, 1, relinquish);
    return window.webtpm.command(hex);
  }, command);

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

async function bootFrom(page: Page, file: string, machine = "PC"): Promise<void> {
  await page.goto(`/?backend=bridge&machine=${machine}`);
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

/** Takes the snapshot "one" when the disk is at 1, and boots on to 2. */
async function goesOnFromSnapshot(page: Page): Promise<void> {
  await bootFrom(page, path);
  await counted(page, 1);
  await page.evaluate(() => window.webtpm.snapshot("one"));
  await page.evaluate(() => window.webtpm.boot());
  await counted(page, 2);
}

test("what is written is there after a restart and a reload, goes back with a snapshot, and can be forgotten", async ({
  page,
}) => {
  await goesOnFromSnapshot(page);
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

test("going back without the disk that the snapshot is of is refused in words, and changes nothing", async ({
  page,
}) => {
  await goesOnFromSnapshot(page);
  // What the TPM has got since stays, too.
  const made = await byHand(page, DEFINE_INDEX);
  expect(made.slice(12, 20)).toBe("00000000");

  await page.goto("/?backend=bridge&pane=machines");
  const refused = await page.evaluate(() =>
    window.webtpm.restore("one").then(
      () => "it went back",
      (error: Error) => error.message,
    ),
  );
  expect(refused).toContain(
    "has a drive counting.img, of 67108864 bytes, and this one has not: choose that file again",
  );
  await bootFrom(page, path);
  await counted(page, 3);
  const indices = await byHand(page, GET_INDICES);
  expect(indices).toContain("01800001");
});

test("a copy of a machine that runs has its disk as it is by then, and writes to one of its own", async ({
  page,
}) => {
  await bootFrom(page, path);
  await counted(page, 1);
  await page.getByRole("tab", { name: "Storage" }).click();
  await page.locator("machine-list").getByRole("button", { name: "Copy…" }).first().click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox").fill("Twin");
  await dialog.getByRole("button", { name: "Copy" }).click();
  // The page says the name while it copies, too; it is left only when the copy is there.
  await expect(page.locator("machine-list tr", { hasText: "Twin" })).toBeVisible();
  await bootFrom(page, path, "Twin");
  await counted(page, 2);
  await bootFrom(page, path);
  await counted(page, 2);
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
