/**
 * The readers of files from anybody, by what they read. Each takes a file, tells how far it is, and gives plain data or
 * throws an error in words; they run in `reader.worker.ts`, and what they give goes to the page as `pieces.ts` says.
 */
import {
  type Bank,
  compareImaWithPcrs,
  type ImaComparison,
  type ImaList,
  parseImaList,
} from "../../protocol/eventlog/index.ts";
import { moments, type Recording, unpackRecording } from "../recording/index.ts";
import type { ReadMachine } from "../vault/bundle.ts";
import { LogFileError } from "./errors.ts";
import { bytesOf, type PackedLog, readLogFile } from "./event-log.ts";
import { type ReadMessages, readMessages } from "./messages.ts";

/** How far it is: a step in words, and what of it is done, in bytes where `total` is not 0. */
export type Progress = (step: string, done: number, total: number) => void;

export interface ReadRecording {
  recording: Recording;
  /** Moments at which something happens in it, in order: milliseconds since its start. */
  moments: Float64Array<ArrayBuffer>;
}

export interface ReadImaList {
  list: ImaList;
  /** With the PCRs that were given. */
  comparison: ImaComparison[];
}

/** What may be read: what is to be said besides the file, and what comes out. */
export interface Readings {
  recording: { options: object; result: ReadRecording };
  machine: { options: { passphrase?: string }; result: ReadMachine };
  eventLog: { options: object; result: PackedLog };
  imaList: { options: { pcrs: readonly Bank[] }; result: ReadImaList };
  messages: { options: object; result: ReadMessages };
}
export type ReadingKind = keyof Readings;

export type Readers = {
  [Kind in ReadingKind]: (
    file: Blob,
    options: Readings[Kind]["options"],
    progress: Progress,
  ) => Promise<Readings[Kind]["result"]>;
};

export const READERS: Readers = {
  async recording(file, _, progress) {
    const recording = await unpackRecording(file, progress);
    return { recording, moments: Float64Array.from(moments(recording)) };
  },
  async machine(file, options, progress) {
    // Nobody else on a page needs what opens zip files.
    const { readMachineFile } = await import("../vault/read-machine.ts");
    return readMachineFile(file, { ...options, progress });
  },
  eventLog: (file, _, progress) => readLogFile(file, progress),
  messages: (file, _, progress) => readMessages(file, progress),
  async imaList(file, { pcrs }, progress) {
    const bytes = await bytesOf(file);
    const list = parseImaList(bytes, (done, total) => progress("reading", done, total));
    if (!list.entries.length) throw new LogFileError("is no IMA list");
    const comparison = compareImaWithPcrs(list, pcrs, (done, total) =>
      progress("replaying", Math.round((bytes.length * done) / total), bytes.length),
    );
    return { list, comparison };
  },
};
