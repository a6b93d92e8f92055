/** What can go wrong with a reading besides the file's own faults, which are errors of the folders that know its format. */

/** A file that cannot be read for a reason that is not its format's: it changed meanwhile, or there is no memory for it. */
export class FileReadError extends Error {
  override readonly name = "FileReadError";
}

/** A file that is no event log, or no list of Linux's IMA; the message says what it is instead, where that can be told. */
export class LogFileError extends Error {
  override readonly name = "LogFileError";
}

/** The worker that read the file ended, or is stuck. */
export class ReaderLostError extends Error {
  override readonly name = "ReaderLostError";
}

/** Whoever asked for the reading has given it up. */
export class ReadingCanceledError extends Error {
  override readonly name = "ReadingCanceledError";
  constructor() {
    super("the reading of this file was canceled");
  }
}
