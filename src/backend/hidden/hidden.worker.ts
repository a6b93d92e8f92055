/** The hidden machine's worker: restores the machine and joins swtpm's channels to message ports. */
import { expose } from "comlink";
import { V86 } from "v86";
import wasmUrl from "v86/build/v86.wasm?url";
import { compiledHere } from "../../machine/v86/compiled-modules.ts";
import { joinChannel, type PortMessage } from "../message-port.ts";
import type { HiddenWorkerApi } from "./api.ts";
import { HiddenMachine } from "./machine.ts";

let machine: HiddenMachine | undefined;
/** Where swtpm's channels lead to. */
const ports: MessagePort[] = [];

/** Tells whoever is at the other end of the channels that no answer will come. */
function fail(reason: string): void {
  const closed: PortMessage = { closed: reason };
  for (const port of ports.splice(0)) port.postMessage(closed);
}

/** Holds a lock for as long as this worker lives, and tells its name. */
async function tellLife(): Promise<void> {
  if (!navigator.locks) return;
  const message = { alive: `webtpm-hidden-${crypto.randomUUID()}` } satisfies PortMessage;
  const held = await new Promise<boolean>((resolve) => {
    const hold = () => {
      resolve(true);
      return new Promise(() => undefined);
    };
    navigator.locks.request(message.alive, hold).catch(() => resolve(false));
  });
  if (held) for (const port of ports) port.postMessage(message);
}

const api: HiddenWorkerApi = {
  async boot(images, known, news) {
    for (const compiled of known) compiledHere.add(compiled);
    compiledHere.onCompiled((compiled) => news.postMessage(compiled));
    machine = await HiddenMachine.boot({ V86, wasm: wasmUrl, images });
    return machine.memory;
  },
  async start(version, control, data) {
    ports.push(control, data);
    try {
      if (!machine) throw new Error("the hidden machine was not booted");
      await tellLife();
      const channels = await machine.start({ version });
      joinChannel(channels.control, control);
      joinChannel(channels.data, data);
    } catch (error) {
      fail((error as Error).message);
    }
  },
};

// What nobody expects here leaves a machine that nobody can rely on.
self.addEventListener("error", ({ message }) => fail(`the hidden machine's worker failed: ${message}`));
self.addEventListener("unhandledrejection", ({ reason }) => {
  fail(`the hidden machine's worker failed: ${reason instanceof Error ? reason.message : reason}`);
});
expose(api);
