/** Device and TPM saved together, put back, and moved elsewhere, while the machine is held. */
import type { TpmBackend, TpmState } from "../backend/port.ts";
import type { DeviceSnapshot, FrontEndDevice } from "../device/frontend/port.ts";
import { commandName } from "../protocol/tpm2/names.ts";
import { commandCode, responseCode, TpmResponseError } from "../protocol/tpm2/parse.ts";
import type { Deliveries } from "./deliveries.ts";
import type { TpmSnapshot } from "./events.ts";
import type { OpenTpm } from "./keeping.ts";
import { mayHaveTaken, off, type Power } from "./power.ts";

/** A command that runs longer than this while a snapshot waits for it is cancelled, in milliseconds. */
const PATIENCE_MS = 10_000;

export interface MovesPort {
  version: "2.0" | "1.2";
  device: FrontEndDevice;
  power: Power;
  deliveries: Deliveries;
  /** Runs a command of the page's between the guest's. */
  run(command: Uint8Array): Promise<Uint8Array>;
  /** Puts the device where it was. */
  putBack(device: DeviceSnapshot): void;
  /** A move has ended. */
  moved(): void;
}

export class Moves {
  readonly #port: MovesPort;
  /** The TPM is on its way to another backend. */
  #moving = false;

  constructor(port: MovesPort) {
    this.#port = port;
  }

  get underWay(): boolean {
    return this.#moving;
  }

  /**
   * Device and TPM as they stand, once no command runs. The machine must be held, and must stay so until this resolves.
   * @throws {TpmOffError} while the TPM is not on, {TpmUnableError} when it gives no state.
   */
  async snapshot(): Promise<TpmSnapshot> {
    const { tpm } = await this.#atRest("No snapshot can be taken");
    return { device: this.#port.device.snapshot(), tpm };
  }

  /** The TPM and its state, once no command runs; one that takes too long is cancelled. */
  async #atRest(what: string): Promise<{ backend: TpmBackend; tpm: TpmState }> {
    const { power } = this.#port;
    await power.settled;
    power.must("state", what);
    const impatience = setTimeout(() => this.#port.deliveries.cancelRunning(), PATIENCE_MS);
    try {
      for (;;) {
        const backend = power.serving;
        if (!backend) throw off(power.failure);
        // Its turn comes after the command that runs, whose answer has reached the device by then.
        const tpm = await backend.getState();
        // A command that was waiting for the end of one that the guest gave up has begun meanwhile.
        if (!this.#port.device.executing) return { backend, tpm };
      }
    } finally {
      clearTimeout(impatience);
    }
  }

  /**
   * The TPM goes on elsewhere, with its PCRs, sessions and objects; the guest does not notice. The machine must be
   * held. A "power" event tells who serves now. @param open where to; also for the resets to come.
   * @throws what keeps the other one from taking the state; the TPM goes on where it was then.
   */
  async move(open: OpenTpm): Promise<void> {
    this.#moving = true;
    try {
      const { backend: old, tpm } = await this.#atRest("The TPM cannot be moved");
      const next = await open(tpm);
      await mayHaveTaken(tpm, next, "The TPM cannot go on there");
      await this.#port.power.replace(old, next, open);
    } finally {
      this.#moving = false;
      this.#port.moved();
    }
  }

  /**
   * Gives the TPM another state, by a power cycle or a new session, and puts the device where it was. The machine must
   * be held. A "power" event tells that it is done.
   * @throws {TpmUnableError} when it takes no state: nothing has happened then. What else keeps the TPM from taking the
   * state is thrown too; the device is in failure mode then.
   */
  async restore({ device, tpm }: TpmSnapshot): Promise<void> {
    const { power } = this.#port;
    await power.settled;
    if (power.serving) power.must("state", "The TPM cannot be put where it was");
    await power.switch(async () => {
      await power.putBack(tpm);
      this.#port.putBack(device);
    });
    if (power.failure) throw power.failure;
  }

  /**
   * The TPM that is on takes the place of the one that a device was saved with: it runs `commands`, to be what the guest
   * expects, and the device is put where it was. The machine must be held, and the guest not have used this TPM.
   * @throws {TpmOffError} while the TPM is not on, {TpmResponseError} when it refuses one of the commands,
   * {TpmUnableError} when it was not switched on for this.
   */
  async standIn(device: DeviceSnapshot, commands: readonly Uint8Array[]): Promise<void> {
    const { power, version } = this.#port;
    await power.settled;
    power.must("reset", "A prepared machine cannot go on with this TPM");
    for (const command of commands) {
      const code = responseCode(await this.#port.run(command));
      if (code === 0) continue;
      const name = commandName(commandCode(command) ?? 0, version);
      throw new TpmResponseError(`the TPM refused ${name}`, code);
    }
    this.#port.putBack(device);
  }
}
