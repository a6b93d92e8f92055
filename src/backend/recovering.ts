/**
 * A TPM that outlives the connection to whoever runs it. Its truth is here: the state at some point, and the commands
 * since then. When the connection is lost, the TPM goes on at the next place that answers: the state is set there, the
 * commands are run again, and each has to be answered as before, or the TPM counts as lost. The command that was under
 * way is then run (again): the TPM that may have run it is gone, and nobody has seen its answer.
 *
 * The state is fetched when the TPM has been left alone for a moment, when the list of commands has grown, and before
 * the answer to a command that would not come out the same again (repeatable.ts).
 */
import { equalBytes } from "../protocol/bytes/hex.ts";
import { commandName } from "../protocol/tpm2/names.ts";
import { commandCode } from "../protocol/tpm2/parse.ts";
import { canceledResponse } from "./canceled.ts";
import { BackendClosedError, BackendTimeoutError, TpmShutDownError } from "./errors.ts";
import type { BackendInfo, DeliveryOptions, StateBlob, TpmBackend, TpmState } from "./port.ts";
import { repeatability } from "./repeatable.ts";

/** The TPM could not be brought back to where it was. */
export class TpmLostError extends Error {
  override name = "TpmLostError";
}

/** A TPM that is powered on, and who runs it. */
export interface Place {
  backend: TpmBackend;
  info: BackendInfo;
  /** For people. */
  label: string;
}

export interface RecoveringOptions {
  /** Opens a session somewhere else and powers its TPM on with this state. Rejects when nobody answers. */
  reopen(state: TpmState, signal: AbortSignal): Promise<Place>;
  /** Tells people what happens. @param label who serves now. */
  notice(message: string, label?: string): void;
  limits?: Partial<RecoveryLimits>;
}

/** In milliseconds. */
export interface RecoveryLimits {
  /** So long is a new place looked for. */
  search: number;
  /** The first pause between two attempts; each is twice as long as the one before ... */
  pause: number;
  /** ... up to this. */
  longestPause: number;
  /** After so long without a command the state is fetched. */
  quiet: number;
}

export const RECOVERY_LIMITS: RecoveryLimits = { search: 30_000, pause: 200, longestPause: 5000, quiet: 300 };

/** The state is fetched when so many commands would have to be run again. */
const LONGEST_JOURNAL = 64;
/** A piece of work that has lost so many places is what is wrong. */
const MAX_LOSSES = 2;

interface Done {
  locality: number;
  command: Uint8Array;
  response: Uint8Array;
}

export class RecoveringBackend implements TpmBackend {
  onFailure: ((error: Error) => void) | undefined;
  background: TpmBackend["background"];
  readonly #options: RecoveringOptions;
  readonly #limits: RecoveryLimits;
  readonly #over = new AbortController();
  #place: Place;
  /** Why the place does not serve any more. */
  #lost: Error | undefined;
  #state: TpmState | undefined;
  #journal: Done[] = [];
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #failure: Error | undefined;

  /** @param place powered on. Call {@link begin} before anything else. */
  constructor(place: Place, options: RecoveringOptions) {
    this.#place = place;
    this.#options = options;
    this.#limits = { ...RECOVERY_LIMITS, ...options.limits };
    this.#watch(place);
  }

  /** Fetches the state from which a lost TPM would be brought back. */
  async begin(): Promise<void> {
    await this.#fetch();
  }

  /** It is powered on already. */
  async start(): Promise<BackendInfo> {
    return this.#place.info;
  }

  reset(state?: TpmState): Promise<void> {
    return this.#onward(async (backend) => {
      // A power cycle that is cut off is run again from here.
      if (state) this.#remember(state);
      await backend.reset(state);
      await this.#fetch();
    });
  }

  deliver(locality: number, command: Uint8Array, options: DeliveryOptions = {}): Promise<Uint8Array> {
    return this.#onward(async (backend, losses) => {
      // The TPM that may have run it is gone, and has not been seen to: a cancelled one need not be run again.
      const canceled = losses > 0 && options.signal?.aborted ? canceledResponse(command) : undefined;
      if (canceled) return canceled;
      const response = await backend.deliver(locality, command, options);
      const kind = repeatability(this.#place.info.version, command);
      if (kind === "unique") await this.#fetch();
      else if (kind === "repeatable") this.#note({ locality, command: command.slice(), response });
      return response;
    });
  }

  establishmentFlag(): Promise<boolean> {
    return this.#onward((backend) => backend.establishmentFlag());
  }

  resetEstablishmentFlag(locality: number): Promise<void> {
    return this.#onward(async (backend) => {
      await backend.resetEstablishmentFlag(locality);
      await this.#fetch();
    });
  }

  measureLaunch(data: Uint8Array): Promise<void> {
    return this.#onward(async (backend) => {
      await backend.measureLaunch(data);
      await this.#fetch();
    });
  }

  getState(): Promise<TpmState> {
    return this.#onward((backend) => backend.getState());
  }

  getStateBlob(name: keyof TpmState): Promise<StateBlob> {
    return this.#onward((backend) => backend.getStateBlob(name));
  }

  async shutdown(): Promise<void> {
    this.#failure ??= new TpmShutDownError();
    clearTimeout(this.#quiet);
    this.#over.abort(this.#failure);
    await this.#place.backend.shutdown();
  }

  // --- what would have to be done again ---

  #note(done: Done): void {
    this.#journal.push(done);
    clearTimeout(this.#quiet);
    const wait = this.#journal.length >= LONGEST_JOURNAL ? 0 : this.#limits.quiet;
    this.#quiet = setTimeout(() => this.background?.(() => this.#onward(() => this.#fetch())), wait);
  }

  async #fetch(): Promise<void> {
    this.#remember(await this.#place.backend.getState());
  }

  #remember(state: TpmState): void {
    clearTimeout(this.#quiet);
    this.#state = state;
    this.#journal = [];
  }

  // --- losses ---

  #watch({ backend }: Place): void {
    backend.onFailure = (error) => {
      if (backend !== this.#place.backend || this.#failure) return;
      this.#lost = error;
      // Also when nobody wants anything of the TPM now.
      this.background?.(() => this.#onward(async () => undefined));
    };
  }

  /** What a loss cuts off is done again at the next place. */
  async #onward<T>(work: (backend: TpmBackend, losses: number) => Promise<T>): Promise<T> {
    for (let losses = 0; ; losses++) {
      if (this.#failure) throw this.#failure;
      if (this.#lost) await this.#recover(this.#lost, losses);
      try {
        return await work(this.#place.backend, losses);
      } catch (error) {
        if (!this.#lost) throw error;
      }
    }
  }

  async #recover(reason: Error, losses: number): Promise<void> {
    const { notice } = this.#options;
    try {
      mayRecover(reason, losses);
      notice(
        `${this.#place.label}: ${reason.message}. Somebody else is looked for who can go on with the TPM. A guest that asks it something meanwhile is held.`,
      );
      const { commands } = await this.#search(reason);
      const again = commands === 1 ? "1 command was" : `${commands} commands were`;
      const { label } = this.#place;
      notice(`The TPM goes on as it was, with ${label}; ${again} run again to get there.`, label);
    } catch (error) {
      this.#fail(error as Error);
      throw error;
    }
  }

  /** Tries until a place has the TPM as it was. @returns how many commands were run again. */
  async #search(reason: Error): Promise<{ commands: number }> {
    const { signal } = this.#over;
    const until = performance.now() + this.#limits.search;
    for (let pause = this.#limits.pause; ; pause = Math.min(2 * pause, this.#limits.longestPause)) {
      try {
        const place = await this.#options.reopen(this.#state as TpmState, signal);
        if (signal.aborted) {
          // Nobody would shut it down any more.
          await place.backend.shutdown();
          throw signal.reason;
        }
        this.#lost = undefined;
        this.#place = place;
        this.#watch(place);
        return { commands: await this.#replay() };
      } catch (error) {
        if (error instanceof TpmLostError || signal.aborted) throw error;
        if (performance.now() + pause > until)
          throw new TpmLostError(
            `${reason.message}, and for ${this.#limits.search / 1000} s nobody could go on with it: ${(error as Error).message}`,
            { cause: error },
          );
      }
      await sleep(pause, signal);
    }
  }

  async #replay(): Promise<number> {
    const { backend, info } = this.#place;
    const journal = this.#journal;
    for (const { locality, command, response } of journal) {
      if (equalBytes(await backend.deliver(locality, command), response)) continue;
      await backend.shutdown();
      throw new TpmLostError(
        `it could not be brought back to where it was: ${commandName(commandCode(command)!, info.version)} had another answer the second time`,
      );
    }
    await this.#fetch();
    return journal.length;
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    clearTimeout(this.#quiet);
    this.#failure = error;
    this.onFailure?.(error);
  }
}

/** @throws what is wrong with the TPM itself, which the next place would not make better. */
function mayRecover(reason: Error, losses: number): void {
  if (!(reason instanceof BackendClosedError || reason instanceof BackendTimeoutError)) throw reason;
  if (losses < MAX_LOSSES) return;
  throw new TpmLostError(`${losses + 1} places were lost over the same command: ${reason.message}`, {
    cause: reason,
  });
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
