/** The sleeping worker's own code, in a worker of Node. */
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { ASKED, askForSleep, MICROSECONDS, sleepForOthers } from "./sleeper.ts";

const LONG_MS = 200;
const BRIEF_MS = 1;

const workers: Worker[] = [];
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));

async function sleeper(): Promise<{ cells: Int32Array; woken: MessagePort }> {
  const cells = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  const { port1, port2 } = new MessageChannel();
  const code = `(${sleepForOthers})();
    const { parentPort, workerData } = require("node:worker_threads");
    parentPort.postMessage("ready");
    globalThis.onmessage({ data: workerData });`;
  const worker = new Worker(code, {
    eval: true,
    workerData: [cells, port2, ASKED, MICROSECONDS],
    transferList: [port2 as never],
  });
  workers.push(worker);
  await once(worker, "message");
  return { cells, woken: port1 };
}

/** Resolves with the number of the request that the worker woke from, and when. */
function nextWaking(port: MessagePort): Promise<{ request: number; at: number }> {
  return new Promise((resolve) => {
    port.onmessage = ({ data }) => resolve({ request: data, at: performance.now() });
  });
}

/** Asks for one long sleep, and sees it through. @param meanwhile what happens in the middle of it. */
async function sleepsThrough(meanwhile: (cells: Int32Array) => void): Promise<void> {
  const { cells, woken } = await sleeper();
  const waking = nextWaking(woken);
  const asked = performance.now();
  askForSleep(cells, LONG_MS);
  await pause(LONG_MS / 4);
  meanwhile(cells);
  const { request, at } = await waking;
  expect(request).toBe(1);
  expect(at - asked).toBeGreaterThanOrEqual(LONG_MS - BRIEF_MS);
}

describe("a worker that sleeps for others", () => {
  it("wakes when it was asked to, and not before", () => sleepsThrough(() => undefined));

  it("goes on sleeping when a notification comes late: it is that of the request it sleeps for", () =>
    sleepsThrough((cells) => expect(Atomics.notify(cells, ASKED)).toBe(1)));

  it("leaves a sleep for the next request", async () => {
    const { cells, woken } = await sleeper();
    const waking = nextWaking(woken);
    askForSleep(cells, 60 * 60 * 1000);
    await pause(LONG_MS / 4);
    askForSleep(cells, BRIEF_MS);
    expect(await waking).toMatchObject({ request: 2 });
  });
});
