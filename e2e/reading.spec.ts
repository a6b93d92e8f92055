/** Files at their limits, opened in Chromium: a worker reads them, the page draws meanwhile, and each can be given up. */
import "fake-indexeddb/auto";
import { gzipSync } from "node:zlib";
import { expect, type Page, test } from "@playwright/test";
import { log20 } from "../src/protocol/eventlog/testing.ts";
import { joined } from "../src/protocol/eventlog/testing-data.ts";
import { RECORDING } from "../src/session/reading/limits.ts";
import { exportMachine } from "../src/session/vault/export.ts";
import { openVault } from "../src/session/vault/store.ts";
import { snapshot, tpmSave } from "../src/session/vault/testing.ts";
import { accessible } from "./accessible.ts";

const READER = /reader\.worker/;

const file = (name: string, bytes: Uint8Array) => ({
  name,
  mimeType: "application/octet-stream",
  buffer: Buffer.from(bytes),
});

/** As many commands as a recording may have, and much of all else. */
function largeRecording(): Buffer {
  const times = (count: number) => Array.from({ length: count }, (_, i) => (i * 10_000) / count);
  const pcrs = times(100_000).map((time, i) => [time, "sha256", i % 24, "00".repeat(32)]);
  const text = JSON.stringify({
    format: "webtpm-recording",
    version: 1,
    label: "as large as may be",
    tpm: "2.0",
    at: 1_700_000_000_000,
    duration: 10_000,
    commands: times(RECORDING.commands).map((at) => [at, 0.1, 0, "guest", "80010000000c0000017b0008", "80"]),
    serial: times(200_000).map((at) => [at, "61"]),
    pcrs: [...Array.from({ length: 24 }, (_, i) => [0, "sha256", i, "00".repeat(32)]), ...pcrs],
    log: [[0, "00"]],
    accesses: times(200_000).map((at) => [at, 0x40018, 1]),
  });
  return gzipSync(text, { level: 1 });
}

/** An export whose machine has 256 MiB of zeros. */
async function largeExport(): Promise<Uint8Array> {
  const vault = openVault("large");
  const { id } = await vault.create({ name: "Large", tpmVersion: "2.0" });
  await vault.saveTpm(id, tpmSave());
  await vault.putSnapshot(id, { ...snapshot("before"), emulator: new Uint8Array(256 << 20) });
  const { blob } = await exportMachine(vault, id);
  vault.close();
  return new Uint8Array(await blob.arrayBuffer());
}

/** 64 MiB: 100,000 events with two digests each, and their data. */
function largeLog(): Uint8Array {
  const head = log20(["sha256"], []);
  const size = 600;
  const events = new Uint8Array(100_000 * size);
  const view = new DataView(events.buffer);
  for (let at = 0; at < events.length; at += size) {
    view.setUint32(at, (at / size) % 8, true);
    view.setUint32(at + 4, 1, true);
    view.setUint32(at + 8, 1, true);
    view.setUint16(at + 12, 0x0b, true);
    view.setUint32(at + 46, size - 50, true);
  }
  return joined(head, events);
}

/** What the progress of readings says from now on: one text for each time that the page has drawn it anew. */
async function watchProgress(page: Page): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const seen: string[] = [];
    const look = () => {
      const text = document.querySelector(".file-reading label, .machines-work label")?.textContent?.trim();
      if (text && seen.at(-1) !== text) seen.push(text);
      requestAnimationFrame(look);
    };
    look();
    Object.assign(window, { seenProgress: seen });
  });
  return () => page.evaluate(() => (window as unknown as { seenProgress: string[] }).seenProgress);
}

const readers = (page: Page) => page.workers().filter((worker) => READER.test(worker.url()));

/** What went wrong in the page. */
const errors: string[] = [];
test.beforeEach(({ page }) => {
  errors.length = 0;
  page.on("pageerror", (error) => errors.push(error.message));
});
test.afterEach(() => expect(errors).toEqual([]));

test.describe("a file as large as may be", () => {
  test("with a recording is read in a worker while the page draws", async ({ page }) => {
    await page.goto("/?pane=timeline");
    const seen = await watchProgress(page);
    const worker = page.waitForEvent("worker", (one) => READER.test(one.url()));
    await page.getByLabel("Open a recording").setInputFiles(file("large.webtpm", largeRecording()));
    await worker;
    await expect(page.getByText("as large as may be").first()).toBeVisible({ timeout: 120_000 });
    const steps = (await seen()).map((text) => /: ([a-z ]+)/.exec(text)?.[1]);
    expect(Array.from(new Set(steps))).toEqual(expect.arrayContaining(["checking", "taking over"]));
    // Drawn again and again while it comes over: no frame had to wait for all of it.
    expect(steps.filter((step) => step === "taking over").length).toBeGreaterThan(10);
    expect(readers(page)).toEqual([]);
  });

  test("with an event log is read in a worker while the page draws", async ({ page }) => {
    await page.goto("/?pane=eventlog");
    const seen = await watchProgress(page);
    await page
      .getByLabel("Open an event log")
      .setInputFiles(file("large.bin", largeLog().subarray(0, 49 << 20)));
    await expect(page.locator(".pane-foot").filter({ hasText: "large.bin" })).toBeVisible({
      timeout: 120_000,
    });
    const texts = await seen();
    expect(texts.filter((text) => text.includes("reading, ")).length).toBeGreaterThan(3);
    expect(texts.filter((text) => text.includes("taking over, ")).length).toBeGreaterThan(10);
    expect(readers(page)).toEqual([]);
  });

  test("with a machine is read in a worker while the page draws", async ({ page }) => {
    await page.goto("/?pane=machines");
    const seen = await watchProgress(page);
    const worker = page.waitForEvent("worker", (one) => READER.test(one.url()));
    await page.getByLabel("Import a machine from a file").setInputFiles(file("l.zip", await largeExport()));
    await worker;
    await expect(page.locator("[data-machine=Large]")).toBeVisible({ timeout: 120_000 });
    expect((await seen()).filter((text) => text.includes("checking")).length).toBeGreaterThan(0);
    expect(readers(page)).toEqual([]);
  });
});

test.describe("a reading that is canceled", () => {
  /** Holds the reader back, so that it is under way until the page gives it up. */
  async function open(page: Page, pane: string): Promise<void> {
    await page.route(READER, () => undefined);
    await page.goto(`/?pane=${pane}`);
  }

  test("leaves the recording that plays", async ({ page }) => {
    await open(page, "timeline");
    const player = page.getByText("a recording", { exact: false }).first();
    await expect(player).toBeVisible();
    await page.getByLabel("Open a recording").setInputFiles(file("other.webtpm", largeRecording()));
    const bar = page.locator("file-reading").filter({ hasText: "other.webtpm" });
    await expect(bar.getByRole("progressbar", { name: "Reading other.webtpm" })).toBeVisible();
    await accessible(page, "the timeline", "boot-timeline");
    await bar.getByRole("button", { name: "Cancel" }).click();
    await expect(page.getByRole("progressbar")).toHaveCount(0);
    await expect(page.getByRole("alert")).toHaveCount(0);
    await expect(page.getByText("as large as may be")).toHaveCount(0);
  });

  test("leaves the event log's pane as it was", async ({ page }) => {
    await open(page, "eventlog");
    await page.getByLabel("Open an event log").setInputFiles(file("other.bin", log20(["sha256"], [])));
    const bar = page.locator("tpm-event-log file-reading");
    await expect(bar).toContainText("“other.bin”: opening");
    await bar.getByRole("button", { name: "Cancel" }).click();
    await expect(bar).toHaveText("");
    await expect(page.locator("tpm-event-log").getByText("a file", { exact: true })).toHaveCount(0);
    await expect(page.locator("tpm-event-log").getByRole("alert")).toHaveCount(0);
  });

  test("imports nothing", async ({ page }) => {
    await open(page, "machines");
    await expect(page.getByText("No machine is kept yet.")).toBeVisible();
    await page.getByLabel("Import a machine from a file").setInputFiles(file("m.zip", new Uint8Array(100)));
    const work = page.locator(".machines-work");
    await expect(work).toContainText("Importing");
    await accessible(page, "the machines", "machine-list");
    await work.getByRole("button", { name: "Cancel" }).click();
    await expect(work).toHaveCount(0);
    await expect(page.getByText("No machine is kept yet.")).toBeVisible();
    await expect(page.getByRole("alert")).toHaveCount(0);
  });
});
