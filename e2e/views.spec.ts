/** Decoder and composer, PCR chains, two boots, timeline and recordings, with a real boot in Chromium. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, type Page, test } from "@playwright/test";
import { accessible } from "./accessible.ts";
import { run, sendComposed, shownPcrs, untilShell } from "./page-guest.ts";

const VIEWS = ["commands", "pcrs", "eventlog", "trace", "timeline"];
const folder = mkdtempSync(join(tmpdir(), "webtpm-views-"));

async function show(page: Page, pane: string): Promise<void> {
  await page.locator(`#tab-${pane}`).click();
}

/** Clicks a button that saves a file. @returns where the file is now. */
async function saved(page: Page, button: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button, exact: true }).click(),
  ]);
  const path = join(folder, download.suggestedFilename());
  await download.saveAs(path);
  return path;
}

/** The file as pages wrote it that did not record accesses. */
function withoutAccesses(recording: string) {
  const { accesses, ...rest } = JSON.parse(gunzipSync(readFileSync(recording)).toString());
  expect(accesses.length).toBeGreaterThan(500);
  const buffer = gzipSync(JSON.stringify(rest));
  return { name: "older.webtpm", mimeType: "application/octet-stream", buffer };
}

const tool = (name: string, args: string[]) =>
  execFileSync(name, args, { encoding: "utf8", timeout: 60_000 });

test.describe("a real boot", () => {
  test.describe.configure({ mode: "serial" });
  let page: Page;
  let recording: string;
  let pcrs: string[];

  test.beforeAll(async ({ browser }) => {
    const context = await browser.newContext({ colorScheme: "light", reducedMotion: "reduce" });
    page = await context.newPage();
    page.on("pageerror", (error) => console.error("page:", error));
    await page.goto("/?boot=1&pane=timeline");
    await untilShell(page);
    // Until the page has read what the boot changed in the PCRs: it asks the TPM for nothing more.
    let before = -1;
    const asked = async () => {
      const last = before;
      before = await page.evaluate(() => window.webtpm.commands().length);
      return before === last;
    };
    await expect.poll(asked, { intervals: [1000] }).toBe(true);
  });
  test.afterAll(() => page.context().close());

  test("a command is composed by its fields, sent, and answered", async () => {
    await show(page, "commands");
    await page.getByRole("button", { name: "Compose" }).click();
    const composer = page.locator("command-composer");
    await composer.getByRole("combobox", { name: "Command" }).selectOption("GetRandom");
    await composer.getByRole("textbox", { name: "bytesRequested" }).fill("11");
    await expect(composer.locator(".hexdump")).toContainText("80 01 00 00 00 0c 00 00 01 7b 00 0b");
    await composer.getByRole("textbox", { name: "bytesRequested" }).fill("many");
    await expect(composer.getByRole("alert")).toContainText("bytesRequested: 'many' is neither a number");
    await composer.getByRole("textbox", { name: "bytesRequested" }).fill("11");
    await sendComposed(page);
    const detail = page.locator("command-detail");
    await detail.getByText("response", { exact: true }).click();
    await expect(detail.getByRole("treeitem", { name: /^randomBytes/ })).toBeVisible();
    await expect(page.locator('.command-row[aria-selected="true"]')).toContainText("you");
    // The guest's kernel fetches random bytes of its own every now and then.
    const sent = await page.evaluate(
      () =>
        window.webtpm.commands().findLast(({ request }) => request === "80010000000c0000017b000b")?.response,
    );
    expect(sent).toMatch(/^80010000001700000000000b[0-9a-f]{22}$/);
  });

  test("fields and bytes mark each other, by pointer and by keyboard", async () => {
    const detail = page.locator("command-detail");
    const field = detail.getByRole("treeitem", { name: /^responseSize/ });
    await field.hover();
    await expect(detail.locator(".hexdump .is-hot")).toHaveText(["00", "00", "00", "17"]);
    await detail.locator(".hexdump [data-at='6']").hover();
    await expect(detail.getByRole("treeitem", { name: /^responseCode/ })).toHaveClass(/is-hot/);
    await detail.locator(".hexdump").focus();
    await page.keyboard.press("Home");
    await expect(detail.getByRole("treeitem", { name: /^tag/ })).toHaveClass(/is-hot/);
    await detail.getByRole("treeitem", { name: /^tag/ }).focus();
    await page.keyboard.press("ArrowDown");
    await expect(detail.getByRole("treeitem", { name: /^responseSize/ })).toBeFocused();
    await expect(detail.locator(".pointed")).toContainText("bytes 2–5: responseSize = 23");
  });

  test("bytes that nothing describes are shown, and the list is searched", async () => {
    await page.getByRole("button", { name: "Compose" }).click();
    const composer = page.locator("command-composer");
    await composer.getByText("by bytes").click();
    await composer.getByLabel("Bytes, in hex").fill("8001 0000000e 0000017b 0008 beef");
    await expect(composer.locator(".field.is-unknown")).toContainText("surplus");
    await composer.getByRole("button", { name: "Close the composer" }).click();
    const search = page.getByRole("searchbox", { name: "Search the commands" });
    await search.fill("pcr_extend");
    const names = page.locator(".command-list .command-name");
    await expect(names.first()).toHaveText("TPM2_PCR_Extend");
    expect(new Set(await names.allTextContents())).toEqual(new Set(["TPM2_PCR_Extend"]));
    // The line about each is searched too; what was chosen so stays in sight among all.
    await search.fill("extend sha256 pcr 9:");
    const first = page.locator(".command-list .command-row").first();
    await expect(first).toContainText(/TPM2_PCR_Extend extend PCR 9: sha1 [0-9a-f]+…, sha256 [0-9a-f]+/);
    await first.click();
    await search.fill("");
    await expect(page.locator('.command-row[aria-selected="true"]')).toBeInViewport();
  });

  test("a command is refused in words while the guest has the TPM", async () => {
    // Not locality 0: Linux draws random numbers of its own there, and then gives it back.
    const ACCESS = 0xfed41000;
    await page.evaluate((access) => window.webtpm.write(access, 1, 0x02), ACCESS);
    await page.getByRole("button", { name: "Compose" }).click();
    await page.locator("command-composer").getByRole("button", { name: "Send" }).click();
    await expect(page.locator(".composer-said")).toContainText(/Not sent: .*has the TPM \(locality [01]/);
    await page.evaluate((access) => window.webtpm.write(access, 1, 0x20), ACCESS);
    await page.getByRole("button", { name: "Close the composer" }).click();
  });

  test("Wireshark's dissector opens the capture, and JSON has the fields", async () => {
    const pcap = await saved(page, "pcap");
    const text = tool("tshark", ["-r", pcap, "-T", "fields", "-e", "tpm.req.cc", "-Y", "tpm.req.cc"]);
    const codes = text.trim().split("\n").map(Number);
    const sent = await page.evaluate(() =>
      window.webtpm.commands().map(({ request }) => parseInt(request.slice(12, 20), 16)),
    );
    expect(codes.length).toBeGreaterThan(20);
    expect(codes).toEqual(sent.slice(0, codes.length));
    const json = JSON.parse(readFileSync(await saved(page, "JSON"), "utf8"));
    expect(json.format).toBe("webtpm-trace");
    expect(json.commands[0].command).toBe("TPM2_Startup");
  });

  test("PCR 8, 9 and 10 are explained link by link", async () => {
    await shownPcrs(page, "sha256");
    const chainOf = async (pcr: number) => {
      await page.getByRole("button", { name: `PCR ${pcr}: how it came to be` }).click();
      const cell = page.locator(".pcr-chain");
      await expect(cell.locator(".chain-end")).toContainText(/^✓/);
      return cell.locator(".chain li").allInnerTexts();
    };
    const eight = (await chainOf(8)).join("\n");
    expect(eight).toContain("kernel_cmdline: console=ttyS0");
    expect(eight).toContain(
      "by the option ROM that starts kernel, initrd and command line directly, in phase option ROM",
    );
    const nine = (await chainOf(9)).join("\n");
    expect(nine).toMatch(/vmlinuz[\s\S]*initrd/);
    const ten = (await chainOf(10)).join("\n");
    expect(ten).toContain("boot_aggregate");
    expect(ten).toContain("by the running kernel (IMA), in phase kernel");
    const digest = await run(page, `tpm2_pcrextend 16:sha256=${"17".repeat(32)} && echo done`);
    expect(digest).toContain("done");
    await expect(page.locator('.pcrs tr[data-pcr="16"]')).toContainText("changed last");
    const sixteen = (await chainOf(16)).join("\n");
    expect(sixteen).toContain("by a program in the guest, or its user, in phase shell");
  });

  test("a link leads to its event and its command", async () => {
    await page.getByRole("button", { name: "PCR 8: how it came to be" }).click();
    await page
      .locator(".pcr-chain")
      .getByRole("button", { name: /^event/ })
      .click();
    const chosen = page.locator(".event.is-chosen");
    await expect(chosen).toContainText("kernel_cmdline");
    await chosen.getByRole("button", { name: /^command \d+, TPM2_PCR_Extend/ }).click();
    await expect(page.locator("command-detail")).toContainText("PCR 8");
  });

  test("one selection goes through all views: PCR, command, bytes, accesses, event, timeline", async () => {
    const bar = page.getByRole("region", { name: "Selection" });
    const way = (name: RegExp) => bar.getByRole("button", { name });
    await bar.getByRole("button", { name: "Select nothing" }).click();
    await expect(bar).toContainText("Choose a command");
    await show(page, "pcrs");
    const link = page.locator(".pcr-chain .chain li", { hasText: "kernel_cmdline" });
    // What was open for a selection closes with it, which may be seen a moment later.
    await expect(async () => {
      if (!(await link.count())) await page.getByRole("button", { name: "PCR 8: how it came to be" }).click();
      await expect(link).toBeVisible({ timeout: 1000 });
      await link.getByRole("button", { name: "its accesses" }).click({ timeout: 1000 });
    }).toPass();

    const access = page.locator('.access-row[aria-selected="true"]');
    await expect(access).toContainText("TPM2_PCR_Extend tpmGo");
    const put = page.locator('.access-row[data-range="true"]', { hasText: "DATA_FIFO" }).first();
    await expect(put).toContainText(/\d+ × 80 02 00 00 /);
    await expect(bar).toContainText(/\d+\.\d\d s in phase option ROM/);
    await expect(way(/^Show its \d+ accesses to the registers$/)).toHaveAttribute("aria-current", "true");

    await way(/^Show event \d+ of the log$/).click();
    await expect(page.locator(".event.is-chosen")).toContainText("kernel_cmdline");
    await expect(page.locator(".event.is-chosen")).toBeInViewport();
    await way(/^Show command #\d+ TPM2_PCR_Extend with its bytes$/).click();
    await expect(page.locator('.command-row[aria-selected="true"]')).toBeInViewport();
    await expect(page.locator("command-detail .hexdump")).toContainText("80 02 00 00");
    await way(/timeline$/).click();
    await expect(page.locator(".timeline-table tr.is-chosen")).toContainText("kernel_cmdline");
    await way(/^Show PCR 8/).click();
    await expect(page.locator('.chain li[aria-current="true"]')).toContainText("kernel_cmdline");

    // And from the other end, by keyboard: an access of another command.
    await way(/accesses/).click();
    const command = (await way(/^Show command/).textContent()) ?? "";
    const filter = page.getByRole("combobox", { name: "Show only" });
    await filter.fill("write sts tpmGo");
    await access.focus();
    await page.keyboard.press("ArrowUp");
    await expect(way(/^Show command/)).not.toHaveText(command);
    await expect(way(/^Show command/)).toContainText(/^#\d+ TPM/);
    await filter.fill("");
    await way(/^Show command/).press("Enter");
    await expect(page.locator('.command-row[aria-selected="true"]')).toBeInViewport();
    await accessible(page, "selection");
  });

  test("the log's YAML is tpm2_eventlog's", async () => {
    await show(page, "eventlog");
    const yaml = readFileSync(await saved(page, "YAML"), "latin1");
    const theirs = execFileSync("tpm2_eventlog", [await saved(page, "binary")], { encoding: "latin1" });
    expect(yaml).toBe(theirs);
  });

  test("a log is opened from a file, compared with the TPM, and a changed digest pointed at", async () => {
    await show(page, "eventlog");
    const pane = page.locator("tpm-event-log");
    const events = await pane.locator(".event").count();
    const file = readFileSync(await saved(page, "binary"));
    const open = (buffer: Buffer) =>
      pane
        .getByLabel("Open an event log")
        .setInputFiles({ name: "other.bin", mimeType: "application/octet-stream", buffer });
    await open(file);
    await expect(pane.locator(".pane-foot")).toContainText("other.bin: format 2.0");
    await expect(pane.locator(".event")).toHaveCount(events);
    await expect(pane.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
    const last = pane.locator(".event").last();
    const changed = Buffer.from(file);
    const digest = await page.evaluate(() => window.webtpm.eventLog().at(-1)?.digests.sha256);
    const at = changed.indexOf(Buffer.from(digest ?? "none", "hex"));
    expect(at).toBeGreaterThan(0);
    changed[at]! ^= 0xff;
    await open(changed);
    await expect(pane.locator("#replay-verdict")).toHaveAttribute("data-tone", "bad");
    await accessible(page, "a log from a file");
    await open(Buffer.from("no log"));
    await expect(pane.getByRole("alert")).toContainText("“other.bin” could not be shown");
    await pane.getByText("this boot", { exact: true }).click();
    await expect(pane.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
    await expect(last).toBeVisible();
  });

  test("a kernel that was told to measure nothing has one entry, and the way to more is said", async () => {
    await show(page, "eventlog");
    const pane = page.locator("tpm-event-log");
    await pane.getByText("Linux’s list", { exact: true }).click();
    await expect(pane).toContainText("The firmware's log ends where Linux starts");
    await pane.getByRole("button", { name: "Read it from the guest" }).click();
    await expect(pane.locator("ima-view .event")).toHaveText(/boot_aggregate/);
    await expect(pane).toContainText("ima_policy=tcb rootfstype=ramfs");
    await pane.getByText("this boot", { exact: true }).click();
  });

  test("the timeline has the phases, and each mark selects its command", async () => {
    await show(page, "timeline");
    const legend = page.locator(".timeline-legend");
    for (const phase of ["firmware", "option ROM", "kernel", "init", "shell"])
      await expect(legend).toContainText(phase);
    const guest = await page.evaluate(() =>
      window.webtpm.commands().filter(({ name }) => name === "TPM2_PCR_Extend"),
    );
    const wanted = guest[0]!.id;
    await page.locator(`.timeline-measured[data-command="${wanted}"]`).click();
    await expect(page.locator(".timeline-table tr.is-chosen")).toContainText("TPM2_PCR_Extend");
    const plot = page.getByRole("application", { name: /^Timeline of the boot/ });
    const rows = page.locator(".timeline-table tbody tr");
    const all = await rows.count();
    await plot.focus();
    for (let i = 0; i < 6; i++) await page.keyboard.press("+");
    expect(await rows.count()).toBeLessThan(all);
    await expect(page.locator(".timeline-table tr.is-chosen")).toHaveCount(1);
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Home");
    await expect(rows).toHaveCount(all);
    await plot.hover();
    await page.mouse.wheel(0, -400);
    await expect.poll(() => rows.count()).toBeLessThan(all);
    await page.getByRole("button", { name: "All", exact: true }).click();
    await rows.nth(3).getByRole("button").click();
    await show(page, "commands");
    await expect(page.locator('.command-row[aria-selected="true"]')).toHaveCount(1);
  });

  test("the boot is saved, and played with no machine, no TPM and no server", async ({ browser }) => {
    pcrs = await shownPcrs(page, "sha256");
    const events = await page.evaluate(() => window.webtpm.eventLog().length);
    await show(page, "timeline");
    recording = await saved(page, "Save recording");
    expect(readFileSync(recording).length).toBeLessThan(100_000);

    const context = await browser.newContext({ colorScheme: "light", reducedMotion: "reduce" });
    const other = await context.newPage();
    await other.goto("/?pane=timeline");
    await other.getByLabel("Open a recording").setInputFiles(recording);
    const time = other.getByRole("slider", { name: "Time in the boot" });
    await expect(time).toBeVisible();
    await other.waitForFunction(() => document.documentElement.dataset.views === "here");
    await context.setOffline(true);
    await other.getByRole("button", { name: "Pause" }).click();
    await time.fill((await time.getAttribute("max"))!.replace(/\d$/, "0"));
    expect(await shownPcrs(other, "sha256")).toEqual(pcrs);
    await show(other, "eventlog");
    await expect(other.locator(".event")).toHaveCount(events);
    await expect(other.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
    await show(other, "commands");
    await expect(other.locator(".command-list")).toContainText("TPM2_GetRandom");
    expect(await other.evaluate(() => window.webtpm.serial.text())).toContain("webtpm# ");
    await other.locator(".command-row", { hasText: "TPM2_PCR_Extend" }).first().click();
    await other.getByRole("button", { name: /^Show its \d+ accesses/ }).click();
    await expect(other.locator('.access-row[aria-selected="true"]')).toContainText("TPM2_PCR_Extend tpmGo");
    await expect(other.getByRole("button", { name: /^Part of #\d+ TPM2_PCR_Extend/ })).toBeVisible();
    await accessible(other, "replay");
    await show(other, "commands");
    await time.fill("0");
    expect(await other.evaluate(() => window.webtpm.serial.text())).toBe("");
    await expect(other.locator("tpm-commands")).toContainText("Each one will be listed here");
    await other.getByRole("combobox", { name: "Speed" }).selectOption("8×");
    await other.getByRole("button", { name: "Play" }).click();
    await expect(other.locator(".command-list")).toContainText("TPM2_PCR_Extend");
    await other.getByRole("button", { name: "Close the recording" }).click();
    await expect(other.locator(".player")).toHaveCount(0);
    await other.getByLabel("Open a recording").setInputFiles(withoutAccesses(recording));
    await other.getByRole("button", { name: "Pause" }).click();
    await show(other, "trace");
    await expect(other.locator("tpm-trace")).toContainText("This recording was made without them");
    await context.close();
  });

  test("a damaged recording is refused in words", async ({ browser }) => {
    const other = await (await browser.newContext()).newPage();
    await other.goto("/?pane=timeline");
    const file = { name: "cut.webtpm", mimeType: "application/octet-stream" };
    await other
      .getByLabel("Open a recording")
      .setInputFiles({ ...file, buffer: readFileSync(recording).subarray(0, 800) });
    await expect(other.locator(".notice")).toContainText("“cut.webtpm” could not be played.");
    await expect(other.locator(".notice")).toContainText("damaged");
    await other.context().close();
  });

  test("two boots stand side by side, with what changed and why", async () => {
    await show(page, "machine");
    await page.getByText("Kernel, command line, memory").click();
    const field = page.getByRole("textbox", { name: "Command line" });
    await field.fill(`${await field.inputValue()} tampered=1 ima_policy=tcb rootfstype=ramfs`);
    await field.blur();
    await page.getByRole("button", { name: "Restart: boot Linux" }).click();
    await untilShell(page);
    await show(page, "eventlog");
    await page.locator("tpm-event-log").getByText("two boots").click();
    const changed = page.locator('.two-boots tr[data-kind="changed"]');
    await expect(changed).toHaveCount(1);
    await expect(changed.getByRole("rowheader")).toHaveText("8");
    await expect(changed.locator("td").last()).toContainText("tampered=1");
    await expect(changed.locator(".two-boots-why")).toContainText("became");
    await accessible(page, "two boots");
  });

  test("Linux's own list is read from the guest, replayed against PCR 10, and explains its chain", async () => {
    await show(page, "eventlog");
    const pane = page.locator("tpm-event-log");
    const verdicts = pane.locator("ima-view .verdict");
    const rows = pane.locator("ima-view .event");
    const read = pane.getByRole("button", { name: "Read it from the guest" });
    await pane.getByText("Linux’s list", { exact: true }).click();
    await read.click();
    await expect(verdicts.first()).toContainText("gives exactly the TPM's sha256 value of PCR 10");
    await expect(verdicts.nth(1)).toContainText("the list belongs to this boot");
    await expect(rows.filter({ hasText: "/bin/busybox" })).toHaveCount(1);
    const before = await rows.count();
    await run(page, "tpm2_getrandom --hex 8");
    await expect(verdicts.first()).toContainText("it has grown. Read it again");
    await read.click();
    await expect(verdicts.first()).toHaveAttribute("data-tone", "good");
    expect(await rows.count()).toBeGreaterThan(before);
    await rows.filter({ hasText: "/init" }).locator("summary").click();
    await expect(rows.filter({ hasText: "/init" })).toContainText("the hash of the entry's fields");
    await accessible(page, "Linux's list");

    await shownPcrs(page, "sha256");
    // Folded out already: the entry that was looked at is selected.
    const chain = page.locator(".pcr-chain");
    await expect(chain.locator(".chain-end")).toContainText(/^✓/);
    await expect(chain.locator(".chain li", { hasText: "/init" })).toContainText(
      "by the running kernel (IMA)",
    );
    // From the link of the chain to the entry, and from there to the command.
    const link = chain.locator(".chain li", { hasText: "/bin/busybox" });
    await link.getByRole("button", { name: "Linux’s list" }).click();
    const entry = rows.filter({ hasText: "/bin/busybox" });
    await expect(entry).toHaveClass(/is-chosen/);
    await expect(entry).toBeInViewport();
    await expect(page.getByRole("button", { name: /^Show entry \d+ of Linux’s list$/ })).toBeVisible();
    await entry.getByRole("button", { name: /^command \d+, TPM2_PCR_Extend$/ }).click();
    await expect(page.locator(".command-row[aria-selected=true]")).toContainText("PCR_Extend");
  });

  test("a list from a file is compared, and a changed entry pointed at", async () => {
    const PATH = "/sys/kernel/security/ima/ascii_runtime_measurements";
    const real = await run(page, `cat ${PATH}`);
    const changed = real.replace(" /init", " /unit");
    expect(changed).not.toBe(real);
    await show(page, "eventlog");
    const view = page.locator("ima-view");
    const open = (text: string) =>
      view
        .getByLabel("Open an IMA list")
        .setInputFiles({ name: "list.txt", mimeType: "text/plain", buffer: Buffer.from(text) });
    await open(changed);
    await expect(view.locator(".verdict").first()).toHaveAttribute("data-tone", "bad");
    const row = view.locator(".event", { hasText: "/unit" });
    await row.locator("summary").click();
    await expect(row).toContainText("not the hash of the entry's fields: it was changed");
    await open("something else");
    await expect(view.getByRole("alert")).toContainText("“list.txt” is no IMA list");
    await open(real);
    await expect(view.locator(".verdict").first()).toHaveAttribute("data-tone", "good");
    await expect(view.locator(".pane-foot")).toContainText("of the file list.txt");
  });
});

test.describe("the recorded boot that comes with the page", () => {
  for (const [what, colorScheme, width] of [
    ["light", "light", 1280],
    ["dark", "dark", 1280],
    ["narrow", "light", 390],
  ] as const) {
    test(`nothing bars anybody: ${what}`, async ({ page }) => {
      test.slow(); // axe looks at eight views
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.setViewportSize({ width, height: 800 });
      await page.goto("/");
      await expect(page.locator(".player")).toBeVisible();
      for (const view of VIEWS) {
        await show(page, view);
        await accessible(page, `${what} ${view}`);
      }
      await page.getByRole("button", { name: "Save recording" }).waitFor();
      await page.locator(".timeline-table button").first().click();
      await show(page, "commands");
      await accessible(page, `${what} command`);
      await page.getByRole("button", { name: "Compose" }).click();
      await accessible(page, `${what} composer`);
      await show(page, "pcrs");
      await page.getByRole("button", { name: "PCR 4: how it came to be" }).click();
      await accessible(page, `${what} chain`);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    });
  }
});

test("the page begins with a recorded boot, and booting ends it", async ({ page }) => {
  await page.goto("/");
  await expect(page.getByRole("region", { name: "Recording" })).toContainText("A recorded boot");
  await expect(page.getByRole("tab", { name: /^Commands \d/ })).toBeVisible();
  await page.getByRole("button", { name: "Boot Linux with a TPM" }).first().click();
  await expect(page.locator(".player")).toHaveCount(0);
  await untilShell(page);
  await show(page, "eventlog");
  await expect(page.locator("#replay-verdict")).toHaveAttribute("data-tone", "good");
  await expect(page.locator("#boot-verdict")).toHaveCount(0);
});
