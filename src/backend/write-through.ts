/**
 * A TPM whose permanent state is kept elsewhere, and never lost: when a command has changed it, its response is given
 * only after the new state is saved. Where saving fails, the command counts as not done: the session ends, and the next
 * one begins from what was saved last.
 *
 * Some changes belong to no command, e.g. the TPM's clock, which goes to NV now and then. They are saved a little
 * later, and nobody waits for that; after a crash the TPM's clock may be behind by that much, as after a power cut.
 */
import { equalBytes } from "../protocol/bytes/hex.ts";
import { responseCode } from "../protocol/tpm2/parse.ts";
import { StateNotSavedError } from "./errors.ts";
import {
  type BackendInfo,
  type DeliveryOptions,
  NO_BLOB,
  type StateBlob,
  type TpmBackend,
  type TpmKeep,
  type TpmState,
} from "./port.ts";
import { PermanentChanges } from "./write-through-commands.ts";

/** How soon after a command that needs no saving the state is looked at all the same, in milliseconds. */
const LATER_MS = 5000;

export interface WriteThroughStats {
  /** Commands after which a state blob was fetched. */
  looks: number;
  /** How often a state was saved. */
  saves: number;
}

export interface WriteThroughOptions {
  keep: Pick<TpmKeep, "save">;
  info: BackendInfo;
  /** What is kept already, and was given to `inner` when it was started. */
  kept?: TpmState | undefined;
}

export class WriteThroughBackend implements TpmBackend {
  onFailure: ((error: Error) => void) | undefined;
  readonly stats: WriteThroughStats = { looks: 0, saves: 0 };
  readonly #inner: TpmBackend;
  readonly #keep: Pick<TpmKeep, "save">;
  readonly #info: BackendInfo;
  readonly #changes: PermanentChanges;
  #saved: TpmState | undefined;
  #later: ReturnType<typeof setTimeout> | undefined;
  #background: TpmBackend["background"];
  #over = false;

  /** @param inner a TPM that is powered on. Call {@link begin} before anything else. */
  constructor(inner: TpmBackend, { keep, info, kept }: WriteThroughOptions) {
    this.#inner = inner;
    this.#keep = keep;
    this.#info = info;
    this.#saved = kept;
    this.#changes = new PermanentChanges(info.version);
    inner.onFailure = (error) => this.#fail(error);
  }

  set background(run: TpmBackend["background"]) {
    this.#background = run;
    this.#inner.background = run;
  }

  /** Saves what powering on has changed: a new TPM as a whole. @throws {StateNotSavedError} */
  async begin(): Promise<void> {
    await this.#save(["permanent", "savestate"]);
  }

  /** It is powered on already. */
  async start(): Promise<BackendInfo> {
    return this.#info;
  }

  async reset(state?: TpmState): Promise<void> {
    await this.#inner.reset(state);
    await this.#save(["permanent", "savestate"]);
  }

  async deliver(locality: number, command: Uint8Array, options?: DeliveryOptions): Promise<Uint8Array> {
    const response = await this.#inner.deliver(locality, command, options);
    const blobs = this.#changes.after(command, response, this.#saved);
    if (blobs.length === 0) this.#lookLater();
    else if (await this.#save(blobs)) this.#changes.changed(command);
    // Most of all after TPM2_Startup, before which a TPM tells nothing.
    if (this.#changes.canLearn && responseCode(response) === 0)
      await this.#changes.learn((request) => this.#inner.deliver(0, request));
    return response;
  }

  establishmentFlag(): Promise<boolean> {
    return this.#inner.establishmentFlag();
  }

  async resetEstablishmentFlag(locality: number): Promise<void> {
    await this.#inner.resetEstablishmentFlag(locality);
    await this.#save(["permanent"]);
  }

  async measureLaunch(data: Uint8Array): Promise<void> {
    await this.#inner.measureLaunch(data);
    await this.#save(["permanent"]);
  }

  getState(): Promise<TpmState> {
    return this.#inner.getState();
  }

  getStateBlob(name: keyof TpmState): Promise<StateBlob> {
    return this.#inner.getStateBlob(name);
  }

  /** What is not saved by now is what nobody waited for. */
  async shutdown(): Promise<void> {
    clearTimeout(this.#later);
    this.#over = true;
    await this.#inner.shutdown();
  }

  /** Saves the state if one of these blobs is another than the one that is kept. @returns whether it was. */
  async #save(names: readonly (keyof TpmState)[]): Promise<boolean> {
    this.stats.looks++;
    const saved = this.#saved;
    const state: TpmState = saved
      ? { ...saved }
      : { permanent: NO_BLOB, volatile: NO_BLOB, savestate: NO_BLOB };
    for (const name of names) state[name] = await this.#inner.getStateBlob(name);
    if (saved && names.every((name) => equalBytes(saved[name].bytes, state[name].bytes))) return false;
    try {
      await this.#keep.save(state, this.#info.description);
    } catch (error) {
      const failure = new StateNotSavedError(error as Error);
      this.#fail(failure);
      // Nobody is to go on with a TPM that knows what was never saved.
      this.#inner.shutdown().catch(() => undefined);
      throw failure;
    }
    this.stats.saves++;
    this.#saved = state;
    return true;
  }

  #lookLater(): void {
    if (this.#over) return;
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#background?.(async () => void (await this.#save(["permanent"])));
    }, LATER_MS);
  }

  #fail(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#later);
    this.onFailure?.(error);
  }
}
