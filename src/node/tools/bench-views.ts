/** What the views that watch the guest cost it: boots and raw commands with each of them in sight, and with none. */
import type { Page } from "@playwright/test";
import { timeRawInPage } from "./bench-raw.ts";
import { percents, type Row } from "./bench-table.ts";

/** Panes, by their ids; none of the views draws while the first one is in sight. */
const PANES = ["pcrs", "registers", "trace", "timeline"] as const;
const [CLOSED, ...VIEWS] = PANES;
type Pane = (typeof PANES)[number];

/** Commands of one pass: long enough for a view to be drawn several times. */
const COMMANDS = 600;
/** Boots and passes before those that count: until then the page's and the guest's code is still being translated. */
const BOOTS_BEFORE = 10;
const PASSES_BEFORE = 4;
/** What is looked at is a view that is open, not one that opens: milliseconds until it has been drawn. */
const OPENING_MS = 700;

/** The same with each pane in sight: a value for each round. */
type Rounds = Record<Pane, number[]>;

export interface ViewTimes {
  /** Milliseconds from switching the machine on to its shell. */
  bootMs: Rounds;
  /** Microseconds a raw command. */
  commandUs: Rounds;
}

export interface ViewCounts {
  /** How often a machine is booted with each pane. */
  boots: number;
  /** How often a pass of commands is taken with each pane. */
  passes: number;
}

/** On the page itself, the panes taking turns: boots, and then commands on the machine that was booted last. */
export async function timeViews(
  page: Page,
  prompt: string,
  { boots, passes }: ViewCounts,
): Promise<ViewTimes> {
  const boot = () => page.evaluate(timeBoot, prompt);
  for (let i = 0; i < BOOTS_BEFORE; i++) await boot();
  const bootMs = await takeTurns(page, boots, boot);
  const pass = () => page.evaluate(timeRawInPage, ["GetRandom", COMMANDS, prompt] as const);
  for (let i = 0; i < PASSES_BEFORE; i++) await pass();
  return { bootMs, commandUs: await takeTurns(page, passes, pass) };
}

/** What drifts meanwhile is for the one as often as for the other: each pane is as often early as late in a round. */
async function takeTurns(page: Page, rounds: number, measure: () => Promise<number>): Promise<Rounds> {
  const times: Rounds = { pcrs: [], registers: [], trace: [], timeline: [] };
  for (let round = 0; round < rounds; round++) {
    const start = (round >> 1) % PANES.length;
    const turns = [...PANES.slice(start), ...PANES.slice(0, start)];
    for (const pane of round % 2 === 0 ? turns : turns.reverse()) {
      await page.locator(`#tab-${pane}`).click();
      await page.waitForTimeout(OPENING_MS);
      times[pane].push(await measure());
    }
  }
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

/** What each view costs, in percent of the same without it, round by round. */
export function viewRows({ bootMs, commandUs }: ViewTimes): Row[] {
  const costs = (what: string, times: Rounds) =>
    VIEWS.map(
      (view): Row => ({
        name: `what the ${view} view costs ${what}`,
        unit: "%",
        values: percents(times[view], times[CLOSED]),
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
