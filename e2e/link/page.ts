/** What the tests call in the page, as `window.link`. */

import { TestBus } from "../../src/session/testing.ts";
import { attachTpm, type Tpm, type TpmAttachOptions } from "../../src/session/tpm.ts";
import { type SequenceResult, walk } from "../../src/worker/link/testing/sequences.ts";
import { benchLink } from "./bench.ts";
import { startEcho } from "./echo.ts";

export interface AttachOptions extends TpmAttachOptions {
  /** Another script in place of the device worker's. */
  workerUrl?: string;
}

/** A TPM on a bus without a machine. */
export interface Attached {
  bus: TestBus;
  tpm: Tpm;
  /** The device workers that were made. */
  workers: Worker[];
}

const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

const link = {
  bench: benchLink,
  /** See `walk`. */
  async walk(options: {
    version: "2.0" | "1.2";
    accesses: number;
    seed: number;
    delayMs: number;
    waitAsync: boolean;
  }): Promise<SequenceResult> {
    const { device, end } = await startEcho(options);
    let resets = 0;
    const underTest = {
      read: device.read.bind(device),
      write: device.write.bind(device),
      reset: () => device.reset(++resets),
    };
    return walk(underTest, { ...options, pause }).finally(end);
  },
  attach({ workerUrl, ...options }: AttachOptions = {}): Attached {
    const bus = new TestBus();
    const workers: Worker[] = [];
    const createWorker = () => {
      const worker = workerUrl
        ? new Worker(workerUrl)
        : new Worker(new URL("../../src/worker/tpm.worker.ts", import.meta.url), { type: "module" });
      workers.push(worker);
      return worker;
    };
    const tpm = attachTpm(bus, { ...options, createWorker });
    return { bus, tpm, workers };
  },
};

declare global {
  interface Window {
    link: typeof link;
  }
}
window.link = link;
