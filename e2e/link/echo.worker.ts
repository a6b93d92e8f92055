/** Serves the test device of the link in a browser's worker. */
import type { LinkServer } from "../../src/worker/link/server.ts";
import { type EchoOptions, serveEcho } from "../../src/worker/link/testing/echo-tpm.ts";

let server: LinkServer | undefined;

self.onmessage = ({ data }: MessageEvent<EchoOptions | "ring" | "freeze" | "stats">) => {
  if (data === "ring") server?.serve();
  else if (data === "freeze") for (;;);
  else if (data === "stats") self.postMessage(server?.stats);
  else {
    server = serveEcho(data);
    self.postMessage("served");
  }
};
