/**
 * Reads a file from anybody beside the page: in a worker of its own, which ends with the reading, and with whatever the
 * file made of its memory. To give a reading up is to end that worker, wherever it is.
 */
import { readingError } from "./crossing.ts";
import { ReaderLostError, ReadingCanceledError } from "./errors.ts";
import { readerHere } from "./here.ts";
import { READING } from "./limits.ts";
import { LISTS } from "./lists.ts";
import { NEXT, type ReadingMessage, type ReadingRequest } from "./protocol.ts";
import type { Progress, ReadingKind, Readings } from "./readers.ts";

/** As much of a worker as is used here. */
export interface ReaderThread {
  postMessage(message: ReadingRequest | typeof NEXT): void;
  onmessage: ((event: MessageEvent<ReadingMessage>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
  terminate(): void;
}

export interface ReadingManner {
  /** Gives the reading up. */
  signal?: AbortSignal | undefined;
  progress?: Progress;
  /** For tests, and for pages whose bundler does not find the worker by itself. */
  start?: () => ReaderThread;
}

const startWorker = (): ReaderThread =>
  new Worker(new URL("./reader.worker.ts", import.meta.url), { type: "module", name: "WebTPM reader" });

/** How often it is looked whether the worker still says something, in milliseconds. */
const LOOK_MS = 1000;

/**
 * @throws {ReadingCanceledError} {ReaderLostError} {FileReadError} and what the reader of that kind throws, in words.
 */
export async function readFile<Kind extends ReadingKind>(
  kind: Kind,
  file: Blob,
  options: Readings[Kind]["options"],
  { signal, progress = () => undefined, start = startWorker }: ReadingManner = {},
): Promise<Readings[Kind]["result"]> {
  if (signal?.aborted) throw new ReadingCanceledError();
  try {
    return await readIn(start(), kind, file, options, { signal, progress });
  } catch (error) {
    if (!(error instanceof NotLoadedError)) throw error;
    // The server is gone, say. Readers are bounded, so that the page is slow for a while at worst.
    return readIn(readerHere(), kind, file, options, { signal, progress });
  }
}

/** The worker's code could not be loaded. */
class NotLoadedError extends Error {}

function readIn<Kind extends ReadingKind>(
  thread: ReaderThread,
  kind: Kind,
  file: Blob,
  options: Readings[Kind]["options"],
  { signal, progress }: { signal: AbortSignal | undefined; progress: Progress },
): Promise<Readings[Kind]["result"]> {
  const ends = [() => thread.terminate()];
  const read = new Promise<Readings[Kind]["result"]>((resolve, reject) => {
    const cancel = () => reject(new ReadingCanceledError());
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel);
    ends.push(() => signal?.removeEventListener("abort", cancel));
    let silent = 0;
    // Counted, not measured: a page that stood still itself has not heard anything either.
    const watch = setInterval(() => {
      if (++silent >= READING.silence) reject(stuck());
    }, LOOK_MS);
    ends.push(() => clearInterval(watch));
    const taken = new Taking<Kind>(kind, file.size, progress);
    thread.onmessage = ({ data }) => {
      silent = 0;
      if ("progress" in data) progress(...data.progress);
      else if ("failure" in data) reject(readingError(data.failure));
      else if ("end" in data) resolve(taken.result);
      else {
        taken.add(data);
        thread.postMessage(NEXT);
      }
    };
    thread.onerror = (event: ErrorEvent | Event) => {
      event.preventDefault();
      // What could not be loaded is told by an event without a word.
      reject("message" in event ? ended(event.message) : new NotLoadedError());
    };
    thread.postMessage({ kind, file, options });
  });
  return read.finally(() => {
    for (const end of ends) end();
  });
}

/** A result that comes in pieces. */
class Taking<Kind extends ReadingKind> {
  readonly #kind: Kind;
  /** Of the file, in bytes. */
  readonly #size: number;
  readonly #progress: Progress;
  #result: Readings[Kind]["result"] | undefined;
  #lists: unknown[][] = [];
  #done = 0;
  #total = 0;

  constructor(kind: Kind, size: number, progress: Progress) {
    this.#kind = kind;
    this.#size = size;
    this.#progress = progress;
  }

  get result(): Readings[Kind]["result"] {
    return this.#result as Readings[Kind]["result"];
  }

  add(message: Extract<ReadingMessage, { result: object } | { piece: unknown[] }>): void {
    if ("result" in message) {
      this.#result = message.result as Readings[Kind]["result"];
      this.#lists = LISTS[this.#kind](this.#result);
      this.#total = message.items;
    } else {
      const list = this.#lists[message.list];
      for (const item of message.piece) list?.push(item);
      this.#done += message.piece.length;
    }
    const done = Math.round((this.#size * this.#done) / (this.#total || 1));
    this.#progress("taking over", done, this.#size);
  }
}

const stuck = () =>
  new ReaderLostError(
    `the part of the page that reads this file has said nothing for ${READING.silence} seconds and was ended: the file is too much for it, or for this device`,
  );

const ended = (why: string) =>
  new ReaderLostError(
    `the part of the page that reads this file ended (${why}): try again, or open the file on a device with more memory`,
  );
