/**
 * What the guest sees when the TPM behind the registers has failed: its running command, and one that it is putting in,
 * are answered with the TPM's own failure response; the registers go dead (failure mode) when the guest has taken that
 * response, so that no driver waits for one that never comes.
 */
import type { FrontEndDevice } from "../device/frontend/port.ts";

export interface DyingPort {
  device: FrontEndDevice;
  /** Runs `work`, which changes the device's state outside of an access. */
  change<T>(work: () => T): T;
  /** True while some locality puts a command in. */
  guestWrites(): boolean;
}

export class Dying {
  readonly #port: DyingPort;
  /** The device is still alive after a failure. */
  #dying = false;

  constructor(port: DyingPort) {
    this.#port = port;
  }

  get under(): boolean {
    return this.#dying;
  }

  begin(): void {
    this.#dying = true;
    this.look();
  }

  /** The guest has made a move: failure mode, as soon as it neither puts a command in nor has a response to take. */
  look(): void {
    if (!this.#dying) return;
    const { device } = this.#port;
    const { activeLocality } = device.view;
    if (device.executing || this.#port.guestWrites()) return;
    if (activeLocality >= 0 && device.view.state(activeLocality) === "completion") return;
    this.now();
  }

  /** Failure mode at once. */
  now(): void {
    this.#dying = false;
    this.#port.change(() => this.#port.device.fail());
  }

  /** The machine was reset meanwhile. */
  stop(): void {
    this.#dying = false;
  }
}
