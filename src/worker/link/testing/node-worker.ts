/** Starts as a thread of Node's: serves the test device until told to end, to freeze, for a while or for good, or to die. */
import { parentPort, workerData } from "node:worker_threads";
import { serveEcho } from "./echo-tpm.ts";

const server = serveEcho(workerData);
parentPort?.on("message", (message: "ring" | "stats" | "close" | { freezeMs: number }) => {
  if (message === "ring") server.serve();
  else if (message === "stats") parentPort?.postMessage(server.stats);
  else if (typeof message === "object") {
    parentPort?.postMessage("frozen");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, message.freezeMs);
  } else {
    server.close();
    parentPort?.close();
  }
});
