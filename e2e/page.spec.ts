/** The page with a real guest: firmware, Linux, tpm2-tools, a real swtpm. Each describe block is one machine. */
import { createHash } from "node:crypto";
import { expect, type Page, test } from "@playwright/test";
import { accessible } from "./accessible.ts";
import { parsePcrRead, run, sendComposed, shownPcrs, untilShell } from "./page-guest.ts";

const PANES = ["machine", "serial", "screen", "pcrs", "eventlog", "commands", "registers"];

/** One page for a block of tests: a boot costs more than all of them. */
function machine(address: string): () => Page {
  let page: Page;
  test.describe.configure({ mode: "serial" });
  test.beforeAll(async ({ browser }) => {
    const context = await browser.newContext({ colorScheme: "light" });
    page = await context.newPage();
    page.on("pageerror", (error) => console.error("page:", error));
    await page.goto(address);
    await untilShell(page);
  });
  test.afterAll(() => page.context().close());
  return () => page;
}

test.describe("TPM 2.0", () => {
  const page = machine("/?boot=1");

  test("the guest's kernel has found the TPM", async () => {
    const log = await run(page(), "dmesg");
    expect(log).toContain("ACPI: TPM2 ");
    expect(log).toContain("tpm_tis MSFT0101:00: 2.0 TPM (device-id 0x1, rev-id 1)");
    expect(await run(page(), "ls -l /dev/tpm*")).toMatch(/c.*10, 224 .*\/dev\/tpm0/);
  });

  test("the PCR pane shows what the guest reads, in every bank", async () => {
    const banks = parsePcrRead(await run(page(), "tpm2_pcrread"));
    expect([...banks.keys()]).toContain("sha256");
    for (const [bank, values] of banks) {
      expect(values).toHaveLength(24);
      await expect.poll(() => shownPcrs(page(), bank)).toEqual(values);
      expect(await page().evaluate((name) => window.webtpm.pcrs(name), bank)).toEqual(values);
    }
  });

  test("the event log leads to the PCRs", async () => {
    await page().getByRole("tab", { name: "Event log" }).click();
    await expect(page().locator("#replay-verdict")).toHaveText(
      /^\s*Replayed, the log gives exactly the TPM's sha\d+ values of PCR 0–9\./,
    );
    await expect(page().locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
    const events = await page().evaluate(() => window.webtpm.eventLog());
    expect(events.length).toBeGreaterThan(10);
    expect(Object.keys(events[1]!.digests)).toContain("sha256");
    await expect(page().locator(".event")).toHaveCount(events.length);
  });

  test("tpm2-tools make keys, sign, use NV memory and draw random numbers", async () => {
    await run(page(), "cd /tmp && tpm2_createprimary -Q -c primary.ctx");
    await run(page(), "tpm2_create -Q -C primary.ctx -G ecc -u key.pub -r key.priv && tpm2_flushcontext -t");
    await run(
      page(),
      "tpm2_load -Q -C primary.ctx -u key.pub -r key.priv -c key.ctx && tpm2_flushcontext -t",
    );
    await run(
      page(),
      "echo hello > message && tpm2_sign -Q -c key.ctx -g sha256 -o signature message && tpm2_flushcontext -t",
    );
    await run(
      page(),
      "tpm2_verifysignature -Q -c key.ctx -g sha256 -m message -s signature && tpm2_flushcontext -t",
    );
    await run(
      page(),
      "tpm2_nvdefine -Q 0x1500016 -C o -s 6 && echo hello | tpm2_nvwrite -Q 0x1500016 -C o -i -",
    );
    expect(await run(page(), "tpm2_nvread 0x1500016 -C o -s 6")).toBe("hello\n");
    expect(await run(page(), "tpm2_getrandom --hex 16")).toMatch(/^[0-9a-f]{32}$/);
    const names = await page().evaluate(() => window.webtpm.commands().map(({ name }) => name));
    for (const name of [
      "TPM2_CreatePrimary",
      "TPM2_Sign",
      "TPM2_NV_Write",
      "TPM2_NV_Read",
      "TPM2_GetRandom",
    ]) {
      expect(names).toContain(name);
    }
  });

  test("an extend shows in the PCR pane as changed", async () => {
    const digest = "00".repeat(31);
    await run(page(), `tpm2_pcrextend 16:sha256=${digest}01`);
    await shownPcrs(page(), "sha256");
    await expect(page().locator('.pcrs tr[data-pcr="16"]')).toContainText("changed last");
    const { "16": shown } = await shownPcrs(page(), "sha256");
    expect(parsePcrRead(await run(page(), "tpm2_pcrread sha256:16")).get("sha256")?.[16]).toBe(shown);
  });

  test("a command can be looked into", async () => {
    await page().getByRole("tab", { name: "Commands" }).click();
    const guest = await page().evaluate(() =>
      window.webtpm.commands().filter(({ origin }) => origin === "guest"),
    );
    const wanted = guest.findLastIndex(({ name }) => name === "TPM2_PCR_Extend");
    const row = (index: number) => page().locator(`.command-list [data-id="${guest[index]!.id}"]`);
    await row(guest.length - 1).focus();
    for (let at = guest.length - 2; at >= wanted; at--) {
      await page().keyboard.press("ArrowUp");
      await expect(row(at)).toBeFocused();
    }
    const detail = page().locator("command-detail");
    await expect(detail).toContainText("TPM2_PCR_Extend");
    await expect(detail.locator(".hexdump")).toContainText("0000  80 02");
    await detail.getByText("response", { exact: true }).click();
    await expect(detail).toContainText("TPM_RC_SUCCESS");
    await page().keyboard.press("Escape");
  });

  test("a command by hand goes through the registers", async () => {
    const response = await page().evaluate(() =>
      window.webtpm.command("80 01 00 00 00 0c 00 00 01 7b 00 08"),
    );
    expect(response).toMatch(/^800100000014000000000008[0-9a-f]{16}$/);
  });

  test("the registers are shown by name while the guest leaves them alone", async () => {
    await page().getByRole("tab", { name: "Registers" }).click();
    const registers = page().locator("tpm-registers");
    await expect(registers.getByText("TPM_DID_VID")).toBeVisible();
    await expect(registers.locator("details", { hasText: "TPM_DID_VID" })).toContainText("0x00011014");
    expect(await page().evaluate(() => window.webtpm.read(0xfed40f00, 4))).toBe(0x0001_1014);
  });

  for (const colorScheme of ["light", "dark"] as const) {
    test(`nothing bars anybody: axe finds no fault in any ${colorScheme} pane`, async () => {
      await page().emulateMedia({ colorScheme });
      for (const pane of PANES) {
        await page().locator(`#tab-${pane}`).click();
        await accessible(page(), `${colorScheme} ${pane}`);
      }
    });
  }

  test("nothing bars anybody: axe finds no fault in any narrow pane, and none is too wide", async () => {
    await page().setViewportSize({ width: 390, height: 844 });
    for (const pane of PANES) {
      await page().locator(`#tab-${pane}`).click();
      await accessible(page(), `narrow ${pane}`);
    }
    expect(await page().evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await page().setViewportSize({ width: 1280, height: 800 });
  });

  test("a reset gives the same measurements again", async () => {
    await run(page(), `tpm2_pcrextend 16:sha256=${"42".repeat(32)}`);
    const before = await shownPcrs(page(), "sha256");
    await page().evaluate(() => window.webtpm.reset());
    await untilShell(page());
    await page().getByRole("tab", { name: "Event log" }).click();
    await expect(page().locator("#boot-verdict")).toHaveText(/The same events as in the boot before\./);
    await expect
      .poll(async () => (await shownPcrs(page(), "sha256")).slice(0, 10))
      .toEqual(before.slice(0, 10));
    expect((await shownPcrs(page(), "sha256"))[16]).toBe("00".repeat(32));
  });

  test("another command line changes PCR 8 and nothing before it, and the page says so", async () => {
    const before = await shownPcrs(page(), "sha256");
    await page().locator("#tab-machine").click();
    await page().getByText("Kernel, command line, memory").click();
    const field = page().getByRole("textbox", { name: "Command line" });
    const cmdline = await field.inputValue();
    await field.fill(`${cmdline} tampered=1`);
    await field.blur();
    expect(new URL(page().url()).searchParams.get("cmdline")).toBe(`${cmdline} tampered=1`);
    await page().getByRole("button", { name: "Restart: boot Linux" }).click();
    await untilShell(page());
    expect(await run(page(), "cat /proc/cmdline")).toContain("tampered=1");
    await page().getByRole("tab", { name: "Event log" }).click();
    await expect(page().locator("#boot-verdict")).toHaveText(
      /1 event differs from the boot before:.*PCR 8:.*tampered=1/s,
    );
    // Measured last of those that are compared here.
    await expect.poll(async () => (await shownPcrs(page(), "sha256"))[9]).toBe(before[9]);
    const after = await shownPcrs(page(), "sha256");
    expect(after[8]).not.toBe(before[8]);
    expect(after.slice(0, 8)).toEqual(before.slice(0, 8));
    await expect(page().locator('.pcrs tr[data-pcr="8"]')).toContainText("≠ the boot before");
  });
});

test.describe("TPM 1.2", () => {
  const page = machine("/?boot=1&tpm=1.2");

  test("the guest's kernel has found the TPM", async () => {
    const log = await run(page(), "dmesg");
    expect(log).toMatch(/ACPI: TCPA .* 000032/);
    expect(log).toMatch(/tpm_tis 00:\w+: 1\.2 TPM \(device-id 0x1, rev-id 1\)/);
  });

  test("raw commands are composed, sent, and answered", async () => {
    await page().getByRole("tab", { name: "Commands" }).click();
    const composer = page().locator("command-composer");
    const detail = page().locator("command-detail");
    const send = async (name: string, fields: Record<string, string> = {}) => {
      await page().getByRole("button", { name: "Compose" }).click();
      await composer.getByRole("combobox", { name: "Command" }).selectOption({ label: name });
      for (const [field, value] of Object.entries(fields))
        await composer.getByRole("textbox", { name: field }).fill(value);
      await sendComposed(page());
      await expect(detail.getByRole("heading", { name })).toBeVisible();
      await detail.getByText("response", { exact: true }).click();
      await expect(detail).toContainText("TPM_SUCCESS");
    };
    const value = (field: string) => detail.getByRole("treeitem", { name: new RegExp(`^${field}`) });

    await send("TPM_GetRandom", { bytesRequested: "9" });
    await expect(value("randomBytes").first()).toContainText(/[0-9a-f]{18}/);
    await send("TPM_PCRRead", { pcrIndex: "16" });
    await expect(value("outDigest")).toContainText("00".repeat(20));
    await send("TPM_Extend", { pcrNum: "16", inDigest: "11".repeat(20) });
    const extended = createHash("sha1").update(Buffer.alloc(20)).update(Buffer.alloc(20, 0x11)).digest("hex");
    await expect(value("outDigest")).toContainText(extended);
    // The page reads PCRs when the TPM has been left alone for a moment.
    await expect.poll(async () => (await shownPcrs(page(), "sha1"))[16]).toBe(extended);
    await page().getByRole("tab", { name: "Commands" }).click();
    await send("TPM_PCR_Reset", { pcrSelection: "16" });
    await send("TPM_GetCapability");
    await expect(detail).toContainText("IBM");
    await page().getByRole("button", { name: "Compose" }).click();
    await composer.getByText("by bytes", { exact: true }).click();
    await composer.getByLabel("Bytes, in hex").fill("00c1 0000000e 00000015 00000063");
    await sendComposed(page());
    await detail.getByText("response", { exact: true }).click();
    await expect(detail).toContainText("TPM_BADINDEX");
  });

  test("24 PCRs, the same in the guest and on the page, as the event log has them", async () => {
    const text = await run(page(), "cat /sys/class/tpm/tpm0/pcrs");
    const values = Array.from(text.matchAll(/^PCR-\d+: ([0-9A-F ]+)$/gm), ([, hex = ""]) =>
      hex.replaceAll(" ", "").toLowerCase(),
    );
    expect(values).toHaveLength(24);
    await expect.poll(() => shownPcrs(page(), "sha1")).toEqual(values);
    await page().getByRole("tab", { name: "Event log" }).click();
    await expect(page().locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
  });
});

test.describe("an image of one's own", () => {
  /** A floppy whose boot sector says "hi" on the serial port and stops. */
  function floppy(): Buffer {
    const image = Buffer.alloc(1_474_560);
    const say = (character: string) => [0xb0, character.charCodeAt(0), 0xee];
    image.set([0xba, 0xf8, 0x03, ...say("h"), ...say("i"), 0xf4, 0xeb, 0xfd]);
    image.set([0x55, 0xaa], 510);
    return image;
  }

  test("boots from the file picked, and the firmware's log says so", async ({ page }) => {
    await page.goto("/");
    await page.getByText("Kernel, command line, memory").click();
    await page.getByLabel("Floppy: pick a file").setInputFiles({
      name: "hello.img",
      mimeType: "application/octet-stream",
      buffer: floppy(),
    });
    await page.getByRole("button", { name: "Boot the floppy hello.img with a TPM" }).click();
    await page.waitForFunction(() => window.webtpm.serial.text() === "hi", undefined, { timeout: 60_000 });
    await page.getByRole("tab", { name: "Event log" }).click();
    await expect(page.locator("tpm-event-log")).toContainText("Booting BCV device 00h (Floppy)");
    await expect(page.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
  });
});
