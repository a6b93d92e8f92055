/** The device worker: engine and link server, called by the page through comlink. */
import { expose } from "comlink";
import { LINK, mapLink } from "../link/layout.ts";
import { LinkServer } from "../link/server.ts";
import { type DeviceWorkerApi, DOORBELL } from "./api.ts";
import { TpmEngine } from "./engine.ts";

/** The page takes a worker that is silent for seconds for stuck. */
const HEARTBEAT_MS = 500;

let engine: TpmEngine | undefined;
let server: LinkServer | undefined;

const api: DeviceWorkerApi = {
  async start(options, memory, emit) {
    const created = new TpmEngine(options, {
      memory: memory.state,
      emit: (event) => void emit(event),
      change: (work) => (server ? server.change(work) : work()),
    });
    engine = created;
    server = new LinkServer({
      memory,
      device: created.device,
      onReset: (count) => created.reset(count),
      waiting: () => created.device.executing,
    });
    const { control } = mapLink(memory);
    setInterval(() => Atomics.add(control, LINK.HEARTBEAT, 1), HEARTBEAT_MS);
    await created.powerOn();
  },
  async run(command) {
    if (!engine) throw new Error("the worker was not started");
    return engine.run(command);
  },
  async close() {
    server?.close();
    await engine?.close();
  },
};

self.addEventListener("message", (event: MessageEvent<unknown>) => {
  if (event.data === DOORBELL) server?.serve();
});
expose(api);
