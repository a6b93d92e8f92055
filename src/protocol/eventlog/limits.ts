/**
 * How much the readers of this folder take of a file from anybody, all in one place. What is beyond a limit is left
 * out, and a problem says so in words. Real logs have some hundred events in less than 256 KiB; IMA lists of servers
 * have some ten thousand entries.
 */
export const LIMITS = {
  /** Bytes of a log or list. */
  bytes: 64 << 20,
  /** Events of a log. */
  events: 100_000,
  /** Entries of an IMA list. */
  entries: 200_000,
  /** Problems that are listed. */
  problems: 100,
  /** Algorithms of a log and digests of an event; no TPM has as many. */
  algorithms: 16,
  /** Levels of records within records. */
  nesting: 8,
  /** Fields of one event's data that are shown. */
  details: 500,
  /** Bytes of one text that are shown. */
  text: 4096,
} as const;

/**
 * Called now and then while something long is read. What it throws ends the reading and comes out of the reader:
 * that is how to cancel.
 * @param done of `total`, in the reader's own unit.
 */
export type Progress = (done: number, total: number) => void;

/** A call to {@link Progress} each so many events or entries: some milliseconds of work. */
const STEP = 1024;

/** Calls `progress` each {@link STEP} items. */
export function tick(progress: Progress | undefined, item: number, done: number, total: number): void {
  if (item % STEP === 0) progress?.(done, total);
}

/** Something in a log or list that is not as it should be. */
export interface Problem {
  /** Byte offset in the file. */
  offset: number;
  message: string;
}

/** Notes a problem, unless there are too many already. What ends the reading is put down without asking. */
export function addProblem(problems: Problem[], offset: number, message: string): void {
  if (problems.length < LIMITS.problems) problems.push({ offset, message });
  else if (problems.length === LIMITS.problems) {
    const words = `more is wrong from here on; only the first ${LIMITS.problems} problems are listed`;
    problems.push({ offset, message: words });
  }
}

/** The bytes up to the limit; a problem says what was left out. */
export function withinLimit(bytes: Uint8Array, problems: Problem[]): Uint8Array {
  if (bytes.length <= LIMITS.bytes) return bytes;
  const message = `the file has more than ${LIMITS.bytes} bytes; only the first ${LIMITS.bytes} are read`;
  problems.push({ offset: LIMITS.bytes, message });
  return bytes.subarray(0, LIMITS.bytes);
}
