/**
 * The device and the TPM behind it: gives the guest's commands to the backend and the answers back, keeps resets in
 * order, and decides what the guest sees when the backend fails. Knows no thread: it runs in the device worker, or on
 * the emulator's own thread.
 */
import type { TpmBackend } from "../backend/port.ts";
import { TisDevice } from "../tis/device.ts";
import { TIS_STATE_BYTES } from "../tis/layout.ts";
import { openBackend } from "./connect.ts";
import type { EngineEvent, EngineOptions } from "./events.ts";

/** The guest may still read its error response before the registers go dead. */
const FAILURE_DELAY_MS = 1000;
/** TPM_RC_FAILURE and TPM_FAIL, as whole responses. */
const FAILURE_RESPONSE = {
  "2.0": Uint8Array.of(0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x01),
  "1.2": Uint8Array.of(0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x09),
} as const;

/** A command of the page's was refused because the TPM is not on. */
export class TpmOffError extends Error {
  override name = "TpmOffError";
}

export interface EngineEnvironment {
  emit(event: EngineEvent): void;
  /** Where the device's state lives. */
  memory?: ArrayBufferLike;
  /** Runs `work`, which changes the device's state outside of an access. */
  change?: <T>(work: () => T) => T;
}

export class TpmEngine {
  readonly device: TisDevice;
  readonly #options: EngineOptions;
  readonly #environment: EngineEnvironment;
  #backend: TpmBackend | undefined;
  #failed: string | undefined;
  #resets = 0;
  #commands = 0;
  #closed = false;

  constructor(options: EngineOptions, environment: EngineEnvironment) {
    this.#options = options;
    this.#environment = environment;
    this.device = new TisDevice({
      version: "unspecified",
      memory: environment.memory ?? new ArrayBuffer(TIS_STATE_BYTES),
      sink: {
        execute: (locality, command) => this.#execute(locality, command.slice()),
        cancel: () => this.#cancel(),
        resetEstablishment: (locality) => this.#resetEstablishment(locality),
        irq: (raised) => environment.emit({ type: "irq", raised }),
      },
    });
  }

  /** Connects and powers on. Never rejects: a failure is told by an event, and leaves the device in failure mode. */
  async powerOn(): Promise<void> {
    const { version } = this.#options;
    try {
      const { backend, info, label } = await openBackend(this.#options);
      if (this.#closed) return void (await backend.shutdown());
      backend.onFailure = (error) => this.#fail(backend, error);
      this.#backend = backend;
      this.#failed = undefined;
      const established = await backend.establishmentFlag();
      this.#change(() => {
        this.device.setVersion(version);
        this.device.setBufferSize(info.bufferSize);
        this.device.setEstablishment(established);
      });
      this.#environment.emit({ type: "on", info, label });
    } catch (error) {
      this.#goDead(error as Error);
    }
  }

  /** The machine was reset. The device is as after power-on at once; the TPM follows, then an event says so. */
  reset(count: number): void {
    this.#resets = count;
    this.device.reset();
    this.#powerCycle()
      .catch((error: Error) => this.#goDead(error))
      .finally(() => this.#environment.emit({ type: "reset", count }));
  }

  async #powerCycle(): Promise<void> {
    const backend = this.#backend;
    if (!backend || this.#failed !== undefined) return this.powerOn();
    await backend.reset();
    const established = await backend.establishmentFlag();
    this.#change(() => this.device.setEstablishment(established));
  }

  /**
   * Runs a command of the page's between the guest's; the guest does not see it.
   * @throws {TpmOffError} while the TPM is not on.
   */
  async run(command: Uint8Array): Promise<Uint8Array> {
    const backend = this.#backend;
    if (!backend || this.#failed !== undefined)
      throw new TpmOffError(this.#failed ?? "the TPM is not powered on yet");
    return this.#record(0, command, "page", () => backend.deliver(0, command));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#backend?.shutdown();
  }

  #execute(locality: number, command: Uint8Array): void {
    const { ticket } = this.device;
    const failure = FAILURE_RESPONSE[this.#options.version];
    const answer = this.#record(locality, command, "guest", async () => {
      const backend = this.#backend;
      if (!backend || this.#failed !== undefined) return failure;
      // The failure itself is told by `onFailure`; the guest gets a TPM's word for it.
      return backend.deliver(locality, command).catch(() => failure);
    });
    answer.then((response) => this.#change(() => this.device.complete(response, ticket)));
  }

  async #record(
    locality: number,
    request: Uint8Array,
    origin: "guest" | "page",
    deliver: () => Promise<Uint8Array>,
  ): Promise<Uint8Array> {
    const id = ++this.#commands;
    const { emit } = this.#environment;
    const start = performance.now();
    // A copy: the event may take its bytes to another thread.
    const copy = request.slice();
    emit({ type: "commandstart", id, time: performance.timeOrigin + start, locality, request: copy, origin });
    const response = await deliver();
    const duration = performance.now() - start;
    queueMicrotask(() => emit({ type: "command", id, duration, response: response.slice() }));
    return response;
  }

  #cancel(): void {
    // A TPM that cannot cancel goes on; its answer is due all the same.
    this.#backend?.cancel().catch(() => undefined);
  }

  #resetEstablishment(locality: number): void {
    const backend = this.#backend;
    if (!backend) return;
    backend
      .resetEstablishmentFlag(locality)
      .then(() => backend.establishmentFlag())
      .then((established) => this.#change(() => this.device.setEstablishment(established)))
      // Refused: the flag stays as it is, which is what the guest then reads.
      .catch(() => undefined);
  }

  #fail(backend: TpmBackend, error: Error): void {
    if (backend !== this.#backend || this.#closed) return;
    this.#failed = error.message;
    this.#environment.emit({ type: "failed", message: error.message });
    const resets = this.#resets;
    setTimeout(() => {
      if (this.#failed !== undefined && resets === this.#resets) this.#change(() => this.device.fail());
    }, FAILURE_DELAY_MS);
  }

  #goDead(error: Error): void {
    this.#failed = error.message;
    this.#change(() => this.device.fail());
    this.#environment.emit({ type: "failed", message: error.message });
  }

  #change<T>(work: () => T): T {
    return this.#environment.change ? this.#environment.change(work) : work();
  }
}
