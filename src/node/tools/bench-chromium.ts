/** Headless Chromium with the benchmark's page and the real one, both built, on a server with images and bridge. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium, type Page } from "@playwright/test";
import { build, preview } from "vite";
import type { KeepingTimes } from "../../../e2e/bench/keeping.ts";
import type { MachineTimes } from "../../../e2e/bench/machine.ts";
import type {} from "../../../e2e/bench/page.ts";
import type { LinkBench } from "../../../e2e/link/bench.ts";
import type { KernelName } from "../../session/images/manifest.ts";
import type { InterfaceKind } from "./bench-interfaces.ts";
import {
  noRawTimes,
  RAW_COMMANDS,
  RAW_COUNT,
  RAW_PASSES,
  type RawTimes,
  timeRawInPage,
} from "./bench-raw.ts";
import { type ReadingFrames, timeReadings } from "./bench-reading-frames.ts";
import { timeViews, type ViewCounts, type ViewTimes } from "./bench-views.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const FLAGS = [
  ..."--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync".split(" "),
  ..."--disable-background-networking --disable-component-update".split(" "),
];
const BOOT_LIMIT_MS = 180_000;

export interface BenchBrowser {
  /** Chromium's version. */
  version: string;
  link(rounds: number): Promise<LinkBench>;
  machine(kernel: KernelName, withTpm: boolean): Promise<MachineTimes>;
  /** The page itself, panes and all, with a TPM behind the bridge or in the hidden machine. */
  page(prompt: string, backend: "bridge" | "hidden", kind?: InterfaceKind): Promise<PageTimes>;
  /** Milliseconds from opening the page to the shell's prompt of the prepared machine. */
  prepared(prompt: string): Promise<number>;
  /** What it costs that a TPM is kept. @param count repetitions */
  keeping(count: number): Promise<KeepingTimes>;
  /** The page with one view or another in sight. */
  views(prompt: string, counts: ViewCounts): Promise<ViewTimes>;
  /** The page's frames while it opens files. @param part of each reader's limit */
  reading(part: number): Promise<ReadingFrames[]>;
  close(): Promise<void>;
}

export interface PageTimes {
  /** Milliseconds from opening the page until the TPM is on and the machine begins to run. */
  readyMs: number;
  /** Milliseconds from opening the page to the shell's prompt. */
  shellMs: number;
  raw: RawTimes;
  /** Milliseconds for a snapshot of the whole machine, for going back to it, and what it takes of storage, in MB. */
  snapshot: { takeMs: number; restoreMs: number; size: number };
}

export async function openBrowser(): Promise<BenchBrowser> {
  const outDir = mkdtempSync(join(tmpdir(), "webtpm-bench-"));
  const removeFiles = () => rmSync(outDir, { recursive: true, force: true });
  process.once("exit", removeFiles);
  const input = [join(ROOT, "index.html"), join(ROOT, "e2e/bench/page.html")];
  const common = { root: ROOT, logLevel: "error" } as const;
  await build({ ...common, build: { outDir, emptyOutDir: true, rolldownOptions: { input } } });
  const server = await preview({ ...common, build: { outDir }, preview: { port: 0 } });
  const { port } = server.httpServer!.address() as AddressInfo;
  const origin = `http://127.0.0.1:${port}`;
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  const onPage = async <T>(work: (page: Page) => Promise<T>): Promise<T> => {
    const page = await browser.newPage();
    try {
      return await work(page);
    } finally {
      await page.close();
    }
  };
  const onBenchPage = <T>(work: (page: Page) => Promise<T>) =>
    onPage(async (page) => {
      await page.goto(`${origin}/e2e/bench/page.html`);
      await page.waitForFunction(() => window.bench !== undefined);
      if (!(await page.evaluate(() => crossOriginIsolated))) throw new Error("the page may not share memory");
      return work(page);
    });
  return {
    version: browser.version(),
    link: (rounds) => onBenchPage((page) => page.evaluate((n) => window.bench.link(n), rounds)),
    machine: (kernel, withTpm) =>
      onBenchPage((page) =>
        page.evaluate(([name, tpm]) => window.bench.machine(name, tpm), [kernel, withTpm] as const),
      ),
    page: (prompt, backend, { registers, irq } = { registers: "tis", irq: false }) => {
      const machine = `kernel=small&backend=${backend}&interface=${registers}&irq=${irq ? 1 : 0}`;
      return onPage((page) => timePage(page, `${origin}/?boot=1&${machine}`, prompt));
    },
    prepared: (prompt) =>
      onPage(async (page) => {
        const { shellMs } = await timeStart(
          page,
          `${origin}/?boot=1&kernel=small&backend=bridge&start=prepared`,
          prompt,
        );
        const sent = await page.evaluate(() =>
          window.webtpm.commands().map(({ origin: who, name }) => `${who} ${name}`),
        );
        if (sent.includes("guest TPM2_Startup"))
          throw new Error("the page has booted: there is no prepared machine");
        return shellMs;
      }),
    keeping: (count) => onBenchPage((page) => page.evaluate((n) => window.bench.keeping(n), count)),
    views: (prompt, counts) =>
      onPage(async (page) => {
        await page.goto(`${origin}/?kernel=small&backend=bridge`);
        return timeViews(page, prompt, counts);
      }),
    reading: (part) => onPage((page) => timeReadings(page, origin, part)),
    async close() {
      await browser.close();
      await server.close();
      removeFiles();
      process.off("exit", removeFiles);
    },
  };
}

async function timeStart(
  page: Page,
  address: string,
  prompt: string,
): Promise<{ readyMs: number; shellMs: number }> {
  await page.goto(address);
  const readyMs = await page.evaluate(() => window.webtpm.ready.then(() => performance.now()));
  await page.waitForFunction((text) => window.webtpm.serial.text().includes(text), prompt, {
    timeout: BOOT_LIMIT_MS,
    polling: 10,
  });
  return { readyMs, shellMs: await page.evaluate(() => performance.now()) };
}

async function timePage(page: Page, address: string, prompt: string): Promise<PageTimes> {
  const times = await timeStart(page, address, prompt);
  const raw = noRawTimes();
  for (let pass = 0; pass < RAW_PASSES; pass++) {
    for (const name of RAW_COMMANDS) {
      raw[name].push(await page.evaluate(timeRawInPage, [name, RAW_COUNT, prompt] as const));
    }
  }
  return { ...times, raw, snapshot: await page.evaluate(timeSnapshot) };
}

/** Runs in the page. */
async function timeSnapshot(): Promise<PageTimes["snapshot"]> {
  const began = performance.now();
  const { storedSize } = await window.webtpm.snapshot("bench");
  const taken = performance.now();
  await window.webtpm.restore("bench");
  return { takeMs: taken - began, restoreMs: performance.now() - taken, size: storedSize / 1e6 };
}
