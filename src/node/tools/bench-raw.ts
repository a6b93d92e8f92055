/** Raw TPM commands in a guest: what is typed, and how long it took by the host's clock. For page and Node. */
import type { OutputWatch } from "./bench-watch.ts";

export const RAW_COMMANDS = ["GetRandom", "PCR_Read", "PCR_Extend"] as const;
export type RawCommand = (typeof RAW_COMMANDS)[number];
/** How often each is sent in a row. */
export const RAW_COUNT = 200;
/** How often that is done in one boot: the first time the guest's code is not translated yet, here and in QEMU. */
export const RAW_PASSES = 3;
const RAW_LIMIT_MS = 60_000;

/** Microseconds a command, by command: a value for each pass. */
export type RawTimes = Record<RawCommand, number[]>;

export const noRawTimes = (): RawTimes => ({ GetRandom: [], PCR_Read: [], PCR_Extend: [] });

/** Runs `rawtpm` (`node/images/guest/rawtpm.c`) in a guest that stands at its prompt. */
export async function timeRawCommands(
  send: (text: string) => void,
  watch: OutputWatch,
  prompt: string,
): Promise<RawTimes> {
  const times = noRawTimes();
  for (let pass = 0; pass < RAW_PASSES; pass++) {
    for (const name of RAW_COMMANDS) {
      const marks = [`rawtpm start ${name}`, `rawtpm end ${name}`, prompt];
      const said = watch.expect(marks, RAW_LIMIT_MS);
      send(`rawtpm ${name} ${RAW_COUNT}\n`);
      const [start, end] = (await said) as [number, number, number];
      times[name].push(((end - start) * 1000) / RAW_COUNT);
    }
  }
  return times;
}

/**
 * Microseconds a command, between the two marks of `rawtpm` on the page's own console, which are looked for every
 * millisecond. Runs in the page, so it may have no named function within: the name would be set by a helper that is
 * not there.
 */
export async function timeRawInPage([name, count, prompt]: readonly [
  RawCommand,
  number,
  string,
]): Promise<number> {
  const { serial } = window.webtpm;
  let from = serial.text().length;
  serial.send(`rawtpm ${name} ${count}\n`);
  const times: number[] = [];
  const began = performance.now();
  for (const text of [`rawtpm start ${name}`, `rawtpm end ${name}`, prompt]) {
    for (let at = -1; at < 0; ) {
      at = serial.text().indexOf(text, from);
      if (at >= 0) from = at + text.length;
      else if (performance.now() - began > 60_000) throw new Error(`no "${text}" from the guest`);
      else await new Promise((resolve) => setTimeout(resolve, 1));
    }
    times.push(performance.now());
  }
  return ((times[1]! - times[0]!) * 1000) / count;
}
