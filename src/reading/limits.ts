/**
 * What files from anybody may have, all in one place. A file beyond a limit is refused in words that name it; nothing
 * of it is kept then. What the page itself writes stays far below. Event logs and lists of Linux's IMA have limits of
 * their own, in `eventlog/`, which runs anywhere: of those the rest is left out, and said to be.
 */

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** The last millisecond of the year 9999, since 1970: dates are written with four digits. */
export const LAST_TIME = Date.UTC(10_000, 0) - 1;

/** A recording of a boot (`recording/`). Sizes are bytes. */
export const RECORDING = {
  /** Of the file as it is. */
  file: 64 * MIB,
  /** Of the JSON that comes out of it. */
  text: 128 * MIB,
  /** Values in that JSON, whatever they are: what a parser makes of it is many times larger than the text. */
  values: 4_000_000,
  /** Characters of the machine's label. */
  label: 1000,
  /** Milliseconds from the machine's start on: ten years. */
  duration: 10 * 365 * 86_400_000,
  commands: 50_000,
  /** Of a command, and of a response. */
  message: 64 * KIB,
  /** Pieces of the console's output. */
  serial: 500_000,
  /** Of the console's output in all. */
  serialBytes: 16 * MIB,
  /** Changes of PCRs. */
  pcrs: 500_000,
  /** Growths of the event log. */
  log: 100_000,
  /** Of the event log, which is read anew each time that it has grown. */
  logBytes: MIB,
  /** Runs of accesses. */
  runs: 500_000,
  /** Accesses that these stand for: what the page can show. */
  accesses: 1_000_000,
} as const;

/** E.g. "1,000". */
const inWords = (most: number) => most.toLocaleString("en");

/** Words for what is beyond a limit, e.g. "it has more than 50,000 commands, the most that this page reads". */
export const beyond = (most: number, what: string): string =>
  `it has more than ${inWords(most)} ${what}, the most that this page reads`;
