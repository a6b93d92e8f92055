/** What the views that watch the guest cost it: boots and raw commands with each of them in sight, and with none. */
import type { Page } from "@playwright/test";
import { timeRawInPage } from "./bench-raw.ts";
import { percents, type Row } from "./bench-table.ts";

/** Panes in sight, by their ids; none of the views draws while the first one is. */
const CLOSED = "pcrs";
const VIEWS = ["registers", "trace", "timeline"] as const;
type View = (typeof VIEWS)[number];

/** Commands of one pass: long enough for a view to be drawn several times. */
const COMMANDS = 600;
/** Passes before those that count: until then the guest's code is still being translated. */
const WARM_UP = 4;
/** Passes with and without each view, for each turn of boots. */
const ROUNDS = 1;
/** What is looked at is a view that is open, not one that opens: milliseconds until it has been drawn. */
const OPENING_MS = 700;

/** The same, first without and then with a view or the other way round: a value for each turn. */
interface Pairs {
  without: number[];
  with: number[];
}

export interface ViewTimes {
  /** Milliseconds from switching the machine on to its shell. */
  bootMs: Record<View, Pairs>;
  /** Microseconds a raw command. */
  commandUs: Record<View, Pairs>;
}

/** On the page itself, the panes taking turns: boots, and then commands on the machine that was booted last. */
export async function timeViews(page: Page, prompt: string, turns: number): Promise<ViewTimes> {
  await page.evaluate(timeBoot, prompt);
  const bootMs = await takeTurns(page, turns, () => page.evaluate(timeBoot, prompt));
  const pass = () => page.evaluate(timeRawInPage, ["GetRandom", COMMANDS, prompt] as const);
  for (let i = 0; i < WARM_UP; i++) await pass();
  return { bootMs, commandUs: await takeTurns(page, turns * ROUNDS, pass) };
}

async function takeTurns(
  page: Page,
  count: number,
  measure: () => Promise<number>,
): Promise<Record<View, Pairs>> {
  const pairs = (): Pairs => ({ without: [], with: [] });
  const times: Record<View, Pairs> = { registers: pairs(), trace: pairs(), timeline: pairs() };
  const show = async (pane: View | typeof CLOSED) => {
    await page.locator(`#tab-${pane}`).click();
    await page.waitForTimeout(OPENING_MS);
    return measure();
  };
  for (let turn = 0; turn < count; turn++) {
    for (const view of VIEWS) {
      // What drifts meanwhile is for the one as often as for the other.
      const before = turn % 2 === 0 ? await show(CLOSED) : undefined;
      times[view].with.push(await show(view));
      times[view].without.push(before ?? (await show(CLOSED)));
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

/** What each view costs, in percent of the same without it, pair by pair. */
export function viewRows({ bootMs, commandUs }: ViewTimes): Row[] {
  const costs = (what: string, of: Record<View, Pairs>) =>
    VIEWS.map(
      (view): Row => ({
        name: `what the ${view} view costs ${what}`,
        unit: "%",
        values: percents(of[view].with, of[view].without),
        bar: { atMost: 3 },
      }),
    );
  const without = (of: Record<View, Pairs>) => VIEWS.flatMap((view) => of[view].without);
  return [
    { name: "boot again, no view open", unit: "ms", values: without(bootMs) },
    ...costs("the boot", bootMs),
    { name: "GetRandom, no view open", unit: "us", values: without(commandUs) },
    ...costs("a command", commandUs),
  ];
}
