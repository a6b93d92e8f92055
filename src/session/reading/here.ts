/** A reader on the thread that asks, with the same messages: for a page that cannot load its worker (any more). */
import type { ReaderThread } from "./client.ts";
import { READERS, type Readers } from "./readers.ts";
import { type PagePort, serveReading } from "./serve.ts";

export function readerHere(readers: Readers = READERS): ReaderThread {
  const { port1, port2 } = new MessageChannel();
  serveReading(port2 as unknown as PagePort, readers);
  const thread: ReaderThread = {
    onmessage: null,
    onerror: null,
    postMessage: (message) => port1.postMessage(message),
    terminate: () => port1.close(),
  };
  port1.onmessage = (event) => thread.onmessage?.(event);
  return thread;
}
