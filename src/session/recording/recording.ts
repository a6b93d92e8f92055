/** A boot as it is kept while it happens, and as a recording: everything that the views show, with its times. */

import type { AccessRun } from "../trace/index.ts";
import type { CommandRecord, PcrBank } from "../types.ts";

/** Output of the serial console. */
export interface SerialChunk {
  time: number;
  bytes: Uint8Array;
}

/** All PCRs as they were from then on. */
export interface PcrSnapshot {
  time: number;
  banks: PcrBank[];
}

/** The event log had grown to so many bytes. */
export interface LogGrowth {
  time: number;
  end: number;
}

/** The machine that booted, in words. */
export interface BootInfo {
  /** E.g. "Linux (small kernel)". */
  label: string;
  tpm: "2.0" | "1.2";
}

/**
 * One boot, from the machine's start on; grows in place while the machine runs. Times are milliseconds of the same
 * clock as those of the commands.
 */
export interface BootTape extends BootInfo {
  /** Milliseconds since 1970 at time 0 of that clock. */
  epoch: number;
  /** When the machine was started. */
  start: number;
  serial: SerialChunk[];
  pcrs: PcrSnapshot[];
  log: LogGrowth[];
  /** Where the boot ends, for one that is over. */
  end?: number;
  /** The machine did not boot: it went on from where it, or a prepared one, was saved. */
  resumed?: boolean;
}

/** A whole boot that is over. The times of its parts begin at 0, the machine's start. */
export interface Recording {
  tape: BootTape & { start: 0; end: number };
  /** Completed commands, oldest first. */
  commands: CommandRecord[];
  /** The event-log area at the end. */
  logBytes: Uint8Array;
  /** The accesses to the registers; none when they were not recorded. */
  accesses: AccessRun[];
}

/** The page reads all PCRs after each change; these commands say nothing that the snapshots do not. */
const READING = /_(PCR_Read|PCRRead|GetCapability)$/;

/** Makes a recording of what has happened so far. @param now on the tape's clock, as are the times of the accesses. */
export function recordingOf(
  tape: BootTape,
  commands: readonly CommandRecord[],
  logBytes: Uint8Array,
  now: number,
  accesses: readonly AccessRun[] = [],
): Recording {
  const { start } = tape;
  const kept = commands.filter(
    ({ startedAt, duration, origin, name }) =>
      startedAt >= start && duration !== undefined && !(origin === "page" && READING.test(name)),
  );
  const ids = new Map(kept.map(({ id }, index) => [id, index + 1]));
  const shift = <T extends { time: number }>(all: readonly T[]) =>
    all.map((one) => ({ ...one, time: one.time - start }));
  return {
    tape: {
      label: tape.label,
      tpm: tape.tpm,
      ...(tape.resumed && { resumed: true }),
      epoch: tape.epoch + start,
      start: 0,
      end: now - start,
      serial: shift(tape.serial),
      pcrs: shift(tape.pcrs),
      log: shift(tape.log),
    },
    commands: kept.map((record, index) => ({
      ...record,
      id: index + 1,
      startedAt: record.startedAt - start,
    })),
    logBytes,
    accesses: shift(accesses).map(({ command, ...run }) => {
      const id = command === undefined ? undefined : ids.get(command);
      return id === undefined ? run : { ...run, command: id };
    }),
  };
}
