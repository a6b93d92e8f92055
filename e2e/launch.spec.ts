/** A dynamic launch on the page: by hand with no machine at all, and by a program of a guest's. */
import { createHash } from "node:crypto";
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { toHex } from "../src/protocol/bytes/hex.ts";
import { build } from "../src/protocol/tpm2/index.ts";
import { run, shownPcrs, untilShell } from "./page-guest.ts";

const BANKS = ["sha1", "sha256", "sha384", "sha512"] as const;
/** FIFO interface, TIS 1.3: TPM_HASH_START, TPM_HASH_DATA and TPM_HASH_END of a locality. */
const HASH = { start: 0x28, data: 0x24, end: 0x20 } as const;
const at = (locality: number, register: keyof typeof HASH) =>
  0xfed4_0000 + locality * 0x1000 + HASH[register];

/** What a launch of these bytes leaves in PCR 17: zeros, extended with their digest. */
function expected(bank: string, code: string): string {
  const digest = createHash(bank).update(code).digest();
  return createHash(bank).update(Buffer.alloc(digest.length)).update(digest).digest("hex");
}

const pcr = (page: Page, index: number, bank: string) =>
  page.evaluate(async ([i, name]) => (await window.webtpm.pcrs(name))[i], [index, bank] as const);

test("by hand, with no machine: PCR 17 follows from the bytes, and a wrong locality changes nothing", async ({
  page,
}) => {
  await page.goto("/?pane=registers");
  await page.getByRole("button", { name: "Play the driver, with no machine" }).click();
  const registers = page.locator("tpm-registers");
  await page.waitForFunction(() => {
    try {
      // TPM_ACCESS of a TPM that is on, and that nobody has.
      return window.webtpm.read(0xfed4_0000, 1) === 0x81;
    } catch {
      return false;
    }
  });
  const startup = toHex(build.TPM2_Startup());
  expect(await page.evaluate((hex) => window.webtpm.command(hex), startup)).toBe("80010000000a00000000");
  for (const bank of BANKS) expect(await pcr(page, 17, bank)).toMatch(/^f+$/);

  // What locality 4 takes, the others do not.
  const before = await page.evaluate(() => window.webtpm.pcrs());
  for (const locality of [0, 1, 2, 3]) {
    for (const register of ["start", "data", "end"] as const)
      await page.evaluate((address) => window.webtpm.write(address, 1, 0x61), at(locality, register));
  }
  expect(await page.evaluate(() => window.webtpm.pcrs())).toEqual(before);

  await registers.getByText("Dynamic launch (locality 4)").click();
  const panel = page.getByRole("region", { name: "Dynamic launch" });
  await expect(panel).toContainText("only the processor's microcode");
  await panel.getByLabel("Text that is measured").fill("the code of a hypervisor");
  await panel.getByRole("button", { name: "Launch" }).click();
  await expect(panel.getByRole("status")).toContainText("Written: 24 bytes");
  for (const bank of BANKS) {
    await expect.poll(() => pcr(page, 17, bank)).toBe(expected(bank, "the code of a hypervisor"));
    expect(await pcr(page, 18, bank)).toMatch(/^0+$/);
    expect(await pcr(page, 16, bank)).toBe(await pcr(page, 0, bank));
  }
  const values = await shownPcrs(page, "sha256");
  expect(values[17]).toBe(expected("sha256", "the code of a hypervisor"));
  await page.getByRole("tab", { name: "Registers" }).click();
  expect((await new AxeBuilder({ page }).include("tpm-registers").analyze()).violations).toEqual([]);

  // While another locality has the TPM, the processor cannot have it.
  await page.evaluate(() => window.webtpm.write(0xfed4_0000, 1, 2));
  await panel.getByLabel("Text that is measured").fill("another code");
  await panel.getByRole("button", { name: "Launch" }).click();
  await expect(panel.getByRole("status")).toContainText("Written: 12 bytes");
  expect(await pcr(page, 17, "sha256")).toBe(expected("sha256", "the code of a hypervisor"));
});

test("by a guest's own program, which its system then sees", async ({ page }) => {
  test.slow();
  await page.goto("/?boot=1");
  await untilShell(page);
  expect(await run(page, "echo -n kernel to trust > code; launch code")).toBe(
    "launch: 15 bytes were measured into PCR 17\n",
  );
  const value = expected("sha256", "kernel to trust");
  await expect.poll(() => pcr(page, 17, "sha256")).toBe(value);
  expect((await run(page, "cat /sys/class/tpm/tpm0/pcr-sha256/17")).trim().toLowerCase()).toBe(value);
  expect(await run(page, "tpm2_pcrread sha256:17,18")).toMatch(
    new RegExp(`17: 0x${value}\\s+18: 0x0{64}`, "i"),
  );
  // Linux's own way to these PCRs is barred: it is at locality 0.
  await run(page, `tpm2_pcrextend 17:sha256=${"42".repeat(32)}`, 1);
  expect(await pcr(page, 17, "sha256")).toBe(value);
});
