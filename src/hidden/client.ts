/**
 * The page's side of the hidden machine: starts its worker, and gives the two ports that lead to its swtpm. The ports
 * go straight on to the device worker, so that no TPM command passes through the page's own thread.
 */
import { type Remote, releaseProxy, transfer, wrap } from "comlink";
import type { PortMessage } from "../backend/message-port.ts";
import type { HiddenWorkerApi } from "./api.ts";
import type { HiddenImages } from "./machine.ts";

export interface HiddenTpm {
  /** Leads to swtpm's control channel. */
  control: MessagePort;
  /** Leads to swtpm's data channel. */
  data: MessagePort;
  /** Ends machine and worker. */
  stop(): void;
}

const defaultWorker = () =>
  new Worker(new URL("./hidden.worker.ts", import.meta.url), {
    type: "module",
    name: "WebTPM hidden machine",
  });

/**
 * Starts a hidden machine and a TPM of this version in it. Returns at once: what is sent into the ports waits there
 * until swtpm runs; when it cannot be started, the ports close with the reason.
 * @param createWorker for pages whose bundler does not find the worker by itself.
 */
export function startHiddenTpm(
  images: HiddenImages,
  version: "2.0" | "1.2",
  createWorker: () => Worker = defaultWorker,
): HiddenTpm {
  const worker = createWorker();
  const api: Remote<HiddenWorkerApi> = wrap<HiddenWorkerApi>(worker);
  const control = new MessageChannel();
  const data = new MessageChannel();
  let handedOver = false;
  const fail = (reason: string) => {
    if (handedOver) return;
    handedOver = true;
    const message: PortMessage = { closed: reason };
    control.port1.postMessage(message);
    data.port1.postMessage(message);
    worker.terminate();
  };
  worker.onerror = (event) =>
    fail(`the hidden machine's worker failed: ${event.message || "it could not be loaded"}`);
  const start = async () => {
    await api.boot(images);
    handedOver = true;
    await api.start(version, transfer(control.port1, [control.port1]), transfer(data.port1, [data.port1]));
  };
  start().catch((error: Error) => fail(error.message));
  return {
    control: control.port2,
    data: data.port2,
    stop() {
      api[releaseProxy]();
      worker.terminate();
    },
  };
}
