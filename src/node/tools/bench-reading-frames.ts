/** The page's frames while it opens files at their limits: how long each was on the screen. */
import { mkdtempSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { FILES, PASSPHRASE, type ReaderName } from "./bench-reader-files.ts";
import type { Row } from "./bench-table.ts";

/** Thirty frames a second: two of a display's sixty, as the browser rounds them. */
const FRAME_MS = 33.4;

interface Opening {
  reader: ReaderName;
  /** The page's parameters. */
  where: string;
  label: string;
  /** What is there once the file has been read. */
  shown: string;
  /** What is asked about the file. */
  answer?(page: Page): Promise<void>;
}

const LOG_SHOWN = ".pane-foot:has-text('file')";
const MACHINE = {
  where: "pane=machines",
  label: "Import a machine from a file",
} as const;

const OPENINGS: readonly Opening[] = [
  { reader: "recording", where: "pane=timeline", label: "Open a recording", shown: ".player" },
  { reader: "event log", where: "pane=eventlog", label: "Open an event log", shown: LOG_SHOWN },
  { reader: "IMA list", where: "pane=eventlog", label: "Open an IMA list", shown: LOG_SHOWN },
  { ...MACHINE, reader: "bundle, as stored", shown: "[data-machine=PC]" },
  {
    ...MACHINE,
    reader: "sealed",
    shown: "[data-machine=sealed]",
    async answer(page) {
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Passphrase").fill(PASSPHRASE);
      await dialog.getByRole("button", { name: "Import" }).click();
    },
  },
  { reader: "packet capture", where: "decode", label: "Open a file", shown: ".command-row" },
];

export interface ReadingFrames {
  reader: ReaderName;
  /** Milliseconds from frame to frame, from the opening until the file is shown. */
  frames: number[];
}

/** @param part of each reader's limit */
export async function timeReadings(page: Page, origin: string, part: number): Promise<ReadingFrames[]> {
  const folder = mkdtempSync(join(tmpdir(), "webtpm-frames-"));
  try {
    const all: ReadingFrames[] = [];
    for (const { reader, where, label, shown, answer } of OPENINGS) {
      const path = join(folder, "file");
      await writeFile(path, await FILES[reader].make(part));
      await page.goto(`${origin}/?${where}`);
      await page.waitForLoadState("networkidle");
      if (reader === "IMA list") await page.getByText("Linux’s list", { exact: true }).click();
      const close = page.getByRole("button", { name: "Close the recording" });
      if (await close.count()) await close.click();
      await page.evaluate(WATCH_FRAMES);
      await page.getByLabel(label).setInputFiles(path);
      await answer?.(page);
      await page.locator(shown).first().waitFor({ timeout: 300_000 });
      all.push({ reader, frames: await page.evaluate(() => window.frameTimes) });
    }
    return all;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

declare global {
  interface Window {
    frameTimes: number[];
  }
}

/** Runs in the page; as text, since a compiler gives names to functions by what only its own code has. */
const WATCH_FRAMES = `
  window.frameTimes = [];
  let last = performance.now();
  const look = (now) => {
    window.frameTimes.push(now - last);
    last = now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
`;

export function frameRows(all: readonly ReadingFrames[]): Row[] {
  return all.flatMap(({ reader, frames }): Row[] => {
    const sorted = frames.toSorted((a, b) => a - b);
    const at = (part: number) => [sorted[Math.floor(part * (sorted.length - 1))]!];
    return [
      {
        name: `frame while a file is opened (${reader}), 95th percentile of ${frames.length}`,
        unit: "ms",
        values: at(0.95),
        bar: { atMost: FRAME_MS },
      },
      { name: `the same, 99th percentile`, unit: "ms", values: at(0.99) },
      { name: `the same, longest`, unit: "ms", values: at(1) },
    ];
  });
}
