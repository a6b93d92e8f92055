/**
 * A PC with UEFI and Secure Boot in the page starts from disks as installed systems have them, over the bridge and with
 * the hidden machine, by TIS and by CRB; its log leads to the TPM's values, and one bit of its kernel is not let pass.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, type Page, test } from "@playwright/test";
import { Cache } from "../src/node/images/cache.ts";
import { ImageSet } from "../src/node/images/image-set.ts";
import { withBitChanged } from "../src/node/tools/disk-files.ts";
import { readByTools } from "../src/node/tools/read-by-tools.ts";
import { accessible } from "./accessible.ts";
import { parsePcrRead, run, shownPcrs, untilShell } from "./page-guest.ts";

/** From power-on to the shell on a busy machine, in milliseconds. */
const BOOT_MS = 900_000;
const MEASUREMENTS = "/sys/kernel/security/tpm0/binary_bios_measurements";
/** Where screenshots go, for whoever wants to look at them. */
const SHOTS = process.env.WEBTPM_SHOTS;

const KINDS = [
  {
    disk: "a disk with systemd-boot and a unified kernel image",
    keys: "Put this server’s keys in",
    address: "backend=bridge&interface=crb",
    driver: /tpm_crb$/m,
    pcrs: "0–7, 9, 11, 12",
  },
  {
    disk: "a disk with shim, GRUB and Debian’s kernel",
    keys: "Put Microsoft’s keys in",
    address: "backend=hidden&memory=256",
    driver: /tpm_tis$/m,
    pcrs: "0–9, 14",
  },
] as const;

test.describe.configure({ timeout: BOOT_MS });

async function setUp(
  page: Page,
  { address, keys, disk }: Pick<(typeof KINDS)[number], "address" | "keys" | "disk">,
) {
  await page.goto(`/?firmware=uefi&${address}`);
  await page.getByRole("tab", { name: "UEFI" }).click();
  await page.getByRole("button", { name: keys }).click();
  await expect(page.locator("[data-secure-boot]")).toHaveAttribute("data-secure-boot", "on");
  await page.locator("#uefi-disk").selectOption({ label: disk });
}

const boot = (page: Page) =>
  page.getByRole("region", { name: "UEFI" }).getByRole("button", { name: "Boot", exact: true }).click();

for (const kind of KINDS) {
  test(`${kind.disk} boots with Secure Boot on (${kind.address}), and its log explains the PCRs`, async ({
    page,
  }) => {
    await setUp(page, kind);
    await accessible(page, "the choice of a disk");
    await boot(page);
    await untilShell(page, BOOT_MS);
    expect(await run(page, "dmesg")).toMatch(/secureboot: Secure boot enabled/i);
    expect(await run(page, "readlink /sys/class/tpm/tpm0/device/driver")).toMatch(kind.driver);
    const values = parsePcrRead(await run(page, "tpm2_pcrread sha256")).get("sha256");
    await expect.poll(() => shownPcrs(page, "sha256")).toEqual(values);
    await page.getByRole("tab", { name: "Event log" }).click();
    const verdict = page.locator("#replay-verdict");
    await expect(verdict).toContainText(`exactly the TPM's sha`);
    await expect(verdict).toContainText(`values of PCR ${kind.pcrs}.`);
    await expect(verdict).toHaveAttribute("data-tone", "good");
    const events = await page.evaluate(() => window.webtpm.eventLog());
    const counted = await run(page, `tpm2_eventlog ${MEASUREMENTS} 2>/dev/null | grep -c EventType:`);
    const sizes = events.map(({ type, data }) => ({ type, size: data.length / 2 }));
    expect(Number(counted)).toBe(readByTools(sizes));
    if (SHOTS) await page.screenshot({ path: `${SHOTS}/uefi-disk-${kind.pcrs.length}.png` });
  });
}

test("a disk of one's own, whose unified kernel image has one bit changed, is refused", async ({ page }) => {
  const { manifest, files } = await new ImageSet(new Cache(), () => undefined).read();
  const disk = gunzipSync(readFileSync(files.get(manifest.bootDisks!.systemd.url)!));
  const changed = await withBitChanged(disk, "EFI/Linux/webtpm.efi", (file) => file.indexOf("console=ttyS0"));
  await setUp(page, KINDS[0]);
  await page.locator("#tab-machine").click();
  await page.getByLabel("Disk: pick a file").setInputFiles({
    name: "changed.img",
    mimeType: "application/octet-stream",
    buffer: Buffer.from(changed),
  });
  await page.getByRole("button", { name: /^Boot .*changed\.img/ }).click();
  await page.evaluate(() => window.webtpm.ready);
  await page.waitForFunction(() => /access denied/i.test(window.webtpm.serial.text()), undefined, {
    timeout: BOOT_MS,
  });
  expect(await page.evaluate(() => window.webtpm.serial.text())).not.toContain("webtpm# ");
});
