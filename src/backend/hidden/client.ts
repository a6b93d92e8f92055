/**
 * The page's side of the hidden machine: starts its worker, and gives the two ports that lead to its swtpm. The ports
 * go straight on to the device worker, so that no TPM command passes through the page's own thread.
 */
import { type Remote, releaseProxy, transfer, wrap } from "comlink";
import { type CompiledModule, CompiledModules, MOST_KEPT } from "../../machine/v86/compiled-modules.ts";
import { WorkerWatch } from "../liveness/worker-watch.ts";
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
 * So many workers are started, one after the other, when one stands still before its machine is there. In Firefox on a
 * busy host 6 of some 120 did: blocked within the browser, they took no message any more. The next one goes on.
 */
const ATTEMPTS = 3;

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
  const control = new MessageChannel();
  const data = new MessageChannel();
  let known: (bytes: number) => void;
  const memory = new Promise<number>((resolve) => {
    known = resolve;
  });
  /** From then on, the ports close with the reason of a failure, or because their worker is gone. */
  let handedOver = false;
  let over = false;
  let end: () => void;
  const tell = (message: PortMessage) => {
    for (const port of [control.port1, data.port1]) port.postMessage(message);
  };
  const fail = (reason: string) => {
    if (handedOver || over) return;
    over = true;
    tell({ closed: reason });
    end();
    known(0);
  };

  const begin = (attempt: number) => {
    const worker = createWorker();
    const api: Remote<HiddenWorkerApi> = wrap<HiddenWorkerApi>(worker);
    const news = new MessageChannel();
    news.port2.onmessage = (event: MessageEvent<CompiledModule>) => compiled.add(event.data);
    const watch = new WorkerWatch(
      () => api.ping(),
      () => {
        end();
        if (attempt < ATTEMPTS) begin(attempt + 1);
        else fail("the hidden machine's worker did not go on, and neither did those before it");
      },
    );
    let ended = false;
    end = () => {
      if (ended) return;
      ended = true;
      watch.end();
      api[releaseProxy]();
      news.port2.close();
      worker.terminate();
    };
    worker.onerror = (event) =>
      fail(`the hidden machine's worker failed: ${event.message || "it could not be loaded"}`);
    const boot = async () => api.boot(images, await compiled.all(), transfer(news.port1, [news.port1]));
    // A worker that dies tells nobody.
    const alive = `webtpm-hidden-${crypto.getRandomValues(new BigUint64Array(1))[0]}`;
    const hold = async () => {
      const held = await api.hold(alive);
      watch.spoke();
      return held;
    };
    const start = async () => {
      const [bytes, held] = await Promise.all([boot(), hold()]);
      if (ended) return;
      watch.end();
      if (held) tell({ alive });
      handedOver = true;
      known(bytes);
      await api.start(version, transfer(control.port1, [control.port1]), transfer(data.port1, [data.port1]));
    };
    start().catch((error: Error) => {
      if (!ended) fail(error.message);
    });
  };
  begin(1);
  return {
    control: control.port2,
    data: data.port2,
    memory,
    stop() {
      fail("the hidden machine was stopped");
      end();
    },
  };
}
