/**
 * Any TPM with a function that runs a command, as a backend: a TPM compiled to WebAssembly, one behind a library of its
 * own, a chip. What else it can do, it says by having the functions for it; what is missing is refused in words.
 */
import { TIS_BUFFER_SIZE } from "../device/tis/ports.ts";
import { messageLength } from "../protocol/swtpm/data.ts";
import { BackendClosedError, TpmShutDownError, TpmUnableError } from "./errors.ts";
import type {
  BackendCapabilities,
  BackendInfo,
  DeliveryOptions,
  StateBlob,
  TpmBackend,
  TpmState,
} from "./port.ts";

/** What such a TPM has; one call at a time, but for `cancel`, which comes while `process` runs. */
export interface ProcessTpm {
  /** Runs one whole command and gives its response. @param locality 0 where {@link ProcessTpm.localities} is not set. */
  process(command: Uint8Array, locality: number): Promise<Uint8Array> | Uint8Array;
  /** It takes other localities than 0. */
  localities?: boolean;
  /** Asks the command that runs to end; `process` gives its response all the same. */
  cancel?(): void;
  /** Powers it on, also a second time (a reset); with `state` it is that TPM. Needed for `getState` to be of use. */
  powerOn?(state?: TpmState): Promise<void> | void;
  /** Its whole state, while it is on. */
  getState?(): Promise<TpmState> | TpmState;
  /** It is not needed any more. */
  close?(): Promise<void> | void;
}

export type ProcessTpmOptions = Pick<BackendInfo, "version" | "description"> &
  Partial<Pick<BackendInfo, "bufferSize">>;

/** Use it with an `OrderedTpm` in front of it, which `attachTpm({ open })` sees to. */
export class ProcessBackend implements TpmBackend {
  onFailure: ((error: Error) => void) | undefined;
  readonly #tpm: ProcessTpm;
  readonly #options: ProcessTpmOptions;
  #gone: Error | undefined;

  constructor(tpm: ProcessTpm, options: ProcessTpmOptions) {
    this.#tpm = tpm;
    this.#options = options;
  }

  /** What it can do, by what it has. */
  get capabilities(): BackendCapabilities {
    const { powerOn, getState, cancel, localities = false } = this.#tpm;
    const state = powerOn !== undefined && getState !== undefined;
    return {
      state,
      reset: powerOn !== undefined,
      cancel: cancel !== undefined,
      locality: localities,
      hash: false,
    };
  }

  async start({ state }: { state?: TpmState } = {}): Promise<BackendInfo> {
    await this.#powerOn("The TPM cannot be put where it was", state);
    const { bufferSize = TIS_BUFFER_SIZE, ...options } = this.#options;
    return { ...options, bufferSize, capabilities: this.capabilities };
  }

  async reset(state?: TpmState): Promise<void> {
    if (!this.#tpm.powerOn) throw new TpmUnableError("reset", "The TPM cannot be reset");
    await this.#powerOn("The TPM cannot be put where it was", state);
  }

  async #powerOn(what: string, state: TpmState | undefined): Promise<void> {
    this.#mustServe();
    if (state && !this.capabilities.state) throw new TpmUnableError("state", what);
    await this.#failing(() => this.#tpm.powerOn?.(state));
  }

  async deliver(
    locality: number,
    command: Uint8Array,
    { signal }: DeliveryOptions = {},
  ): Promise<Uint8Array> {
    this.#mustServe();
    if (locality !== 0 && !this.#tpm.localities)
      throw new TpmUnableError("locality", `A command at locality ${locality} cannot be run`);
    const cancel = () => this.#tpm.cancel?.();
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      return await this.#failing(async () => {
        const running = this.#tpm.process(command, locality);
        if (signal?.aborted) cancel();
        return whole(await running);
      });
    } finally {
      signal?.removeEventListener("abort", cancel);
    }
  }

  async establishmentFlag(): Promise<boolean> {
    throw new TpmUnableError("hash", "There is no establishment flag");
  }

  async resetEstablishmentFlag(): Promise<void> {
    throw new TpmUnableError("hash", "There is no establishment flag");
  }

  async measureLaunch(): Promise<void> {
    throw new TpmUnableError("hash", "A dynamic launch cannot be measured");
  }

  async getState(): Promise<TpmState> {
    this.#mustServe();
    const { getState } = this.#tpm;
    if (!getState || !this.capabilities.state)
      throw new TpmUnableError("state", "The TPM's state cannot be had");
    return this.#failing(() => getState.call(this.#tpm));
  }

  async getStateBlob(name: keyof TpmState): Promise<StateBlob> {
    return (await this.getState())[name];
  }

  async shutdown(): Promise<void> {
    if (this.#gone) return;
    this.#gone = new TpmShutDownError();
    await this.#tpm.close?.();
  }

  #mustServe(): void {
    if (this.#gone) throw this.#gone;
  }

  /** Nobody knows what a TPM is that has thrown: it is not used any further. */
  async #failing<T>(work: () => Promise<T> | T): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      const error = new BackendClosedError(`the TPM has failed: ${(cause as Error).message}`, { cause });
      if (!this.#gone) {
        this.#gone = error;
        this.onFailure?.(error);
      }
      throw error;
    }
  }
}

/** @throws {RangeError} for what is no response. */
function whole(response: Uint8Array): Uint8Array {
  if (response.length < 10 || messageLength(response) !== response.length)
    throw new RangeError(`its response of ${response.length} bytes is none`);
  return response;
}
