/**
 * The TPM behind the device, on and off: opens sessions with it, power-cycles it at the machine's resets, one after the
 * other, and knows which one serves and what it can do.
 */
import { BackendSpentError, TpmOffError, TpmShutDownError, TpmUnableError } from "../backend/errors.ts";
import { toFailure } from "../backend/failure.ts";
import { OrderedTpm } from "../backend/ordered.ts";
import {
  type BackendCapabilities,
  type BackendInfo,
  can,
  type TpmBackend,
  type TpmState,
} from "../backend/port.ts";
import type { FrontEndDevice } from "../device/frontend/port.ts";
import type { OpenBackend } from "./connect.ts";
import type { EngineEvent, PoweredOn } from "./events.ts";
import type { OpenTpm } from "./keeping.ts";

export interface PowerPort {
  version: BackendInfo["version"];
  open: OpenTpm;
  device: FrontEndDevice;
  emit(event: EngineEvent): void;
  /** Runs `work`, which changes the device's state outside of an access. */
  change<T>(work: () => T): T;
  /** No TPM serves any more. @param switching it is being switched on or off, which tells how that ended. */
  failed(error: Error, switching: boolean): void;
  /** No TPM could be switched on. */
  dead(error: Error): void;
  /** A power-on or power cycle is over. */
  settled(): void;
}

const NOT_RESET =
  "The machine was reset, and its TPM was not: this one cannot be switched off and on from here. Its PCRs go on from where they were.";

const SHARED =
  "This TPM was on before the machine, and goes on after it; others may use it as well, e.g. its host. Its PCRs hold what they have measured, too: the machine's firmware does not begin them anew, and nothing of the TPM can be saved or moved from here.";

/** @throws {TpmUnableError} when a TPM that was opened with a state takes none; it is closed then. */
export async function mayHaveTaken(
  state: TpmState | undefined,
  { info, backend }: OpenBackend,
  what: string,
) {
  if (!state || can(info, "state")) return;
  await backend.shutdown();
  throw new TpmUnableError("state", what);
}

export const off = (cause: Error | undefined) =>
  new TpmOffError(cause?.message ?? "the TPM is not on", cause && { cause });

export class Power {
  readonly #port: PowerPort;
  #open: OpenTpm;
  #backend: OrderedTpm | undefined;
  #on: PoweredOn | undefined;
  /** Why no TPM serves; undefined while one does. */
  #failure: Error | undefined = new TpmOffError("the TPM is not powered on yet");
  /** Power-ons and power cycles that are under way or wait; one at a time. */
  #switching = 0;
  #done: Promise<void> = Promise.resolve();
  #closed = false;
  /** The reset to which events belong. */
  reset = 0;

  constructor(port: PowerPort) {
    this.#port = port;
    this.#open = port.open;
  }

  /** What serves; undefined after a failure. */
  get serving(): OrderedTpm | undefined {
    return this.#failure ? undefined : this.#backend;
  }

  /** Why nothing serves. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Resolves when those that are under way are over; never rejects. */
  get settled(): Promise<void> {
    return this.#done;
  }

  /** Of the TPM that is on. */
  can(capability: keyof BackendCapabilities): boolean {
    return this.#on === undefined || can(this.#on.info, capability);
  }

  /** @throws {TpmUnableError} @param what is not possible otherwise, as the beginning of a sentence. */
  must(capability: keyof BackendCapabilities, what: string): void {
    if (!this.can(capability)) throw new TpmUnableError(capability, what);
  }

  /** Connects and powers on; a "power" event tells how that went. */
  switchOn(): void {
    this.switch(() => this.#begin());
  }

  /** Power off and on, or a new session where the TPM has failed; a "power" event tells how that went. */
  cycle(): void {
    this.switch(() => this.#cycle());
  }

  /** Runs `step` when those before it are over, at once if there is none; never rejects. */
  switch(step: () => Promise<void>): Promise<void> {
    const { emit } = this.#port;
    const { reset } = this;
    const run = () =>
      step()
        .then(() => {
          if (this.#failure) throw this.#failure;
          emit({ type: "power", reset, on: this.#on! });
        })
        .catch((error: Error) => {
          this.#failure = error;
          this.#port.dead(error);
          emit({ type: "power", reset, error: toFailure(error) });
        })
        .finally(() => {
          this.#switching--;
          this.#port.settled();
        });
    this.#done = this.#switching++ === 0 ? run() : this.#done.then(run);
    return this.#done;
  }

  async #cycle(): Promise<void> {
    const backend = this.#backend;
    if (!backend || this.#failure) return this.#begin();
    if (!this.can("reset")) {
      this.#port.emit({ type: "notice", message: NOT_RESET });
      return;
    }
    try {
      await backend.reset();
      const established = await this.#establishment(backend);
      this.#port.change(() => this.#port.device.setEstablishment(established));
    } catch (error) {
      // The session broke without anybody noticing until now.
      await this.#begin().catch((again: Error) => {
        throw again instanceof BackendSpentError ? error : again;
      });
    }
  }

  /** Gives the TPM this state, by a power cycle or a new session. */
  async putBack(state: TpmState): Promise<void> {
    const { serving } = this;
    if (serving) await serving.reset(state);
    else await this.#begin(state);
  }

  async #begin(state?: TpmState): Promise<void> {
    if (this.#closed) throw new TpmShutDownError();
    const opened = await this.#open(state);
    if (this.#closed) {
      await opened.backend.shutdown();
      throw new TpmShutDownError();
    }
    await mayHaveTaken(state, opened, "The TPM cannot be put where it was");
    const backend = this.#adopt(opened);
    if (!this.can("reset")) this.#port.emit({ type: "notice", message: SHARED });
    const established = await this.#establishment(backend);
    const { device, version } = this.#port;
    this.#port.change(() => {
      device.setVersion(version);
      device.setBufferSize(opened.info.bufferSize);
      device.setEstablishment(established);
    });
  }

  async #establishment(backend: TpmBackend): Promise<boolean> {
    return this.can("hash") && backend.establishmentFlag();
  }

  /**
   * This TPM serves from now on, also at the resets to come, in place of `old`, which is shut down.
   * @throws {TpmOffError} when `old` has ceased to serve meanwhile; `next` is closed then.
   */
  async replace(old: TpmBackend, next: OpenBackend, open: OpenTpm): Promise<void> {
    if (this.#closed || this.serving !== old) {
      await next.backend.shutdown();
      throw this.#failure ? off(this.#failure) : new TpmShutDownError();
    }
    this.#open = open;
    this.#adopt(next);
    old.onFailure = undefined;
    // It has no state of its own any more.
    await old.shutdown().catch(() => undefined);
    this.#port.emit({ type: "power", reset: this.reset, on: this.#on! });
  }

  #adopt({ backend: opened, ...on }: OpenBackend): OrderedTpm {
    const backend = OrderedTpm.of(opened);
    this.#backend = backend;
    this.#on = on;
    this.#failure = undefined;
    backend.onFailure = (error) => this.#fail(backend, error);
    return backend;
  }

  #fail(backend: TpmBackend, error: Error): void {
    if (backend !== this.#backend || this.#closed) return;
    this.#failure = error;
    this.#port.failed(error, this.#switching > 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#backend?.shutdown();
  }
}
