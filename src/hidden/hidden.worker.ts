/** The hidden machine's worker: restores the machine and joins swtpm's channels to message ports. */
import { expose } from "comlink";
import { V86 } from "v86";
import wasmUrl from "v86/build/v86.wasm?url";
import { joinChannel, type PortMessage } from "../backend/message-port.ts";
import type { HiddenWorkerApi } from "./api.ts";
import { HiddenMachine } from "./machine.ts";

let machine: HiddenMachine | undefined;

const api: HiddenWorkerApi = {
  async boot(images) {
    machine = await HiddenMachine.boot({ V86, wasm: wasmUrl, images });
  },
  async start(version, control, data) {
    if (!machine) throw new Error("the hidden machine was not booted");
    try {
      const channels = await machine.start({ version });
      joinChannel(channels.control, control);
      joinChannel(channels.data, data);
    } catch (error) {
      const closed: PortMessage = { closed: (error as Error).message };
      control.postMessage(closed);
      data.postMessage(closed);
    }
  },
};

expose(api);
