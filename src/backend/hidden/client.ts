/**
 * The page's side of the hidden machine: starts its worker, and gives the two ports that lead to its swtpm. The ports
 * go straight on to the device worker, so that no TPM command passes through the page's own thread.
 */
import { type Remote, releaseProxy, transfer, wrap } from "comlink";
import { type CompiledModule, CompiledModules, MOST_KEPT } from "../../machine/v86/compiled-modules.ts";
import type { PortMessage } from "../message-port.ts";
import type { HiddenWorkerApi } from "./api.ts";
import type { HiddenImages } from "./machine.ts";

export interface HiddenTpm {
  /** Leads to swtpm's control channel. */
  control: MessagePort;
  /** Leads to swtpm's data channel. */
  data: MessagePort;
  /** Bytes of memory that the machine holds, once it is there; 0 when it could not be started. */
  memory: Promise<number>;
  /** Ends machine and worker. */
  stop(): void;
}

/** What the workers have compiled, each of which lives for one boot: the next one begins with it. */
const compiled = new CompiledModules(MOST_KEPT);

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
  const news = new MessageChannel();
  news.port2.onmessage = (event: MessageEvent<CompiledModule>) => compiled.add(event.data);
  let handedOver = false;
  let known: (bytes: number) => void;
  const memory = new Promise<number>((resolve) => {
    known = resolve;
  });
  const end = () => {
    news.port2.close();
    worker.terminate();
  };
  const fail = (reason: string) => {
    if (handedOver) return;
    handedOver = true;
    const message: PortMessage = { closed: reason };
    control.port1.postMessage(message);
    data.port1.postMessage(message);
    end();
    known(0);
  };
  worker.onerror = (event) =>
    fail(`the hidden machine's worker failed: ${event.message || "it could not be loaded"}`);
  const start = async () => {
    known(await api.boot(images, await compiled.all(), transfer(news.port1, [news.port1])));
    handedOver = true;
    // From here on, the ports close with the reason of a failure, or because their worker is gone.
    await api.start(version, transfer(control.port1, [control.port1]), transfer(data.port1, [data.port1]));
  };
  start().catch((error: Error) => fail(error.message));
  return {
    control: control.port2,
    data: data.port2,
    memory,
    stop() {
      api[releaseProxy]();
      fail("the hidden machine was stopped");
      end();
    },
  };
}
