/** A device with a TPM behind it, in one process: what the qtest tool serves. */
import type { TpmBackend } from "../../backend/port.ts";
import type { FrontEnd, FrontEndDevice, FrontEndSink, LaunchStep } from "../../device/frontend/port.ts";
import { LaunchSequence } from "../../worker/launch.ts";

export class QtestTpm implements FrontEndSink {
  readonly device: FrontEndDevice;
  readonly #backend: TpmBackend;
  readonly #launchSequence = new LaunchSequence();
  /** Of the command that was given out last. */
  #cancel = new AbortController();
  /** Called when the interrupt line's level changes. */
  onIrq: ((raised: boolean) => void) | undefined;
  /** Called with what the TPM refused, and when it has failed for good; the device is in failure mode then. */
  onTrouble: ((message: string) => void) | undefined;

  /** Starts the backend and gives the device what it says of itself. */
  static async start(backend: TpmBackend, frontEnd: FrontEnd): Promise<QtestTpm> {
    const info = await backend.start();
    const tpm = new QtestTpm(backend, frontEnd);
    tpm.device.setVersion(info.version);
    tpm.device.setBufferSize(info.bufferSize);
    tpm.device.setEstablishment(await backend.establishmentFlag());
    return tpm;
  }

  private constructor(backend: TpmBackend, frontEnd: FrontEnd) {
    this.#backend = backend;
    this.device = frontEnd.create({ sink: this });
    backend.onFailure = (error) => this.#fail(error);
  }

  execute(locality: number, command: Uint8Array): void {
    const { ticket } = this.device;
    this.#cancel = new AbortController();
    this.#backend.deliver(locality, command, { signal: this.#cancel.signal }).then(
      (response) => this.device.complete(response, ticket),
      (error: unknown) => {
        this.#report("a command was not carried out", error);
        // The device turns what is no response into the TPM's failure response.
        this.device.complete(new Uint8Array(), ticket);
      },
    );
  }

  cancel(): void {
    this.#cancel.abort();
  }

  resetEstablishment(locality: number): void {
    const reset = async () => {
      await this.#backend.resetEstablishmentFlag(locality);
      this.device.setEstablishment(await this.#backend.establishmentFlag());
    };
    reset().catch((error: unknown) => this.#report("the establishment flag was not reset", error));
  }

  launch(step: LaunchStep): void {
    const data = this.#launchSequence.take(step);
    if (!data) return;
    const measure = async () => {
      await this.#backend.measureLaunch(data);
      this.device.setEstablishment(await this.#backend.establishmentFlag());
    };
    measure().catch((error: unknown) => this.#report("the dynamic launch was not measured", error));
  }

  irq(raised: boolean): void {
    this.onIrq?.(raised);
  }

  /** A power cycle of device and TPM. */
  async reset(): Promise<void> {
    this.device.reset();
    await this.#backend.reset();
    this.device.setEstablishment(await this.#backend.establishmentFlag());
  }

  #fail(error: Error): void {
    this.device.fail();
    this.#report("the TPM has failed", error);
  }

  #report(what: string, error: unknown): void {
    this.onTrouble?.(`${what}: ${error instanceof Error ? error.message : error}`);
  }
}
