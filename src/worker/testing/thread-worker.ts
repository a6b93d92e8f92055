/** A worker as browsers have it, over a thread of Node's: the product's own worker code, for tests in Node. */
import { Worker as Thread } from "node:worker_threads";

export interface ThreadOptions {
  /** Module that exports `NodeWebSocket`, where the worker is to have WebSockets. */
  webSocket?: string;
}

/** Node's threads take TypeScript only once they have been taught to, and have no `self`. */
const BOOTSTRAP = `
const { parentPort, workerData } = require("node:worker_threads");
const start = async ({ tsx, url, webSocket }) => {
  (await import(tsx)).register();
  if (webSocket) globalThis.WebSocket ??= (await import(webSocket)).NodeWebSocket;
  const target = new EventTarget();
  globalThis.self = globalThis;
  for (const name of ["addEventListener", "removeEventListener"]) globalThis[name] = target[name].bind(target);
  globalThis.postMessage = (message, options) =>
    parentPort.postMessage(message, Array.isArray(options) ? options : options?.transfer);
  await import(url);
  parentPort.on("message", (data) => target.dispatchEvent(new MessageEvent("message", { data })));
};
start(workerData);
`;

export class ThreadWorker extends EventTarget {
  readonly #thread: Thread;

  constructor(url: URL, options: ThreadOptions = {}) {
    super();
    const tsx = import.meta.resolve("tsx/esm/api");
    this.#thread = new Thread(BOOTSTRAP, { eval: true, workerData: { tsx, url: url.href, ...options } });
    this.#thread.on("message", (data) => this.dispatchEvent(new MessageEvent("message", { data })));
    this.#thread.on("error", ({ message }) =>
      this.dispatchEvent(Object.assign(new Event("error"), { message })),
    );
  }

  postMessage(message: unknown, options?: Transferable[] | StructuredSerializeOptions): void {
    const transfer = Array.isArray(options) ? options : options?.transfer;
    this.#thread.postMessage(message, transfer as never);
  }

  terminate(): void {
    void this.#thread.terminate();
  }
}

/** The device worker in such a thread. */
export const deviceWorker = (options: ThreadOptions = {}): Worker =>
  new ThreadWorker(new URL("../tpm.worker.ts", import.meta.url), options) as unknown as Worker;
