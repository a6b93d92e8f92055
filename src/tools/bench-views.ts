/** What the views that watch the guest cost it: boots and raw commands with each of them in sight, and with none. */
import type { Page } from "@playwright/test";
import { RAW_COUNT } from "./bench-raw.ts";
import { type Row, ratios } from "./bench-table.ts";

/** Panes in sight, by their ids; none of the three draws while the first one is. */
const CLOSED = "pcrs";
const VIEWS = ["registers", "trace", "timeline"] as const;
type Pane = typeof CLOSED | (typeof VIEWS)[number];

/** Passes of raw commands before those that count: until then the guest's code is still being translated. */
const WARM_UP = 6;
/** Passes with each pane, for each turn of boots. */
const ROUNDS = 3;

export interface ViewTimes {
  /** Milliseconds from switching the machine on to its shell, by the pane in sight: a value for each turn. */
  bootMs: Record<Pane, number[]>;
  /** Microseconds a raw command. */
  commandUs: Record<Pane, number[]>;
}

/** On the page itself, the panes taking turns: boots, and then commands on the machine that was booted last. */
export async function timeViews(page: Page, prompt: string, turns: number): Promise<ViewTimes> {
  const panes: readonly Pane[] = [CLOSED, ...VIEWS];
  const empty = () =>
    Object.fromEntries(panes.map((pane) => [pane, []])) as unknown as Record<Pane, number[]>;
  const times: ViewTimes = { bootMs: empty(), commandUs: empty() };
  const takeTurns = async (count: number, measure: (pane: Pane) => Promise<void>) => {
    for (let turn = 0; turn < count; turn++) {
      for (const pane of turn % 2 ? panes : [...panes].reverse()) {
        await page.locator(`#tab-${pane}`).click();
        await measure(pane);
      }
    }
  };
  await page.evaluate(timeBoot, prompt);
  await takeTurns(turns, async (pane) => {
    times.bootMs[pane].push(await page.evaluate(timeBoot, prompt));
  });
  const pass = () => page.evaluate(timeCommands, [prompt, RAW_COUNT] as const);
  for (let i = 0; i < WARM_UP; i++) await pass();
  await takeTurns(turns * ROUNDS, async (pane) => {
    times.commandUs[pane].push(await pass());
  });
  return times;
}

/** Milliseconds to the shell. Runs in the page, so it may have no named function within. */
async function timeBoot(prompt: string): Promise<number> {
  const { webtpm } = window;
  const began = performance.now();
  await webtpm.boot();
  while (!webtpm.serial.text().includes(prompt)) {
    if (performance.now() - began > 60_000) throw new Error("the guest has no shell after a minute");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - began;
}

/** Microseconds a command. Runs in the page, too. */
async function timeCommands([prompt, count]: readonly [string, number]): Promise<number> {
  const { serial } = window.webtpm;
  const began = performance.now();
  const marks: number[] = [];
  let from = serial.text().length;
  serial.send(`rawtpm GetRandom ${count}\n`);
  for (const text of ["rawtpm start GetRandom", "rawtpm end GetRandom", prompt]) {
    for (let at = -1; at < 0; ) {
      at = serial.text().indexOf(text, from);
      if (at >= 0) from = at + text.length;
      else if (performance.now() - began > 60_000) throw new Error(`no "${text}" from the guest`);
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
    marks.push(performance.now());
  }
  return ((marks[1]! - marks[0]!) * 1000) / count;
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
