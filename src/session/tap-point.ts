/**
 * Where accesses enter the device, from the guest and from the page: the one place at which they can be watched. A
 * tap is put in by swapping what answers, so that nobody pays for it while there is none.
 */
import type { AccessSize, MmioDevice } from "../device/tis/ports.ts";
import type { AccessTap } from "./types.ts";

export class TapPoint {
  /** What the machine's bus calls; stays the same object. */
  readonly guest: MmioDevice;
  #device: MmioDevice;
  #tap: AccessTap | undefined;
  #forGuest: MmioDevice;
  #forPage: MmioDevice;

  constructor(device: MmioDevice) {
    this.#device = this.#forGuest = this.#forPage = device;
    this.guest = {
      read: (address, size) => this.#forGuest.read(address, size),
      write: (address, size, value) => this.#forGuest.write(address, size, value),
    };
  }

  /** The page's own accesses. */
  get page(): MmioDevice {
    return this.#forPage;
  }

  /** From now on this device answers; a tap stays. */
  use(device: MmioDevice): void {
    this.#device = device;
    this.tap(this.#tap);
  }

  /** Puts a tap before the device, in place of one that was there. */
  tap(tap: AccessTap | undefined): void {
    this.#tap = tap;
    this.#forGuest = tap ? tap(this.#device, "guest") : this.#device;
    this.#forPage = tap ? tap(this.#device, "page") : this.#device;
  }
}

/** What answers in place of a device that was taken away. */
export const NOBODY: MmioDevice = {
  read: (_address: number, size: AccessSize) => 2 ** (8 * size) - 1,
  write: () => undefined,
};
