/** The test device in a worker of this page, with its proxy. */
import { createLinkMemory } from "../../src/worker/link/layout.ts";
import { MmioProxy } from "../../src/worker/link/proxy.ts";
import type { LinkStats } from "../../src/worker/link/server.ts";
import type { EchoOptions } from "../../src/worker/link/testing/echo-tpm.ts";

export interface EchoDevice {
  device: MmioProxy;
  stats(): Promise<LinkStats>;
  end(): void;
}

export async function startEcho(options: Partial<EchoOptions> = {}): Promise<EchoDevice> {
  const worker = new Worker(new URL("./echo.worker.ts", import.meta.url), { type: "module" });
  const memory = createLinkMemory();
  const echo: EchoOptions = { memory, version: "2.0", delayMs: 0, waitAsync: true, ...options };
  const reply = <T>() => new Promise<T>((resolve) => (worker.onmessage = ({ data }) => resolve(data)));
  const served = reply<string>();
  worker.postMessage(echo);
  await served;
  return {
    device: new MmioProxy({ memory, ...(!echo.waitAsync && { ring: () => worker.postMessage("ring") }) }),
    stats() {
      const stats = reply<LinkStats>();
      worker.postMessage("stats");
      return stats;
    },
    end: () => worker.terminate(),
  };
}
