/** A TPM that takes longer than it does, and tells what its commands took: for tests and tools. */
import type { BackendInfo, DeliveryOptions, TpmBackend, TpmState } from "../../backend/port.ts";

/** Calls another backend for everything; what happens to a command is decided by `through`. */
export class SlowBackend implements TpmBackend {
  readonly #inner: TpmBackend;
  readonly #through: (command: Uint8Array, response: Promise<Uint8Array>) => Promise<Uint8Array>;

  /** @param through gets each command as it begins; the device has the answer when what it gives resolves. */
  constructor(
    inner: TpmBackend,
    through: (command: Uint8Array, response: Promise<Uint8Array>) => Promise<Uint8Array>,
  ) {
    this.#inner = inner;
    this.#through = through;
  }

  set onFailure(listener: ((error: Error) => void) | undefined) {
    this.#inner.onFailure = listener;
  }
  get onFailure(): ((error: Error) => void) | undefined {
    return this.#inner.onFailure;
  }
  set background(listener: ((work: () => Promise<void>) => void) | undefined) {
    this.#inner.background = listener;
  }

  start(options?: { state?: TpmState }): Promise<BackendInfo> {
    return this.#inner.start(options);
  }
  reset(state?: TpmState): Promise<void> {
    return this.#inner.reset(state);
  }
  deliver(locality: number, command: Uint8Array, options?: DeliveryOptions): Promise<Uint8Array> {
    return this.#through(command, this.#inner.deliver(locality, command, options));
  }
  establishmentFlag(): Promise<boolean> {
    return this.#inner.establishmentFlag();
  }
  resetEstablishmentFlag(locality: number): Promise<void> {
    return this.#inner.resetEstablishmentFlag(locality);
  }
  measureLaunch(data: Uint8Array): Promise<void> {
    return this.#inner.measureLaunch(data);
  }
  getState(): Promise<TpmState> {
    return this.#inner.getState();
  }
  getStateBlob(name: keyof TpmState) {
    return this.#inner.getStateBlob(name);
  }
  shutdown(): Promise<void> {
    return this.#inner.shutdown();
  }
}
