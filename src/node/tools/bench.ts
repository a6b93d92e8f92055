/**
 * `npm run bench`: what an access costs across threads, what a TPM command costs a guest, and how long the guest
 * takes to its shell, in headless Chromium and in QEMU (TCG), side by side in one run; and what the hidden machine costs
 * beside native swtpm. All by the host's clock.
 */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { KeepingTimes } from "../../../e2e/bench/keeping.ts";
import { Cache } from "../images/cache.ts";
import { ImageSet, readImage } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { type BenchBrowser, openBrowser } from "./bench-chromium.ts";
import { diskRows } from "./bench-disk.ts";
import { hiddenRows } from "./bench-hidden.ts";
import { interfaceRows } from "./bench-interfaces.ts";
import { type QemuImages, timeQemu } from "./bench-qemu.ts";
import { RAW_COMMANDS, type RawTimes } from "./bench-raw.ts";
import { measureReaders, readersTable } from "./bench-readers.ts";
import { frameRows } from "./bench-reading-frames.ts";
import { formatTable, percents, type Row, ratios } from "./bench-table.ts";
import { viewRows } from "./bench-views.ts";
import { endOnSignal } from "./signals.ts";

const HELP = `Usage: npm run bench [-- OPTIONS]

Measures the link, raw TPM commands and the boot, in headless Chromium and in QEMU (TCG), and prints a table. The two
take turns; what they are compared by is the median over the repetitions of one's figure to the other's. Then the
hidden machine's TPM beside native swtpm, both in Node.

  --interfaces  nothing but raw commands through each register interface, polled and by interrupt, beside QEMU's
  --disk        nothing but the disk of \`npm run debian\`: to its login, and how fast it is read, beside QEMU
  --readers     nothing but the readers of files: time and memory by size, and the page's frames meanwhile
  --json FILE   write every single value to FILE, too
  --quick       few repetitions, and no stock kernel: a look, not a measurement
  --help        show this text
`;

const REPETITIONS = { full: 5, quick: 2 };
/** Debian's kernel takes long in the page. */
const STOCK_REPETITIONS = 3;
/** With the hidden machine the guest's boot waits for a self-test of seconds. */
const HIDDEN_REPETITIONS = 3;
/** Boots with each view: what they cost is less than one boot differs from another. */
const VIEW_COUNTS = { full: { boots: 80, passes: 20 }, quick: { boots: 4, passes: 4 } };
const DISK_REPETITIONS = 3;
const LINK_ROUNDS = { full: 20, quick: 5 };
const KEEPING_COUNT = { full: 60, quick: 10 };

type Values = Record<string, number[]>;

function put(values: Values, name: string, value: number): void {
  values[name] ??= [];
  values[name].push(value);
}

function putRaw(values: Values, prefix: string, raw: RawTimes | undefined): void {
  for (const name of RAW_COMMANDS)
    for (const value of raw?.[name] ?? []) put(values, `${prefix} ${name}`, value);
}

const say = (line: string) => console.error(line);

async function prepareImages(signal: AbortSignal): Promise<{ small: QemuImages; stock: QemuImages }> {
  const set = new ImageSet(new Cache(), printProgress(say));
  await set.prepare();
  await set.prepareSmallKernel({ signal });
  await set.preparePrepared();
  const images = await set.read();
  const { kernels, initrd, prompt, memorySize } = images.manifest;
  const { small, stock } = kernels;
  if (!small) throw new Error("the small kernel has not been built: run `npm run kernel`");
  const common = { initrd: await readImage(images, initrd), prompt, memorySize };
  return {
    small: { ...common, kernel: await readImage(images, small), cmdline: small.cmdline },
    // As Debian ships it: what it unpacks itself, it unpacks in QEMU, too.
    stock: { ...common, kernel: await readFile(images.debianKernel), cmdline: stock.cmdline },
  };
}

/** One repetition: everything that is compared comes one after the other, in an order that changes. */
async function repeat(
  values: Values,
  browser: BenchBrowser,
  images: Awaited<ReturnType<typeof prepareImages>>,
  { turn, stock }: { turn: number; stock: boolean },
): Promise<void> {
  const withTpm = async () => {
    const { shellMs, raw, execution } = await browser.machine("small", true);
    put(values, "with", shellMs);
    putRaw(values, "machine", raw);
    putRaw(values, "execution", execution);
  };
  const without = async () => put(values, "without", (await browser.machine("small", false)).shellMs);
  const qemu = async () => {
    const { shellMs, raw } = await timeQemu(images.small, { raw: true });
    put(values, "qemu", shellMs);
    put(values, "qemu without", (await timeQemu(images.small, { tpm: false })).shellMs);
    putRaw(values, "qemu", raw);
  };
  const page = async (backend: "bridge" | "hidden", name: string) => {
    const { readyMs, shellMs, raw, snapshot } = await browser.page(images.small.prompt, backend);
    put(values, `${name} ready`, readyMs);
    put(values, name, shellMs);
    putRaw(values, name, raw);
    put(values, `${name} take`, snapshot.takeMs);
    put(values, `${name} restore`, snapshot.restoreMs);
    put(values, `${name} size`, snapshot.size);
  };
  const steps = [
    without,
    withTpm,
    qemu,
    () => page("bridge", "page"),
    async () => put(values, "prepared", await browser.prepared(images.small.prompt)),
    ...(turn < HIDDEN_REPETITIONS ? [() => page("hidden", "hidden page")] : []),
  ];
  for (const step of turn % 2 === 0 ? steps : [...steps].reverse()) await step();
  put(values, "qemu stock", (await timeQemu(images.stock)).shellMs);
  if (stock) put(values, "stock", (await browser.machine("stock", true)).shellMs);
}

function linkRows(link: Awaited<ReturnType<BenchBrowser["link"]>>): Row[] {
  const rate = (ns: number[]) => ns.map((value) => 1e3 / value);
  const us = (ns: number[]) => ns.map((value) => value / 1e3);
  return [
    {
      name: "MMIO read, unchanged",
      unit: "ns",
      values: link.readUnchangedNs,
      bar: { atMost: 100, below: true },
    },
    {
      name: "MMIO read after write, hot",
      unit: "us",
      values: us(link.readAfterWriteHotNs),
      bar: { atMost: 2, below: true },
    },
    { name: "MMIO read after write, cold", unit: "us", values: link.readAfterWriteColdUs },
    { name: "FIFO write, a byte", unit: "ns", values: link.fifoWriteNs },
    { name: "FIFO write", unit: "MB/s", values: rate(link.fifoWriteNs) },
    { name: "FIFO read, a byte", unit: "ns", values: link.fifoReadNs },
    { name: "FIFO read", unit: "MB/s", values: rate(link.fifoReadNs) },
  ];
}

function rawRows(values: Values): Row[] {
  return RAW_COMMANDS.flatMap((name): Row[] => {
    const of = (prefix: string) => values[`${prefix} ${name}`]!;
    return [
      { name: `${name} on the page`, unit: "us", values: of("page") },
      { name: `${name} on the page, hidden machine`, unit: "us", values: of("hidden page") },
      { name: `${name} in a machine without panes`, unit: "us", values: of("machine") },
      { name: `${name}, tpmGo to response`, unit: "us", values: of("execution") },
      { name: `${name} in QEMU`, unit: "us", values: of("qemu") },
      {
        name: `${name}, page to QEMU`,
        unit: "x",
        values: ratios(of("page"), of("qemu")),
        bar: { atMost: 2 },
      },
      {
        name: `${name}, page with hidden machine to QEMU`,
        unit: "x",
        values: ratios(of("hidden page"), of("qemu")),
        bar: { atMost: 3 },
      },
      {
        name: `${name}, machine to QEMU`,
        unit: "x",
        values: ratios(of("machine"), of("qemu")),
        bar: { atMost: 2 },
      },
    ];
  });
}

function keepingRows({ keptMs, freeMs, takeMs, restoreMs, size }: KeepingTimes): Row[] {
  return [
    { name: "NV_Increment, kept in IndexedDB", unit: "ms", values: keptMs },
    { name: "NV_Increment, not kept", unit: "ms", values: freeMs },
    { name: "what keeping costs a write", unit: "ms", values: keptMs.map((ms, i) => ms - freeMs[i]!) },
    { name: "snapshot of the TPM alone", unit: "ms", values: takeMs },
    { name: "going back to it, TPM alone", unit: "ms", values: restoreMs },
    { name: "its size, TPM alone", unit: "kB", values: [size / 1e3] },
  ];
}

function bootRows(values: Values): Row[] {
  const of = (name: string) => values[name]!;
  const cost = percents(of("with"), of("without"));
  const rows: Row[] = [
    { name: "shell, small kernel, no TPM", unit: "ms", values: of("without") },
    { name: "shell, small kernel, TPM", unit: "ms", values: of("with") },
    { name: "what the TPM costs the boot", unit: "%", values: cost, bar: { atMost: 5 } },
    {
      name: "what it costs the boot in QEMU",
      unit: "%",
      values: percents(of("qemu"), of("qemu without")),
    },
    { name: "shell, from opening the page", unit: "ms", values: of("page") },
    { name: "shell of the prepared machine, from opening the page", unit: "ms", values: of("prepared") },
    {
      name: "prepared machine to a full boot",
      unit: "x",
      values: ratios(of("prepared"), of("page")),
      bar: { atMost: 1, below: true },
    },
    { name: "TPM ready, from opening the page", unit: "ms", values: of("page ready") },
    {
      name: "the same with the hidden machine",
      unit: "ms",
      values: of("hidden page ready"),
      bar: { atMost: 2000 },
    },
    { name: "shell, with the hidden machine", unit: "ms", values: of("hidden page") },
    { name: "snapshot of the whole machine", unit: "ms", values: of("page take") },
    { name: "going back to it", unit: "ms", values: of("page restore") },
    { name: "its size", unit: "MB", values: of("page size") },
    { name: "shell in QEMU, small kernel", unit: "ms", values: of("qemu") },
    { name: "shell in QEMU, stock kernel", unit: "ms", values: of("qemu stock") },
    {
      name: "small kernel here to stock in QEMU",
      unit: "x",
      values: ratios(of("with"), of("qemu stock")),
      bar: { atMost: 1 },
    },
  ];
  if (!values.stock) return rows;
  const toQemu = ratios(values.stock, of("qemu stock"));
  return [
    ...rows,
    { name: "shell, stock kernel, TPM", unit: "ms", values: values.stock },
    { name: "stock kernel here to stock in QEMU", unit: "x", values: toQemu, bar: { atMost: 3 } },
  ];
}

const firstLine = (program: string) =>
  spawnSync(program, ["--version"], { encoding: "utf8" }).stdout?.split("\n")[0] ?? "";

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      json: { type: "string" },
      quick: { type: "boolean" },
      disk: { type: "boolean" },
      readers: { type: "boolean" },
      interfaces: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (options.help) return void console.log(HELP);
  const signal = endOnSignal();
  // What was started ends with this process.
  signal.addEventListener("abort", () => process.exit());
  if (options.readers) return benchReaders();
  if (options.disk) return benchDisk(options.quick ? 1 : DISK_REPETITIONS);
  const size = options.quick ? "quick" : "full";
  const images = await prepareImages(signal);
  const load = [loadavg()[0]!];
  const began = performance.now();
  const browser = await openBrowser();
  const values: Values = {};
  try {
    if (options.interfaces) {
      const rows = await interfaceRows(browser, images.small, { turns: REPETITIONS[size], say });
      return void console.log(formatTable(rows));
    }
    say("The link ...");
    const link = await browser.link(LINK_ROUNDS[size]);
    for (let turn = 0; turn < REPETITIONS[size]; turn++) {
      say(`Boots and raw commands, ${turn + 1} of ${REPETITIONS[size]} ...`);
      await repeat(values, browser, images, { turn, stock: size === "full" && turn < STOCK_REPETITIONS });
    }
    say("What keeping a TPM costs ...");
    const keeping = await browser.keeping(KEEPING_COUNT[size]);
    say("What the views cost ...");
    const views = await browser.views(images.small.prompt, VIEW_COUNTS[size]);
    load.push(loadavg()[0]!);
    const hidden = await hiddenRows({ quick: size === "quick", say });
    const rows = [
      ...linkRows(link),
      ...rawRows(values),
      ...bootRows(values),
      ...keepingRows(keeping),
      ...viewRows(views),
      ...hidden,
    ];
    const host = {
      processors: cpus().length,
      processor: cpus()[0]?.model ?? "",
      /** Others at work on this host make every figure larger. */
      load,
      node: process.version,
      chromium: browser.version,
      qemu: firstLine("qemu-system-i386"),
      swtpm: firstLine("swtpm"),
    };
    report(rows, host, (performance.now() - began) / 1000);
    if (options.json) await writeFile(options.json, `${JSON.stringify({ host, rows }, null, 2)}\n`);
  } finally {
    await browser.close();
  }
}

/** Minutes each. */
async function benchDisk(turns: number): Promise<void> {
  const load = [loadavg()[0]!];
  const rows = await diskRows({ turns, say });
  load.push(loadavg()[0]!);
  console.log(`Node ${process.version}; ${firstLine("qemu-system-i386")}; load ${load.join(", ")}\n`);
  console.log(formatTable(rows));
}

/** A look at the readers needs no machine. */
async function benchReaders(): Promise<void> {
  const costs = measureReaders(say);
  console.log(`${readersTable(costs)}\n`);
  say("The page's frames ...");
  const browser = await openBrowser();
  try {
    console.log(formatTable(frameRows(await browser.reading(1))));
  } finally {
    await browser.close();
  }
}

interface Host {
  processors: number;
  processor: string;
  load: number[];
  chromium: string;
  qemu: string;
  swtpm: string;
}

function report(rows: readonly Row[], host: Host, seconds: number): void {
  const load = host.load.map((value) => value.toFixed(1)).join(" at the beginning, ");
  console.log(`Chromium ${host.chromium}; ${host.qemu}; ${host.swtpm}`);
  console.log(`${host.processors} x ${host.processor}; load ${load} at the end; ${seconds.toFixed(0)} s\n`);
  console.log(formatTable(rows));
}

main().catch((error: Error & { code?: string }) => {
  console.error(error.code?.startsWith("ERR_PARSE_ARGS") ? error.message : (error.stack ?? error.message));
  process.exit(process.exitCode ?? 1);
});
