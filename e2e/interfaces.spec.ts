/**
 * The register interfaces of a PC's TPM with a real guest in Chromium: TIS and CRB, polled and by interrupt, over the
 * bridge and with the hidden machine. Each is measured by the firmware, used by Linux, reset, and put back from a snapshot.
 */
import AxeBuilder from "@axe-core/playwright";
import { expect, type Page, test } from "@playwright/test";
import { parsePcrRead, run, shownPcrs, untilShell } from "./page-guest.ts";

interface Kind {
  registers: "tis" | "crb";
  irq: boolean;
  backend: "bridge" | "hidden";
}

const KINDS: readonly Kind[] = [
  { registers: "crb", irq: false, backend: "bridge" },
  { registers: "crb", irq: false, backend: "hidden" },
  { registers: "tis", irq: true, backend: "bridge" },
];

async function isMeasured(page: Page): Promise<void> {
  await page.getByRole("tab", { name: "Event log" }).click();
  await expect(page.locator("#replay-verdict")).toHaveText(
    /^\s*Replayed, the log gives exactly the TPM's sha\d+ values of PCR 0–9\./,
  );
}

async function isUsed(page: Page, { registers }: Kind): Promise<void> {
  expect(await run(page, "readlink /sys/class/tpm/tpm0/device/driver")).toMatch(
    registers === "crb" ? /tpm_crb$/m : /tpm_tis$/m,
  );
  expect(await run(page, "tpm2_getrandom --hex 16")).toMatch(/^[0-9a-f]{32}$/);
  const values = parsePcrRead(await run(page, "tpm2_pcrread sha256")).get("sha256");
  expect(values).toHaveLength(24);
  await expect.poll(() => shownPcrs(page, "sha256")).toEqual(values);
}

for (const kind of KINDS) {
  const { registers, irq, backend } = kind;
  const name = `${registers.toUpperCase()}, ${irq ? "interrupt" : "polling"}, ${backend}`;
  test(`${name}: measured, used, reset, and put back from a snapshot`, async ({ page }) => {
    test.slow();
    await page.goto(`/?boot=1&kernel=small&interface=${registers}&irq=${irq ? 1 : 0}&backend=${backend}`);
    await untilShell(page);
    await isMeasured(page);
    await isUsed(page, kind);
    // Linux's FIFO driver takes the line, finds that its own test of it failed, and polls: before 6.4 always.
    const interrupts = await run(page, "cat /proc/interrupts");
    if (irq) expect(interrupts).toMatch(/^ *5: +[1-4] +IO-APIC +5-fasteoi/m);
    else expect(interrupts).not.toMatch(/^ *5:/m);

    await run(page, `tpm2_pcrextend 16:sha256=${"42".repeat(32)}; export KEPT=in-memory`);
    const pcr = await page.evaluate(async () => (await window.webtpm.pcrs())[16]);
    await page.evaluate(() => window.webtpm.snapshot("here"));
    await run(page, "tpm2_pcrreset 16");
    await page.evaluate(() => window.webtpm.restore("here"));
    expect(await run(page, "echo $KEPT")).toBe("in-memory\n");
    expect(await page.evaluate(async () => (await window.webtpm.pcrs())[16])).toBe(pcr);
    await isUsed(page, kind);

    await page.evaluate(() => window.webtpm.reset());
    await untilShell(page);
    await isMeasured(page);
    await isUsed(page, kind);
  });
}

test("the machine's settings offer CRB for a TPM 2.0, and say why not for a TPM 1.2", async ({ page }) => {
  await page.goto("/?interface=crb");
  const choice = page.locator("#setup-interface");
  await expect(choice).toHaveValue("CRB");
  await page.getByText("TPM 1.2", { exact: true }).click();
  await expect(page.locator(".notice")).toContainText("The CRB interface is for a TPM 2.0");
  await expect(choice).toHaveValue("TIS");
  await expect(choice.locator("option", { hasText: "CRB" })).toBeDisabled();
  expect(new URL(page.url()).searchParams.get("interface")).toBeNull();
  await page.goto("/?interface=crb&tpm=1.2");
  await expect(page.locator(".notice")).toContainText("a TPM 1.2 has the TIS (FIFO) interface");
});

test("without a machine the CRB registers are shown, driven step by step, and held at", async ({ page }) => {
  await page.goto("/?interface=crb&pane=registers");
  await page.getByRole("button", { name: "Play the driver, with no machine" }).click();
  const registers = page.locator("tpm-registers");
  const state = page.locator("interface-states .state.current");
  const step = (name: string) => registers.getByRole("button", { name, exact: true });
  await expect(step("requestAccess")).toHaveAttribute("aria-current", "step");
  const states: string[] = [];
  for (const [name, then] of [
    ["requestAccess", "idle"],
    ["cmdReady", "ready"],
    ["fill the buffer", "reception"],
    ["Start", "completion"],
  ] as const) {
    await step(name).click();
    await expect(state).toContainText(then);
    states.push(then);
  }
  await expect(step("read response")).toHaveAttribute("aria-current", "step");
  await step("read response").click();
  await expect(page.locator(".driver-response")).toContainText("TPM_RC_SUCCESS");
  await expect(registers.locator("details", { hasText: "TPM_LOC_STATE" })).toContainText("locAssigned");
  await step("goIdle").click();
  await expect(state).toContainText("idle");
  await expect(page.locator("interface-states figcaption")).toContainText(
    "completion → idle, by the write of goIdle to TPM_CRB_CTRL_REQ",
  );
  await step("give back").click();
  await expect(step("requestAccess")).toHaveAttribute("aria-current", "step");
  expect((await new AxeBuilder({ page }).analyze()).violations).toEqual([]);
});
