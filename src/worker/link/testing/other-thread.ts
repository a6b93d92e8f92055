/** The test device in a thread of Node's, for the tests of the link. */
import { Worker } from "node:worker_threads";
import { onTestFinished } from "vitest";
import { type AccessSize, TIS_BASE } from "../../../device/tis/ports.ts";
import { ACCESS } from "../../../device/tis/registers.ts";
import { createLinkMemory } from "../layout.ts";
import { MmioProxy, type MmioProxyOptions } from "../proxy.ts";
import type { EchoOptions } from "./echo-tpm.ts";

/** Lets other threads and the event loop run. */
export const pause = () => new Promise<void>((resolve) => setTimeout(resolve, 1));

/** Node's threads take TypeScript only once they have been taught to. */
function startThread(url: URL, workerData: object): Worker {
  const tsx = import.meta.resolve("tsx/esm/api");
  const code = `import("${tsx}").then(({ register }) => (register(), import("${url.href}")))`;
  return new Worker(code, { eval: true, workerData });
}

/** A device in another thread, and its proxy here. The thread ends with the test. */
export async function startInThread(echo: Partial<EchoOptions> = {}, proxy: Partial<MmioProxyOptions> = {}) {
  const memory = createLinkMemory();
  const workerData: EchoOptions = { memory, version: "2.0", delayMs: 1, waitAsync: true, ...echo };
  const thread = startThread(new URL("./node-worker.ts", import.meta.url), workerData);
  onTestFinished(async () => void (await thread.terminate()));
  const ring = workerData.waitAsync ? {} : { ring: () => thread.postMessage("ring") };
  const device = new MmioProxy({ memory, ...ring, ...proxy });
  await new Promise<void>((resolve, reject) => {
    thread.once("error", reject);
    thread.once("online", resolve);
  });
  // Online means that its code begins to run; it serves once the device says that its registers are valid.
  const patient = new MmioProxy({ memory, limitMs: 20_000 });
  while (!(patient.peek(TIS_BASE, 1) & ACCESS.VALID)) await pause();
  let resets = 0;
  return {
    thread,
    memory,
    device,
    read: (register: { offset: number }, size: AccessSize = 1) =>
      device.read(TIS_BASE + register.offset, size),
    write: (register: { offset: number }, value: number, size: AccessSize = 1) =>
      device.write(TIS_BASE + register.offset, size, value),
    underTest: {
      read: (address: number, size: AccessSize) => device.read(address, size),
      write: (address: number, size: AccessSize, value: number) => device.write(address, size, value),
      reset: () => device.reset(++resets),
    },
  };
}
