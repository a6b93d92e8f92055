/** What the page and the worker that reads a file say to each other. */
import type { Failure } from "../../backend/failure.ts";
import type { ReadingKind } from "./readers.ts";

/** The page's first message: a worker reads one file. */
export interface ReadingRequest {
  kind: ReadingKind;
  file: Blob;
  options: object;
}

/** The page's answer to the result's beginning and to each piece: the next one, please. */
export const NEXT = "next";

/** From the worker. `result` is the last but for the pieces of its lists (see `lists.ts`), and for `end`. */
export type ReadingMessage =
  | { progress: [step: string, done: number, total: number] }
  | { result: object; items: number }
  | { list: number; piece: unknown[] }
  | { end: true }
  | { failure: Failure };
