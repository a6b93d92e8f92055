/**
 * `npm run bench -- --readers`: what a file of a stranger costs by its size: time and memory of each reader at four
 * sizes up to its limit, each in a process of its own, and the page's frames meanwhile.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, openAsBlob, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { toPcap } from "../../protocol/export/index.ts";
import { READERS } from "../../session/reading/readers.ts";
import { FILES, type ReaderName } from "./bench-reader-files.ts";

const SELF = fileURLToPath(import.meta.url);
/** Parts of the limit. */
const SIZES = [1 / 8, 1 / 4, 1 / 2, 1] as const;
const MIB = 2 ** 20;

export interface ReaderCost {
  reader: ReaderName;
  /** What grows, in bytes: the file, or what comes out of it. */
  bytes: number;
  ms: number;
  /** The most that the process held above what it held before, in bytes. */
  memory: number;
}

/** Measures all, and tells each. */
export function measureReaders(say: (line: string) => void): ReaderCost[] {
  return (Object.keys(FILES) as ReaderName[]).flatMap((reader) =>
    SIZES.map((part) => {
      say(`${reader}, ${part} of the limit ...`);
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        [...process.execArgv, SELF, reader, `${part}`],
        {
          encoding: "utf8",
        },
      );
      if (status !== 0) throw new Error(`the reader of ${reader} failed: ${stderr}`);
      return JSON.parse(stdout) as ReaderCost;
    }),
  );
}

/** The costs as a table for a terminal; it is Markdown, too. */
export function readersTable(costs: readonly ReaderCost[]): string {
  const rows = costs.map(({ reader, bytes, ms, memory }) => [
    reader,
    (bytes / MIB).toFixed(1),
    ms.toFixed(0),
    (ms / (bytes / MIB)).toFixed(1),
    (memory / MIB).toFixed(0),
    (memory / bytes).toFixed(1),
  ]);
  const head = ["reader", "MiB", "ms", "ms per MiB", "memory, MiB", "times the size"];
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => cell.padStart(head[i]!.length)).join(" | ")} |`;
  const rule = `| ${head.map(({ length }) => "-".repeat(length)).join(" | ")} |`;
  return [line(head), rule, ...rows.map(line)].join("\n");
}

const held = () => process.resourceUsage().maxRSS * 1024;

/** In a process of its own: the file is made, and left to the disk, in another one before. */
async function measure(reader: ReaderName, part: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "webtpm-readers-"));
  try {
    const path = join(folder, "file");
    const made = spawnSync(process.execPath, [...process.execArgv, SELF, reader, `${part}`, path], {
      encoding: "utf8",
    });
    if (made.status !== 0) throw new Error(made.stderr);
    const bytes = Number(made.stdout);
    const file = await openAsBlob(path);
    const work = await workOf(reader, file);
    const before = held();
    const began = performance.now();
    await work();
    const cost: ReaderCost = { reader, bytes, ms: performance.now() - began, memory: held() - before };
    process.stdout.write(JSON.stringify(cost));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function workOf(reader: ReaderName, file: Blob): Promise<() => unknown> {
  const { kind, options } = FILES[reader];
  if (kind !== "pcap") return () => READERS[kind](file, options as never, () => undefined);
  const message = new Uint8Array(await file.slice(0, 1000).arrayBuffer());
  const entries = Array.from({ length: file.size / 2000 }, (_, time) => ({
    time,
    request: message,
    response: message,
  }));
  return () => toPcap(entries);
}

const [reader, part, path] = process.argv.slice(2);
if (process.argv[1] === SELF) {
  const { make, bytes } = FILES[reader as ReaderName];
  const run = async () => {
    if (path === undefined) return measure(reader as ReaderName, Number(part));
    const contents = await make(Number(part));
    await writeFile(path, contents);
    process.stdout.write(
      String(bytes?.(Number(part)) ?? contents.reduce((sum, { length }) => sum + length, 0)),
    );
  };
  run().catch((error: Error) => {
    console.error(error.stack);
    process.exit(1);
  });
}
