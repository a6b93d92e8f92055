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

const api: HiddenWorkerApi = {
  ping: () => undefined,
  hold: (lock) =>
    new Promise((resolve) => {
      const hold = () => {
        resolve(true);
        return new Promise(() => undefined);
      };
      if (navigator.locks) navigator.locks.request(lock, hold).catch(() => resolve(false));
      else resolve(false);
    }),
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
