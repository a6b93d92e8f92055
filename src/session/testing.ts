/** A machine bus without a machine: keeps what the TPM did to it, for tests. */

import type { MmioDevice } from "../device/tis/ports.ts";
import type { MachineBus, MmioWindow } from "../machine/bus.ts";

export class TestBus implements MachineBus {
  readonly clock = { frozen: false, now: () => performance.now() };
  readonly devices: { window: MmioWindow; device: MmioDevice }[] = [];
  readonly files = new Map<string, Uint8Array>();
  readonly irqs: { line: number; raised: boolean }[] = [];
  /** Every hold there was. */
  readonly held: string[] = [];
  readonly #holds = new Set<{ reason: string }>();
  readonly #listeners = new Set<() => void>();
  readonly #beforeReset = new Set<() => void>();
  /** How often the guest's memory was cleared. */
  cleared = 0;

  attach(window: MmioWindow, device: MmioDevice): void {
    this.devices.push({ window, device });
  }
  setFirmwareFile(name: string, data: Uint8Array): void {
    this.files.set(name, data);
  }
  removeFirmwareFile(name: string): void {
    this.files.delete(name);
  }
  setIrq(line: number, raised: boolean): void {
    this.irqs.push({ line, raised });
  }
  onReset(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  beforeReset(listener: () => void): () => void {
    this.#beforeReset.add(listener);
    return () => this.#beforeReset.delete(listener);
  }
  clearMemory(): void {
    this.cleared++;
  }
  hold(reason: string): () => void {
    const hold = { reason };
    this.#holds.add(hold);
    this.held.push(reason);
    return () => this.#holds.delete(hold);
  }
  get holds(): readonly string[] {
    return Array.from(this.#holds, ({ reason }) => reason);
  }

  /** Presses the machine's reset button. */
  reset(): void {
    for (const listener of this.#beforeReset) listener();
    for (const listener of this.#listeners) listener();
  }
}
