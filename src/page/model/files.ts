/** Files that the user opens to look into: what is being read, what was read, and what can be asked for. */
import type { LogView } from "./log-view.ts";

/** What a view opens files of. Machines are imported, which is `machines.ts`. */
export type FileKind = "recording" | "eventLog" | "imaList" | "messages";

/** A file that is being read. */
export interface FileReading {
  name: string;
  /** In words, e.g. "unpacking". */
  step: string;
  /** Bytes; `total` is 0 where nobody knows. */
  done: number;
  total: number;
}

export interface FilesState {
  reading: Partial<Record<FileKind, FileReading>>;
  /** What is wrong with the file that was opened last, in words. */
  problems: Partial<Record<FileKind, string>>;
  /** The event log of a file. */
  log?: { name: string; view: LogView } | undefined;
}

/** Like `PageActions`: nothing here throws or rejects, failures become problems in words. */
export interface FileActions {
  openEventLog(file: File): void;
  openImaList(file: File): void;
  /** Gives the reading up. What is shown stays as it is. */
  cancel(kind: FileKind): void;
  /** The problem has been read. */
  forget(kind: FileKind): void;
}
