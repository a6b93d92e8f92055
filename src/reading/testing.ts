/** A reader's thread without a worker, for tests: the same messages through a channel. */
import type { ReaderThread } from "./client.ts";
import { READERS, type Readers } from "./readers.ts";
import { type PagePort, serveReading } from "./serve.ts";

export interface TestThread extends ReaderThread {
  /** Whether it was ended. */
  ended: boolean;
}

/** @param readers what reads there instead of the real ones */
export function channelThread(readers: Partial<Readers> = {}): TestThread {
  const { port1, port2 } = new MessageChannel();
  serveReading(port2 as unknown as PagePort, { ...READERS, ...readers });
  const thread: TestThread = {
    onmessage: null,
    onerror: null,
    ended: false,
    postMessage: (message) => port1.postMessage(message),
    terminate() {
      thread.ended = true;
      port1.close();
    },
  };
  port1.onmessage = (event) => thread.onmessage?.(event);
  return thread;
}
