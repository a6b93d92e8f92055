/** What the views that watch the guest cost it: boots and raw commands with each of them in sight, and with none. */
import type { Page } from "@playwright/test";
import { RAW_COUNT } from "./bench-raw.ts";
import { type Row, ratios } from "./bench-table.ts";

/** Panes in sight, by their ids; none of the three draws while the first one is. */
const CLOSED = "pcrs";
const VIEWS = ["registers", "trace", "timeline"] as const;
type Pane = typeof CLOSED | (typeof VIEWS)[number];

/** Passes of raw commands after each boot; the first only has the guest's code translated. */
const PASSES = 3;

export interface ViewTimes {
  /** Milliseconds from switching the machine on to its shell, by the pane in sight: a value for each turn. */
  bootMs: Record<Pane, number[]>;
  /** Microseconds a raw command. */
  commandUs: Record<Pane, number[]>;
}

/** On the page itself, booted anew for each value, the panes taking turns. */
export async function timeViews(page: Page, prompt: string, turns: number): Promise<ViewTimes> {
  const panes: readonly Pane[] = [CLOSED, ...VIEWS];
  const empty = () =>
    Object.fromEntries(panes.map((pane) => [pane, []])) as unknown as Record<Pane, number[]>;
  const times: ViewTimes = { bootMs: empty(), commandUs: empty() };
  for (let turn = -1; turn < turns; turn++) {
    for (const pane of turn % 2 ? panes : [...panes].reverse()) {
      await page.locator(`#tab-${pane}`).click();
      const { bootMs, commandUs } = await page.evaluate(timeBoot, [prompt, RAW_COUNT, PASSES] as const);
      // The first turn warms the page up.
      if (turn < 0) continue;
      times.bootMs[pane].push(bootMs);
      times.commandUs[pane].push(...commandUs);
    }
  }
  return times;
}

/** Runs in the page, so it may have no named function within. */
async function timeBoot([prompt, count, passes]: readonly [string, number, number]): Promise<{
  bootMs: number;
  commandUs: number[];
}> {
  const { webtpm } = window;
  const began = performance.now();
  await webtpm.boot();
  while (!webtpm.serial.text().includes(prompt)) {
    if (performance.now() - began > 60_000) throw new Error("the guest has no shell after a minute");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const bootMs = performance.now() - began;
  const commandUs: number[] = [];
  for (let pass = 0; pass < passes; pass++) {
    const marks: number[] = [];
    let from = webtpm.serial.text().length;
    webtpm.serial.send(`rawtpm GetRandom ${count}\n`);
    for (const text of ["rawtpm start GetRandom", "rawtpm end GetRandom", prompt]) {
      for (let at = -1; at < 0; ) {
        at = webtpm.serial.text().indexOf(text, from);
        if (at >= 0) from = at + text.length;
        else if (performance.now() - began > 120_000) throw new Error(`no "${text}" from the guest`);
        else await new Promise((resolve) => setTimeout(resolve, 1));
      }
      marks.push(performance.now());
    }
    if (pass > 0) commandUs.push(((marks[1]! - marks[0]!) * 1000) / count);
  }
  return { bootMs, commandUs };
}

/** What each view costs, in percent of the same without it, value by value of the same turn. */
export function viewRows({ bootMs, commandUs }: ViewTimes): Row[] {
  const percent = (of: Record<Pane, number[]>, pane: Pane) =>
    ratios(of[pane], of[CLOSED]).map((ratio) => (ratio - 1) * 100);
  return [
    { name: "boot again, no view open", unit: "ms", values: bootMs[CLOSED] },
    ...VIEWS.map(
      (view): Row => ({
        name: `what the ${view} view costs the boot`,
        unit: "%",
        values: percent(bootMs, view),
        bar: { atMost: 3 },
      }),
    ),
    { name: "GetRandom, no view open", unit: "us", values: commandUs[CLOSED] },
    ...VIEWS.map(
      (view): Row => ({
        name: `what the ${view} view costs a command`,
        unit: "%",
        values: percent(commandUs, view),
        bar: { atMost: 3 },
      }),
    ),
  ];
}
