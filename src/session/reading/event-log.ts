/** An event log from a file, e.g. another machine's `/sys/kernel/security/tpm0/binary_bios_measurements`. */
import {
  type EventLog,
  isImaList,
  LIMITS,
  type ReplayedBank,
  readEventLog,
} from "../../protocol/eventlog/index.ts";
import { LogFileError } from "./errors.ts";
import type { Progress } from "./readers.ts";

/** A bank whose extends are columns, which go from thread to thread at no cost. */
export interface PackedBank extends Omit<ReplayedBank, "steps"> {
  /** Index of the event of each extend. */
  events: Uint32Array<ArrayBuffer>;
  /** The PCR's values, one behind the other. */
  before: Uint8Array<ArrayBuffer>;
  after: Uint8Array<ArrayBuffer>;
}

export interface PackedLog {
  bytes: Uint8Array<ArrayBuffer>;
  log: EventLog;
  banks: PackedBank[];
}

/** Extends that are made objects at once: some milliseconds of work. */
const SLICE = 2000;

/** @throws {LogFileError} */
export async function readLogFile(file: Blob, progress: Progress): Promise<PackedLog> {
  const bytes = await bytesOf(file);
  if (isImaList(bytes)) throw new LogFileError("it is a list of Linux's IMA: open it under “Linux’s list”");
  const { log, banks } = readEventLog(bytes, (done, total) =>
    progress("reading", Math.round((bytes.length * done) / total), bytes.length),
  );
  if (!log.events.length) throw new LogFileError("it has no event as firmware writes them");
  return { bytes, log, banks: banks.map(packed) };
}

/** Of a file beyond the limit, as much as tells the reader so. */
export async function bytesOf(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await file.slice(0, LIMITS.bytes + 1).arrayBuffer());
}

function packed({ steps, ...bank }: ReplayedBank): PackedBank {
  const size = bank.values[0]?.length ?? 0;
  const events = Uint32Array.from(steps, ({ event }) => event.index);
  const before = new Uint8Array(size * steps.length);
  const after = new Uint8Array(size * steps.length);
  for (const [i, step] of steps.entries()) {
    before.set(step.before, i * size);
    after.set(step.after, i * size);
  }
  return { ...bank, events, before, after };
}

/** The banks as a replay gives them, slice by slice: at each `yield`, others may have the thread. */
export function* unpacked(
  log: EventLog,
  banks: readonly PackedBank[],
): Generator<undefined, ReplayedBank[], undefined> {
  const all: ReplayedBank[] = [];
  for (const { events, before, after, ...bank } of banks) {
    const size = bank.values[0]?.length ?? 0;
    const steps: ReplayedBank["steps"] = [];
    for (const [i, index] of events.entries()) {
      if (i % SLICE === SLICE - 1) yield;
      const event = log.events[index]!;
      const digest = event.digests.find(({ algorithm }) => algorithm === bank.id)!.digest;
      const value = (values: Uint8Array) => values.subarray(i * size, (i + 1) * size);
      steps.push({ event, pcr: event.pcr, digest, before: value(before), after: value(after) });
    }
    all.push({ ...bank, steps });
  }
  return all;
}
