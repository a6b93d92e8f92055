/** The worker that keeps what a guest writes to one drive. */
import { expose } from "comlink";
import { throwingFailures } from "../../worker/crossing.ts";
import type { DriveWorkerApi } from "./api.ts";
import { KeptLog } from "./serve.ts";

expose(
  throwingFailures<DriveWorkerApi>(new KeptLog(), [
    "open",
    "overlay",
    "write",
    "flush",
    "clusters",
    "save",
    "replace",
    "close",
  ]),
);
