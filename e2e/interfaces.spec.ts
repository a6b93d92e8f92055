/**
 * The register interfaces of a PC's TPM with a real guest in Chromium: TIS and CRB, polled and by interrupt, over the
 * bridge and with the hidden machine. Each is measured by the firmware, used by Linux, reset, and put back from a snapshot.
 */
import { expect, type Page, test } from "@playwright/test";
import { accessible } from "./accessible.ts";
import { parsePcrRead, run, shownPcrs, untilShell } from "./page-guest.ts";

interface Kind {
  registers: "tis" | "crb";
  irq: boolean;
  backend: "bridge" | "hidden";
}

/** All eight with WEBTPM_KINDS=all; else those that other tests do not boot. */
const KINDS: readonly Kind[] =
  process.env.WEBTPM_KINDS === "all"
    ? (["tis", "crb"] as const).flatMap((registers) =>
        [false, true].flatMap((irq) =>
          (["bridge", "hidden"] as const).map((backend) => ({ registers, irq, backend })),
        ),
      )
    : [
        { registers: "crb", irq: false, backend: "bridge" },
        { registers: "crb", irq: false, backend: "hidden" },
        { registers: "tis", irq: true, backend: "bridge" },
      ];
/** Of each raw command. */
const RUNS = Number(process.env.WEBTPM_RUNS ?? 50);

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

/** How often the TPM's line has interrupted the guest; undefined where no driver has it. */
async function counted(page: Page): Promise<number | undefined> {
  const count = /^ *5: +(\d+) +IO-APIC +5-fasteoi +tpm0/m.exec(await run(page, "cat /proc/interrupts"))?.[1];
  return count === undefined ? undefined : Number(count);
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
    // Linux's CRB driver knows no interrupt.
    const before = await counted(page);
    expect(before !== undefined).toBe(irq && registers === "tis");
    for (const command of ["GetRandom", "PCR_Read", "PCR_Extend"])
      expect(await run(page, `rawtpm ${command} ${RUNS}`)).toContain(`rawtpm end ${command} ${RUNS}`);
    if (before !== undefined) expect(await counted(page)).toBeGreaterThanOrEqual(before + 3 * RUNS);
    const said = await run(page, "dmesg");
    expect(said).not.toMatch(/nobody cared|TPM interrupt|tpm.*(timed out|timeout|error)/i);

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
  // What the TPM's moves are told with may come late: no step may leave its place under the pointer then.
  const place = () => step("fill the buffer").boundingBox();
  const before = await place();
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
  await expect(page.locator("interface-states summary")).toHaveText("The last 4 moves");
  expect(await place()).toEqual(before);
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
  await accessible(page, "the CRB registers");
});

test("a guest's CRB is held at, stepped through, and played back from a recording", async ({
  page,
  browser,
}) => {
  test.slow();
  await page.goto("/?kernel=small&interface=crb&pane=trace");
  await page.locator(".trace-breakpoints > summary").click();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.locator(".breakpoints li")).toContainText(
    "locality 0 writes Start in TPM_CRB_CTRL_START",
  );
  await page.locator("#tab-machine").click();
  await page.getByRole("button", { name: /^Boot Linux/ }).click();
  const held = page.locator(".standstill");
  await expect(held).toContainText("The machine is held: locality 0 writes Start in TPM_CRB_CTRL_START.", {
    timeout: 120_000,
  });
  await expect(page.locator('[data-held="true"]')).toContainText("TPM2_Startup Start");
  await page.locator("#tab-registers").click();
  await expect(page.locator("interface-states .state.current")).toContainText("completion");
  await expect(page.locator("details.register", { hasText: "TPM_LOC_STATE" }).first()).toContainText("0x");
  await page.locator("#tab-trace").click();
  for (let i = 0; i < 3; i++) {
    const row = page.locator('[data-held="true"]');
    const before = Number(await row.getAttribute("aria-rowindex"));
    await page.getByRole("button", { name: "Next access" }).click();
    await expect(held).toContainText("single step. It stands exactly there.");
    await expect.poll(async () => Number(await row.getAttribute("aria-rowindex"))).toBeGreaterThan(before);
  }
  await page.getByRole("button", { name: "Next command" }).click();
  await expect(page.locator('[data-held="true"]')).toContainText("Start");
  await accessible(page, "a machine that is held at its CRB");
  await page.locator(".breakpoints li").getByRole("checkbox").uncheck();
  await page.getByRole("button", { name: "Go on" }).click();
  await untilShell(page);
  await isMeasured(page);

  await page.locator("#tab-timeline").click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Save recording", exact: true }).click(),
  ]);
  const other = await (await browser.newContext()).newPage();
  await other.goto("/?pane=timeline");
  await other.getByLabel("Open a recording").setInputFiles(await download.path());
  await other.getByRole("button", { name: "Pause" }).click();
  const time = other.getByRole("slider", { name: "Time in the boot" });
  await time.fill((await time.getAttribute("max"))!.replace(/\d$/, "0"));
  await other.locator("#tab-commands").click();
  await other.locator(".command-row", { hasText: "TPM2_PCR_Extend" }).first().click();
  await other.getByRole("button", { name: /^Show its \d+ accesses/ }).click();
  await expect(other.locator('.access-row[aria-selected="true"]')).toContainText("TPM2_PCR_Extend Start");
  await expect(other.locator('.access-row[aria-selected="true"]')).toContainText("CTRL_START");
  await other.context().close();
});
