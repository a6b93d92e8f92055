/** The worker's side of a reading. */
import { toFailure } from "../../backend/failure.ts";
import { isOfAReader } from "./crossing.ts";
import { FileReadError } from "./errors.ts";
import { LISTS } from "./lists.ts";
import { buffersIn, pieces } from "./pieces.ts";
import { NEXT, type ReadingMessage, type ReadingRequest } from "./protocol.ts";
import { type Progress, READERS, type Readers, type ReadingKind, type Readings } from "./readers.ts";

/** The end of a channel to the page: the worker itself, or a port. */
export interface PagePort {
  postMessage(message: ReadingMessage, options: { transfer: ArrayBuffer[] }): void;
  onmessage: ((event: MessageEvent<ReadingRequest | typeof NEXT>) => void) | null;
}

/** How often progress is told within a step, in milliseconds. */
const TOLD_MS = 50;

/** Reads the file that the first message from there has. */
export function serveReading(port: PagePort, readers: Readers = READERS): void {
  let next: () => void = () => undefined;
  port.onmessage = ({ data }) => {
    if (data === NEXT) next();
    else read(port, readers, data, () => new Promise((resolve) => (next = resolve)));
  };
}

async function read(
  port: PagePort,
  readers: Readers,
  { kind, file, options }: ReadingRequest,
  asked: () => Promise<void>,
): Promise<void> {
  const say = (message: ReadingMessage, transfer: ArrayBuffer[] = []) =>
    port.postMessage(message, { transfer });
  const reader = readers[kind] as Readers[ReadingKind];
  const lists = LISTS[kind] as (result: object) => unknown[][];
  try {
    const result: Readings[ReadingKind]["result"] = await reader(file, options as never, thinned(say));
    const taken = lists(result).map((list) => list.splice(0));
    const items = taken.reduce((sum, list) => sum + list.length, 0);
    const head = asked();
    say({ result, items }, buffersIn(result));
    await head;
    for (const [list, all] of taken.entries()) {
      for (const piece of pieces(all)) {
        const had = asked();
        say({ list, piece });
        await had;
      }
    }
    say({ end: true });
  } catch (error) {
    say({ failure: toFailure(isOfAReader(error) ? error : unexpected(error)) });
  }
}

/** E.g. a file that was changed on the disk meanwhile, or one for which there is no memory. */
function unexpected(cause: unknown): FileReadError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new FileReadError(`this file could not be read to its end (${why})`, { cause });
}

/** Progress as often as somebody can see it; a step's first and last always. */
function thinned(say: (message: ReadingMessage) => void): Progress {
  let [last, at] = ["", 0];
  return (step, done, total) => {
    const now = performance.now();
    if (step === last && done < total && now - at < TOLD_MS) return;
    [last, at] = [step, now];
    say({ progress: [step, done, total] });
  };
}
