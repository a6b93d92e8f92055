/** Starts as a thread of Node's: serves the test device until told to end, to freeze, or to die. */
import { parentPort, workerData } from "node:worker_threads";
import { serveEcho } from "./echo-tpm.ts";

const server = serveEcho(workerData);
parentPort?.on("message", (message: "ring" | "stats" | "freeze" | "close") => {
  if (message === "ring") server.serve();
  else if (message === "stats") parentPort?.postMessage(server.stats);
  else if (message === "freeze") {
    parentPort?.postMessage("frozen");
    for (;;);
  } else {
    server.close();
    parentPort?.close();
  }
});
