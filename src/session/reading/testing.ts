/** A reader's thread without a worker, for tests. */
import type { ReaderThread } from "./client.ts";
import { readerHere } from "./here.ts";
import { READERS, type Readers } from "./readers.ts";

export interface TestThread extends ReaderThread {
  /** Whether it was ended. */
  ended: boolean;
}

/** @param readers what reads there instead of the real ones */
export function channelThread(readers: Partial<Readers> = {}): TestThread {
  const thread = readerHere({ ...READERS, ...readers });
  const { terminate } = thread;
  return Object.assign(thread, {
    ended: false,
    terminate(this: TestThread) {
      this.ended = true;
      terminate();
    },
  });
}
