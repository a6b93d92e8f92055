/**
 * A TPM whose permanent state is kept elsewhere, and never lost: when a command has changed it, its response is given
 * only after the new state is saved. Where saving fails, the command counts as not done: the session ends, and the next
 * one begins from what was saved last.
 *
 * Some changes belong to no command, e.g. the TPM's clock, which goes to NV now and then. They are saved a little
 * later, and nobody waits for that; after a crash the TPM's clock may be behind by that much, as after a power cut.
 */
import { equalBytes } from "../bytes/hex.ts";
import { responseCode } from "../tpm2/parse.ts";
import { BackendClosedError, StateNotSavedError } from "./errors.ts";
import {
  type BackendInfo,
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
  #tail: Promise<unknown> = Promise.resolve();
  #later: ReturnType<typeof setTimeout> | undefined;
  #failure: Error | undefined;

  /** @param inner a TPM that is powered on. Call {@link begin} before anything else. */
  constructor(inner: TpmBackend, { keep, info, kept }: WriteThroughOptions) {
    this.#inner = inner;
    this.#keep = keep;
    this.#info = info;
    this.#saved = kept;
    this.#changes = new PermanentChanges(info.version);
    inner.onFailure = (error) => this.#fail(error);
  }

  /** Saves what powering on has changed: a new TPM as a whole. @throws {StateNotSavedError} */
  begin(): Promise<void> {
    return this.#inTurn(() => this.#save(["permanent", "savestate"]).then(() => undefined));
  }

  /** It is powered on already. */
  async start(): Promise<BackendInfo> {
    return this.#info;
  }

  reset(state?: TpmState): Promise<void> {
    return this.#inTurn(async () => {
      await this.#inner.reset(state);
      await this.#save(["permanent", "savestate"]);
    });
  }

  deliver(locality: number, command: Uint8Array): Promise<Uint8Array> {
    return this.#inTurn(async () => {
      const response = await this.#inner.deliver(locality, command);
      const blobs = this.#changes.after(command, response, this.#saved);
      if (blobs.length === 0) this.#lookLater();
      else if (await this.#save(blobs)) this.#changes.changed(command);
      // Most of all after TPM2_Startup, before which a TPM tells nothing.
      if (this.#changes.canLearn && responseCode(response) === 0)
        await this.#changes.learn((request) => this.#inner.deliver(0, request));
      return response;
    });
  }

  cancel(): Promise<void> {
    return this.#inner.cancel();
  }

  establishmentFlag(): Promise<boolean> {
    return this.#inTurn(() => this.#inner.establishmentFlag());
  }

  resetEstablishmentFlag(locality: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#inner.resetEstablishmentFlag(locality);
      await this.#save(["permanent"]);
    });
  }

  getState(): Promise<TpmState> {
    return this.#inTurn(() => this.#inner.getState());
  }

  getStateBlob(name: keyof TpmState): Promise<StateBlob> {
    return this.#inTurn(() => this.#inner.getStateBlob(name));
  }

  /** What is not saved by now is what nobody waited for. */
  async shutdown(): Promise<void> {
    clearTimeout(this.#later);
    this.#failure ??= new BackendClosedError("the TPM was shut down");
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
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      // A failure has been told.
      this.#inTurn(() => this.#save(["permanent"])).catch(() => undefined);
    }, LATER_MS);
  }

  /** One thing at a time, in the order of the calls: a state is fetched before the next command can change it again. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = async () => {
      if (this.#failure) throw this.#failure;
      return work();
    };
    const done = this.#tail.then(run);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    clearTimeout(this.#later);
    this.#failure = error;
    this.onFailure?.(error);
  }
}
