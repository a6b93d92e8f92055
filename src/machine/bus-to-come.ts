/**
 * Stands in for the bus of a machine that is still being made, so that what is attached to it (a TPM takes a few
 * tenths of a second to be on) can begin meanwhile. All that is asked of it is passed on when the machine is there.
 */
import type { MmioDevice } from "../device/tis/ports.ts";
import type { GuestClock, MachineBus, MmioWindow } from "./bus.ts";

/** Before the machine there is no time. */
const NO_TIME: GuestClock = { frozen: true, now: () => 0 };

export class BusToCome implements MachineBus {
  #bus: MachineBus | undefined;
  #waiting: ((bus: MachineBus) => void)[] = [];
  readonly #holds = new Set<{ reason: string }>();

  /** The machine has been made, and does not run yet. To be called once. */
  become(bus: MachineBus): void {
    this.#bus = bus;
    for (const pass of this.#waiting.splice(0)) pass(bus);
  }

  get clock(): GuestClock {
    return this.#bus?.clock ?? NO_TIME;
  }

  get holds(): readonly string[] {
    return this.#bus?.holds ?? Array.from(this.#holds, ({ reason }) => reason);
  }

  attach(window: MmioWindow, device: MmioDevice): void {
    this.#when((bus) => bus.attach(window, device));
  }

  setFirmwareFile(name: string, data: Uint8Array): void {
    this.#when((bus) => bus.setFirmwareFile(name, data));
  }

  removeFirmwareFile(name: string): void {
    this.#when((bus) => bus.removeFirmwareFile(name));
  }

  setIrq(line: number, raised: boolean): void {
    this.#when((bus) => bus.setIrq(line, raised));
  }

  onReset(listener: () => void): () => void {
    return this.#subscribe((bus) => bus.onReset(listener));
  }

  beforeReset(listener: () => void): () => void {
    return this.#subscribe((bus) => bus.beforeReset?.(listener));
  }

  clearMemory(): void {
    this.#bus?.clearMemory?.();
  }

  hold(reason: string): () => void {
    if (this.#bus) return this.#bus.hold(reason);
    const hold = { reason };
    this.#holds.add(hold);
    let release: (() => void) | undefined;
    this.#when((bus) => {
      if (this.#holds.has(hold)) release = bus.hold(reason);
    });
    return () => {
      this.#holds.delete(hold);
      release?.();
    };
  }

  /** Before there is a machine, no guest's time goes by. */
  holdAfter(guestMs: number, reason: string): (() => void) | undefined {
    return this.#bus ? this.#bus.holdAfter?.(guestMs, reason) : () => undefined;
  }

  async settled(): Promise<void> {
    await this.#bus?.settled?.();
  }

  endSlice(): void {
    this.#bus?.endSlice?.();
  }

  setPrecise(on: boolean): void {
    this.#when((bus) => bus.setPrecise?.(on));
  }

  #subscribe(begin: (bus: MachineBus) => (() => void) | undefined): () => void {
    let end: (() => void) | undefined;
    let ended = false;
    this.#when((bus) => {
      if (!ended) end = begin(bus);
    });
    return () => {
      ended = true;
      end?.();
    };
  }

  #when(pass: (bus: MachineBus) => void): void {
    if (this.#bus) pass(this.#bus);
    else this.#waiting.push(pass);
  }
}
