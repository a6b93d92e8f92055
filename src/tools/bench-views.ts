/** What the views that watch the guest cost it: boots and raw commands with each of them in sight, and with none. */
import type { Page } from "@playwright/test";
import { RAW_COUNT, timeRawInPage } from "./bench-raw.ts";
import { percents, type Row } from "./bench-table.ts";

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
  const pass = () => page.evaluate(timeRawInPage, ["GetRandom", RAW_COUNT, prompt] as const);
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

/** What each view costs, in percent of the same without it, value by value of the same turn. */
export function viewRows({ bootMs, commandUs }: ViewTimes): Row[] {
  const costs = (what: string, of: Record<Pane, number[]>) =>
    VIEWS.map(
      (view): Row => ({
        name: `what the ${view} view costs ${what}`,
        unit: "%",
        values: percents(of[view], of[CLOSED]),
        bar: { atMost: 3 },
      }),
    );
  return [
    { name: "boot again, no view open", unit: "ms", values: bootMs[CLOSED] },
    ...costs("the boot", bootMs),
    { name: "GetRandom, no view open", unit: "us", values: commandUs[CLOSED] },
    ...costs("a command", commandUs),
  ];
}
