/** Registers by hand, the trace of accesses and breakpoints, with a real TPM and a real guest in Chromium. */
import { expect, type Page, test } from "@playwright/test";
import { accessible } from "./accessible.ts";
import { manyFrames, run, untilShell } from "./page-guest.ts";

const TPM_GO = 0x20;

async function accessibleInAllShapes(page: Page, what: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await accessible(page, `${colorScheme} ${what}`);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await accessible(page, `narrow ${what}`);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await page.setViewportSize({ width: 1280, height: 800 });
}

const state = (page: Page) => page.locator("interface-states .state.current");
const rows = (page: Page) => page.locator(".access-list .access-row");
const held = (page: Page) => page.locator(".standstill");

test.describe("with no machine", () => {
  test.describe.configure({ mode: "serial" });
  let page: Page;
  test.beforeAll(async ({ browser }) => {
    page = await (await browser.newContext({ colorScheme: "light", reducedMotion: "reduce" })).newPage();
    await page.goto("/?pane=registers");
  });
  test.afterAll(() => page.context().close());

  test("the reader is the driver, by keyboard alone", async () => {
    const press = async (name: string) => {
      await page.getByRole("button", { name, exact: true }).focus();
      await page.keyboard.press("Enter");
    };
    await press("Play the driver, with no machine");
    await expect(state(page)).toContainText("idle");
    await press("requestUse");
    await press("commandReady");
    await expect(state(page)).toContainText("ready");
    await press("write command");
    await expect(state(page)).toContainText("reception");
    await press("tpmGo");
    await expect(state(page)).toContainText("completion");
    await press("read response");
    const response = page.locator(".driver-response");
    await expect(response).toContainText("TPM2_Startup");
    await expect(response).toContainText("TPM_RC_SUCCESS");

    await press("commandReady");
    const bytes = page.getByRole("textbox", { name: "Command bytes, in hex" });
    await bytes.focus();
    await page.keyboard.press("Control+A");
    await page.keyboard.type("8001 0000000c 0000017b 0008");
    await press("write command");
    await press("tpmGo");
    await expect(page.getByRole("button", { name: "read response" })).toHaveAttribute("aria-current", "step");
    await press("read response");
    await expect(response).toContainText("Response, 20 bytes to TPM2_GetRandom");
    await expect(page.locator("interface-states figcaption")).toContainText("by a read of TPM_DATA_FIFO");
    await press("give back");
    await expect(page.getByRole("button", { name: "requestUse" })).toHaveAttribute("aria-current", "step");
  });

  test("a command whose bytes are too few is said to be so", async () => {
    const bytes = page.getByRole("textbox", { name: "Command bytes, in hex" });
    await bytes.fill("8001 0000000c 0000017b 00");
    await expect(page.locator("#driver-problem")).toHaveText(
      "The size field says 12 bytes, but there are 11.",
    );
    await bytes.fill("8001 0000000c 0000017b 0008");
    await expect(page.locator("#driver-problem")).toBeEmpty();
  });

  test("any register is written bit by bit and read, at any locality", async () => {
    await page.locator('input[name="locality"][value="2"]').check();
    const access = page.getByRole("form", { name: "TPM_ACCESS by hand" });
    await access.getByLabel("requestUse").check();
    await expect(access.getByRole("textbox")).toHaveValue("0x02");
    await access.getByRole("button", { name: "Write" }).click();
    await access.getByRole("button", { name: "Read" }).click();
    await expect(access.locator("output")).toHaveText("read 0xA1");
    const sts = page.getByRole("form", { name: "TPM_STS by hand" });
    await sts.getByRole("textbox").fill("0x40");
    await sts.getByRole("button", { name: "Write" }).click();
    await expect(state(page)).toContainText("ready");
    await sts.getByLabel("How many bits of TPM_STS").selectOption("8 bits (8–15)");
    await sts.getByRole("button", { name: "Read" }).click();
    // burstCount is 4096; a byte access to its low half sees as much as fits.
    await expect(sts.locator("output")).toHaveText("read 0xFF");
    await access.getByLabel("requestUse").uncheck();
    await access.getByLabel("activeLocality").check();
    await access.getByRole("button", { name: "Write" }).click();
    await expect(state(page)).toContainText("idle");
    expect(await page.evaluate(() => window.webtpm.read(0xfed4_2000, 1))).toBe(0x81);
  });

  test("nothing bars anybody from it", async () => {
    await accessibleInAllShapes(page, "registers by hand");
  });

  test("every access was recorded, and belongs to its command", async () => {
    await page.locator("#tab-trace").click();
    const filter = page.getByRole("combobox", { name: "Show only" });
    await filter.fill("page write sts tpmGo");
    await expect(rows(page)).toHaveCount(2);
    await expect(rows(page).last()).toContainText("TPM2_GetRandom");
    await rows(page).last().click();
    const link = page.getByRole("button", { name: /^Part of #\d+ TPM2_GetRandom: TPM_RC_SUCCESS$/ });
    await filter.fill("");
    // The whole command is marked, from its first byte to its end.
    const ofIt = page.locator('.access-row[data-range="true"]');
    await expect(ofIt.filter({ hasText: "DATA_FIFO" }).first()).toContainText(
      "80 01 00 00 00 0c 00 00 01 7b 00 08",
    );
    await link.click();
    await expect(page.locator("command-detail")).toContainText("TPM2_GetRandom");
    await page.locator('.command-list [data-id="1"]').click();
    await page.locator("#tab-trace").click();
    await expect(page.locator('.access-row[aria-selected="true"]')).toContainText("TPM2_Startup");
  });

  test("the list is moved through by keys, and searched", async () => {
    await page.locator('.access-row[aria-selected="true"]').focus();
    await page.keyboard.press("Home");
    await expect(rows(page).first()).toBeFocused();
    await page.keyboard.press("ArrowDown");
    await expect(rows(page).nth(1)).toBeFocused();
    await page.keyboard.press("End");
    await expect(rows(page).last()).toBeFocused();
    const filter = page.getByRole("combobox", { name: "Show only" });
    await filter.fill("wrtie");
    await expect(page.locator("#trace-problem")).toContainText("“wrtie” is no register, no field");
    await filter.fill("sts");
    await filter.press("Enter");
    await expect(page.locator("#trace-problem")).toHaveText("No further access like this.");
    await filter.press("Shift+Enter");
    await expect(page.locator(".access-detail")).toContainText("TPM_STS");
    await filter.fill("");
  });
});

test.describe("with a guest", () => {
  test.describe.configure({ mode: "serial" });
  let page: Page;
  test.beforeAll(async ({ browser }) => {
    page = await (await browser.newContext({ colorScheme: "light", reducedMotion: "reduce" })).newPage();
    await page.goto("/?pane=trace");
  });
  test.afterAll(() => page.context().close());

  test("it is held at the first tpmGo of its firmware, exactly there, and its time stands still", async () => {
    await page.locator(".trace-breakpoints > summary").click();
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await expect(page.locator(".breakpoints li")).toContainText("locality 0 writes tpmGo in TPM_STS");
    await page.locator("#tab-machine").click();
    await page.getByRole("button", { name: /^Boot Linux/ }).click();
    await expect(held(page)).toContainText("The machine is held: locality 0 writes tpmGo in TPM_STS.", {
      timeout: 120_000,
    });
    await expect(held(page)).toContainText("It stands exactly there.");
    await expect(rows(page).last()).toContainText("held here TPM2_Startup tpmGo");
    const count = await page.locator(".access-total").textContent();
    await manyFrames(page);
    expect(await page.locator(".access-total").textContent()).toBe(count);
    await accessibleInAllShapes(page, "a machine that is held");
  });

  test("the registers can be opened meanwhile, and show what they have at that access", async () => {
    await page.locator("#tab-registers").click();
    const value = (name: string) =>
      page
        .locator("details.register")
        .filter({ has: page.locator(".register-name", { hasText: new RegExp(`^${name}$`) }) })
        .locator(".register-value");
    await expect(value("TPM_ACCESS")).toHaveText("0xA1");
    await expect(value("TPM_DID_VID")).toHaveText("0x00011014");
    await page.locator("#tab-trace").click();
  });

  test("it goes on by single steps", async () => {
    for (let i = 0; i < 3; i++) {
      const before = Number(await page.locator('[data-held="true"]').getAttribute("aria-rowindex"));
      await page.getByRole("button", { name: "Next access" }).click();
      await expect(held(page)).toContainText("single step. It stands exactly there.");
      const row = page.locator('[data-held="true"]');
      await expect.poll(async () => Number(await row.getAttribute("aria-rowindex"))).toBeGreaterThan(before);
    }
    await page.getByRole("button", { name: "Next command" }).click();
    await expect(page.locator('[data-held="true"]')).toContainText("tpmGo");
  });

  test("it boots on as if nothing had been, with the breakpoint for another command", async () => {
    await page.locator(".breakpoints li").getByRole("checkbox").uncheck();
    await page.getByLabel("Hold when").selectOption("a command runs");
    await page.getByRole("textbox", { name: "Command code in hex" }).fill("17a");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByRole("button", { name: "Go on" }).click();
    await expect(held(page)).toContainText("TPM2_GetCapability runs", { timeout: 60_000 });
    await page.getByRole("button", { name: "Remove: TPM2_GetCapability runs" }).click();
    await page.getByRole("button", { name: "Go on" }).click();
    await untilShell(page);
    const log = await run(page, "dmesg");
    expect(log).toContain("2.0 TPM (device-id 0x1, rev-id 1)");
    expect(log).not.toMatch(/tpm.*(error|timed? ?out|failed)/i);
    await page.locator("#tab-eventlog").click();
    await expect(page.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
  });

  test("a result can be waited for, and the registers be looked at meanwhile", async () => {
    await page.locator("#tab-trace").click();
    await page.getByLabel("Hold when").selectOption("a result is read");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    // An NV index that is not there.
    await page.evaluate(() => window.webtpm.serial.send("tpm2_nvreadpublic 0x1800042; echo again\n"));
    await expect(held(page)).toContainText("a command fails");
    await page.locator("#tab-registers").click();
    await expect(state(page)).toContainText("completion");
    await expect(page.getByRole("note").filter({ hasText: "A guest drives this TPM" })).toBeHidden();
    await page.getByText("Play the driver", { exact: true }).click();
    await expect(page.getByRole("note").filter({ hasText: "A guest drives this TPM" })).toBeVisible();
    await page.locator("#tab-trace").click();
    await page.getByRole("button", { name: /^Remove: a command fails/ }).click();
    await page.getByRole("button", { name: "Go on" }).click();
    await page.waitForFunction(() =>
      /again\r?\n/.test(window.webtpm.serial.text().split("echo again").at(-1) ?? ""),
    );
  });

  test("a reset lets a machine go that is held", async () => {
    await page.locator(".breakpoints li").getByRole("checkbox").check();
    await page.evaluate(() => window.webtpm.serial.send("tpm2_getrandom 4 >/dev/null\n"));
    await expect(held(page)).toBeVisible();
    await page.locator(".breakpoints li").getByRole("checkbox").uncheck();
    await page.getByRole("button", { name: "Reset" }).click();
    await expect(held(page)).toBeHidden();
    await untilShell(page);
    await page.getByRole("combobox", { name: "Show only" }).fill("reset");
    await expect(rows(page).filter({ hasText: "the machine and its TPM were reset" })).toHaveCount(1);
  });

  test("closed and told not to keep recording, nothing is recorded", async () => {
    await page.getByRole("checkbox", { name: "keep recording" }).uncheck();
    await page.locator("#tab-pcrs").click();
    const length = () =>
      page.evaluate(() => {
        const list = document.querySelector("tpm-trace") as HTMLElement & {
          store: { state: { recorder: { ring: { end: number }; recording: boolean } } };
        };
        const { ring, recording } = list.store.state.recorder;
        return [ring.end, recording];
      });
    await expect.poll(async () => (await length())[1]).toBe(false);
    const [before] = await length();
    await run(page, "tpm2_getrandom --hex 4");
    expect(await length()).toEqual([before, false]);
    expect(await page.evaluate(() => window.webtpm.read(0xfed4_0018, 4))).not.toBe(TPM_GO);
  });
});

test("while another machine is switched on, the last one's registers stay in sight, out of reach", async ({
  page,
}) => {
  await page.goto("/?pane=registers&boot=1");
  await untilShell(page);
  await page.getByText("Play the driver", { exact: true }).click();
  const read = page.getByRole("form", { name: "TPM_ACCESS by hand" }).getByRole("button", { name: "Read" });
  const outcome = page.getByRole("form", { name: "TPM_ACCESS by hand" }).getByRole("status");
  await read.click();
  await expect(outcome).toContainText("read 0x");
  const registers = page.locator(".registers");
  const before = await registers.elementHandle();
  const seen = await page.evaluate(async () => {
    const element = document.querySelector<HTMLElement>(".registers")!;
    const texts: string[] = [];
    const seen = new MutationObserver(() => {
      texts.push(`${element.inert} ${element.textContent?.includes("TPM_ACCESS")}`);
    });
    seen.observe(element, { attributeFilter: ["inert"] });
    await window.webtpm.boot();
    return texts;
  });
  expect(seen).toEqual(["true true", "false true"]);
  await untilShell(page);
  expect(await registers.evaluate((element, old) => element === old, before)).toBe(true);
  // Nothing of what the last TPM said is left.
  await expect(outcome).toHaveText("");
  await read.click();
  await expect(outcome).toContainText("read 0x");
});

test("a million accesses scroll smoothly", async ({ page }) => {
  await page.goto("/?pane=trace");
  await expect(page.locator("tpm-trace")).toBeVisible();
  await page.evaluate(() => {
    const trace = document.querySelector("tpm-trace") as HTMLElement & {
      store: { state: { recorder: { ring: { push(time: number, word: number, value: number): void } } } };
    };
    const { ring } = trace.store.state.recorder;
    const READ_STS = (4 << 16) | 0x18;
    for (let i = 0; i < 1_000_000; i++) ring.push(i / 100, READ_STS, i & 1 ? 0x0400_0a90 : (i << 8) >>> 0);
  });
  await expect(page.locator(".access-table")).toHaveAttribute("aria-rowcount", "1000001");
  await expect(page.locator(".access-total")).toHaveText("1,000,000");
  // Up and down and each time somewhere else: what is there is drawn, and nothing more than that.
  const most = await page.evaluate(async () => {
    const list = document.querySelector(".access-list") as HTMLElement;
    const index = (row: Element | undefined) => Number(row?.getAttribute("aria-rowindex")) - 2;
    let most = 0;
    for (let i = 0; i < 200; i++) {
      const part = (i % 2 ? i : 200 - i) / 200;
      list.scrollTop = part * (list.scrollHeight - list.clientHeight);
      for (let drawn = false; !drawn; ) {
        await new Promise(requestAnimationFrame);
        const rows = Array.from(list.querySelectorAll(".access-row"));
        most = Math.max(most, rows.length);
        const wanted = Math.floor(part * 999_999);
        drawn = index(rows[0]) <= wanted && wanted <= index(rows.at(-1));
      }
    }
    return most;
  });
  expect(most).toBeLessThan(100);
});
