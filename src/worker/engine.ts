/**
 * The device and the TPM behind it: gives the guest's commands to the backend and the answers back, keeps resets in
 * order, and decides what the guest sees when the backend fails. Knows no thread: it runs in the device worker, or on
 * the emulator's own thread.
 *
 * When the backend fails, the guest's running command, and one that it is putting in, are answered with the TPM's own
 * failure response; the registers go dead (failure mode) when the guest has taken that response, so that no driver
 * waits for one that never comes. A reset begins a new session.
 */
import { TpmOffError, TpmShutDownError, TpmUnableError } from "../backend/errors.ts";
import { toFailure } from "../backend/failure.ts";
import { OrderedTpm } from "../backend/ordered.ts";
import {
  type BackendCapabilities,
  type BackendInfo,
  can,
  type TpmBackend,
  type TpmState,
} from "../backend/port.ts";
import type {
  AccessSize,
  DeviceSnapshot,
  FrontEnd,
  FrontEndDevice,
  FrontEndView,
  MmioDevice,
} from "../frontend/port.ts";
import type { PcrBank } from "../session/types.ts";
import { TIS } from "../tis/front-end.ts";
import type { TisTrace } from "../tis/trace.ts";
import { commandName } from "../tpm2/names.ts";
import { commandCode, responseCode, TpmResponseError } from "../tpm2/parse.ts";
import type { OpenBackend } from "./connect.ts";
import type { EngineEvent, PoweredOn, TpmSnapshot } from "./events.ts";
import type { OpenTpm } from "./keeping.ts";
import { PageCommands } from "./page-commands.ts";
import { PcrWatch } from "./pcr-watch.ts";
import { changesPcrs, readPcrs } from "./pcrs.ts";
import { TisWatch } from "./tis-watch.ts";

/** TPM_RC_FAILURE and TPM_FAIL, as whole responses. */
const FAILURE_RESPONSE = {
  "2.0": Uint8Array.of(0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x01),
  "1.2": Uint8Array.of(0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x09),
} as const;

/** TPM_RC_LOCALITY and TPM_BAD_LOCALITY, as whole responses. */
const NO_LOCALITY_RESPONSE = {
  "2.0": Uint8Array.of(0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x09, 0x07),
  "1.2": Uint8Array.of(0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x3d),
} as const;

/** A command that runs longer than this while a snapshot waits for it is cancelled, in milliseconds. */
const PATIENCE_MS = 10_000;

export interface EngineEnvironment {
  version: BackendInfo["version"];
  /** The registers that the guest sees; the FIFO interface by default. */
  frontEnd?: FrontEnd;
  open: OpenTpm;
  emit(event: EngineEvent): void;
  /** Where the device's state lives; shared memory, where others look at it. */
  memory?: ArrayBufferLike;
  /** Runs `work`, which changes the device's state outside of an access. */
  change?: <T>(work: () => T) => T;
  /** The guest has started a command: called from within that very access. */
  onExecute?: () => void;
  /** No answer is due any more. */
  onAnswered?: () => void;
  /** The interrupt line's level has changed: called from within the access, or the change, that did it. */
  onIrq?: (raised: boolean) => void;
}

export class TpmEngine implements MmioDevice {
  readonly #environment: EngineEnvironment;
  readonly #device: FrontEndDevice;
  readonly #localities: number;
  /** What the registers show. */
  readonly view: FrontEndView;
  readonly #page: PageCommands;
  readonly #pcrWatch = new PcrWatch(() => this.#refreshPcrs());
  #watch: TisWatch | undefined;
  #watched = false;
  #backend: OrderedTpm | undefined;
  /** Cancels the guest's command that was given out last. */
  #guestCommand: AbortController | undefined;
  /** Cancel the commands that the TPM was given and has not answered, the one that runs first. */
  readonly #deliveries = new Set<AbortController>();
  #on: PoweredOn | undefined;
  /** Why no TPM serves; undefined while one does. */
  #failure: Error | undefined = new TpmOffError("the TPM is not powered on yet");
  /** The device is still alive after a failure. */
  #dying = false;
  /** Power-ons and power cycles that are under way or wait; one at a time. */
  #switching = 0;
  #power: Promise<void> = Promise.resolve();
  #reset = 0;
  #commands = 0;
  #pcrRead: Promise<PcrBank[]> | undefined;
  #closed = false;
  #open: OpenTpm;
  /** The TPM is on its way to another backend. */
  #moving = false;

  constructor(environment: EngineEnvironment) {
    this.#environment = environment;
    this.#open = environment.open;
    const { memory, frontEnd = TIS } = environment;
    this.#localities = frontEnd.localities;
    this.#device = frontEnd.create({
      ...(memory && { memory }),
      sink: {
        execute: (locality, command) => this.#execute(locality, command),
        cancel: () => this.#guestCommand?.abort(),
        resetEstablishment: (locality) => this.#resetEstablishment(locality),
        irq: (raised) => environment.onIrq?.(raised),
      },
    });
    this.view = this.#device.view;
    this.#page = new PageCommands({
      guestRuns: () => this.#device.executing || this.#moving,
      guestWrites: () => this.#someLocality("reception"),
      deliver: (command) => this.#deliverForPage(command),
    });
  }

  // --- the guest's side ---

  read(address: number, size: AccessSize): number {
    return this.#device.read(address, size);
  }

  write(address: number, size: AccessSize, value: number): void {
    this.#device.write(address, size, value);
    if (this.#page.waiting) this.#page.look();
    if (this.#dying) this.#dieAtRest();
  }

  /** Whether moves of the register interface are told as "tis" events: of many, the last. */
  watch(on: boolean): void {
    this.#watch ??= new TisWatch((moves) => this.#environment.emit({ type: "tis", moves }));
    const watch = this.#watch;
    this.#watched = on;
    // What the moves of another interface are, those know who look at them.
    this.#device.watchMoves(on ? (move) => watch.note(move as TisTrace) : undefined);
  }

  /** True while the guest's next move, whatever it is, makes a difference here: somebody waits for it, or watches. */
  get attentive(): boolean {
    return this.#page.waiting || this.#dying || this.#watched;
  }

  #execute(locality: number, request: Uint8Array): void {
    const { ticket } = this.#device;
    this.#environment.onExecute?.();
    const ended = this.#record(locality, request, "guest");
    this.#guestCommand = new AbortController();
    this.#deliver(locality, request, this.#guestCommand).then((response) => {
      const taken = this.#change(() => this.#device.complete(response, ticket));
      ended(taken ? response : undefined);
      if (taken) this.#answered(request, response);
    });
  }

  /** Never rejects: what goes wrong is told by `onFailure`, and the guest gets a TPM's word for it. */
  async #deliver(locality: number, command: Uint8Array, cancel: AbortController): Promise<Uint8Array> {
    const { version } = this.#environment;
    const failure = FAILURE_RESPONSE[version];
    if (!this.#backend || this.#failure) return failure;
    if (locality !== 0 && !this.#can("locality")) return NO_LOCALITY_RESPONSE[version];
    try {
      return await this.#inFlight(this.#backend, locality, command, cancel);
    } catch {
      return failure;
    }
  }

  async #inFlight(
    backend: TpmBackend,
    locality: number,
    command: Uint8Array,
    cancel: AbortController,
  ): Promise<Uint8Array> {
    this.#deliveries.add(cancel);
    try {
      return await backend.deliver(locality, command, { signal: cancel.signal });
    } finally {
      this.#deliveries.delete(cancel);
    }
  }

  #answered(request: Uint8Array, response: Uint8Array): void {
    if (this.#dying) this.#dieAtRest();
    this.#page.look();
    const code = commandCode(request);
    if (code !== undefined && responseCode(response) === 0 && changesPcrs(this.#environment.version, code)) {
      this.#pcrWatch.changed();
    } else this.#pcrWatch.used();
  }

  #resetEstablishment(locality: number): void {
    const backend = this.#backend;
    if (!backend || this.#failure || !this.#can("hash")) return;
    backend
      .resetEstablishmentFlag(locality)
      .then(() => backend.establishmentFlag())
      .then((established) => this.#change(() => this.#device.setEstablishment(established)))
      // Refused: the flag stays as it is, which is what the guest then reads.
      .catch(() => undefined);
  }

  // --- power ---

  /** Connects and powers on; a "power" event tells how that went. @param reset the reset it belongs to, or 0. */
  start(reset: number): void {
    this.#reset = reset;
    this.#switch(() => this.#begin());
  }

  /**
   * The machine was reset. The device is as after power-on at once; the TPM follows, or a new session begins where it
   * has failed, then a "power" event tells how that went.
   */
  reset(count: number): void {
    this.#reset = count;
    this.#pcrWatch.stop();
    if (this.#device.executing) this.#guestCommand?.abort();
    if (this.#failure) this.#device.fail();
    else this.#device.reset();
    this.#environment.onAnswered?.();
    this.#dying = false;
    this.#switch(() => this.#cycle());
  }

  /** Runs `step` when those before it are over, at once if there is none; never rejects. */
  #switch(step: () => Promise<void>): Promise<void> {
    const { emit } = this.#environment;
    const reset = this.#reset;
    const run = () =>
      step()
        .then(() => {
          if (this.#failure) throw this.#failure;
          emit({ type: "power", reset, on: this.#on! });
        })
        .catch((error: Error) => {
          this.#goDead(error);
          emit({ type: "power", reset, error: toFailure(error) });
        })
        .finally(() => {
          this.#switching--;
          this.#page.look();
        });
    this.#power = this.#switching++ === 0 ? run() : this.#power.then(run);
    return this.#power;
  }

  async #cycle(): Promise<void> {
    const backend = this.#backend;
    if (!backend || this.#failure) return this.#begin();
    if (!this.#can("reset")) {
      this.#environment.emit({ type: "notice", message: NOT_RESET });
      return;
    }
    try {
      await backend.reset();
      const established = await this.#establishment(backend);
      this.#change(() => this.#device.setEstablishment(established));
    } catch {
      // The session broke without anybody noticing until now.
      await this.#begin();
    }
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
    const established = await this.#establishment(backend);
    this.#change(() => {
      this.#device.setVersion(this.#environment.version);
      this.#device.setBufferSize(opened.info.bufferSize);
      this.#device.setEstablishment(established);
    });
  }

  async #establishment(backend: TpmBackend): Promise<boolean> {
    return this.#can("hash") && backend.establishmentFlag();
  }

  /** Of the TPM that is on. */
  #can(capability: keyof BackendCapabilities): boolean {
    return this.#on === undefined || can(this.#on.info, capability);
  }

  #must(capability: keyof BackendCapabilities, what: string): void {
    if (!this.#can(capability)) throw new TpmUnableError(capability, what);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pcrWatch.stop();
    this.#page.fail(new TpmShutDownError());
    await this.#backend?.shutdown();
  }

  // --- failure ---

  #fail(backend: TpmBackend, error: Error): void {
    if (backend !== this.#backend || this.#closed) return;
    this.#failure = error;
    this.#page.fail(error);
    // A power cycle that is under way tells how it ended.
    if (this.#switching > 0) return;
    this.#environment.emit({ type: "failed", error: toFailure(error) });
    this.#dying = true;
    this.#dieAtRest();
  }

  /** Failure mode, as soon as the guest neither puts a command in nor has a response to take. */
  #dieAtRest(): void {
    const busy = this.#device.executing || this.#someLocality("reception");
    const { activeLocality } = this.view;
    if (busy || (activeLocality >= 0 && this.view.state(activeLocality) === "completion")) return;
    this.#dying = false;
    this.#change(() => this.#device.fail());
  }

  #goDead(error: Error): void {
    this.#failure = error;
    this.#dying = false;
    this.#page.fail(error);
    this.#change(() => this.#device.fail());
  }

  get #runningDelivery(): AbortController | undefined {
    for (const cancel of this.#deliveries) return cancel;
    return undefined;
  }

  #someLocality(state: "reception"): boolean {
    for (let locality = 0; locality < this.#localities; locality++) {
      if (this.view.state(locality) === state) return true;
    }
    return false;
  }

  // --- the page's side ---

  /**
   * Runs a command of the page's between the guest's; the guest does not see it.
   * @throws {TpmOffError} while the TPM is not on.
   */
  run(command: Uint8Array): Promise<Uint8Array> {
    return this.#page.run(command);
  }

  /** All PCR banks. Calls that overlap share one reading. @throws {TpmResponseError} {TpmOffError} */
  readPcrs(): Promise<PcrBank[]> {
    this.#pcrRead ??= readPcrs(this.#environment.version, (command) => this.run(command)).finally(() => {
      this.#pcrRead = undefined;
    });
    return this.#pcrRead;
  }

  async #refreshPcrs(): Promise<void> {
    try {
      this.#environment.emit({ type: "pcrs", banks: await this.readPcrs() });
    } catch {
      // Reset or failed meanwhile: the next change reads again.
    }
  }

  async #deliverForPage(command: Uint8Array): Promise<Uint8Array> {
    if (!this.#backend || this.#failure) throw off(this.#failure);
    const ended = this.#record(0, command, "page");
    try {
      const response = await this.#inFlight(this.#backend, 0, command, new AbortController());
      ended(response);
      return response;
    } catch (error) {
      ended(undefined);
      throw error;
    }
  }

  /**
   * Device and TPM as they stand, once no command runs. The machine must be held, and must stay so until this resolves.
   * @throws {TpmOffError} while the TPM is not on, {TpmUnableError} when it gives no state.
   */
  async snapshot(): Promise<TpmSnapshot> {
    const { tpm } = await this.#atRest("No snapshot can be taken");
    return { device: this.#device.snapshot(), tpm };
  }

  /** The TPM and its state, once no command runs; one that takes too long is cancelled. */
  async #atRest(what: string): Promise<{ backend: TpmBackend; tpm: TpmState }> {
    await this.#power;
    this.#must("state", what);
    const impatience = setTimeout(() => this.#runningDelivery?.abort(), PATIENCE_MS);
    try {
      for (;;) {
        const backend = this.#backend;
        if (!backend || this.#failure) throw off(this.#failure);
        // Its turn comes after the command that runs, whose answer has reached the device by then.
        const tpm = await backend.getState();
        // A command that was waiting for the end of one that the guest gave up has begun meanwhile.
        if (!this.#device.executing) return { backend, tpm };
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
      if (this.#closed || this.#backend !== old || this.#failure) {
        await next.backend.shutdown();
        throw this.#failure ? off(this.#failure) : new TpmShutDownError();
      }
      this.#open = open;
      this.#adopt(next);
      old.onFailure = undefined;
      // It has no state of its own any more.
      await old.shutdown().catch(() => undefined);
      this.#environment.emit({ type: "power", reset: this.#reset, on: this.#on! });
    } finally {
      this.#moving = false;
      this.#page.look();
    }
  }

  #adopt({ backend: opened, ...on }: OpenBackend): OrderedTpm {
    const backend = OrderedTpm.of(opened);
    this.#backend = backend;
    this.#on = on;
    this.#failure = undefined;
    backend.onFailure = (error) => this.#fail(backend, error);
    return backend;
  }

  /**
   * Gives the TPM another state, by a power cycle or a new session, and puts the device where it was. The machine must
   * be held. A "power" event tells that it is done.
   * @throws {TpmUnableError} when it takes no state: nothing has happened then. What else keeps the TPM from taking the
   * state is thrown too; the device is in failure mode then.
   */
  async restore({ device, tpm }: TpmSnapshot): Promise<void> {
    await this.#power;
    if (!this.#failure) this.#must("state", "The TPM cannot be put where it was");
    await this.#switch(async () => {
      const backend = this.#backend;
      if (backend && !this.#failure) await backend.reset(tpm);
      else await this.#begin(tpm);
      this.#putBack(device);
    });
    if (this.#failure) throw this.#failure;
  }

  #putBack(device: DeviceSnapshot): void {
    this.#pcrWatch.changed();
    this.#change(() => {
      this.#device.restore(device);
      // Its command ended with the session that it was given to.
      if (this.#device.executing) this.#device.complete(FAILURE_RESPONSE[this.#environment.version]);
    });
  }

  /**
   * The TPM that is on takes the place of the one that a device was saved with: it runs `commands`, to be what the guest
   * expects, and the device is put where it was. The machine must be held, and the guest not have used this TPM.
   * @throws {TpmOffError} while the TPM is not on, {TpmResponseError} when it refuses one of the commands,
   * {TpmUnableError} when it was not switched on for this.
   */
  async standIn(device: DeviceSnapshot, commands: readonly Uint8Array[]): Promise<void> {
    await this.#power;
    this.#must("reset", "A prepared machine cannot go on with this TPM");
    for (const command of commands) {
      const code = responseCode(await this.run(command));
      if (code === 0) continue;
      const name = commandName(commandCode(command) ?? 0, this.#environment.version);
      throw new TpmResponseError(`the TPM refused ${name}`, code);
    }
    this.#putBack(device);
  }

  // --- both ---

  /** Tells that a command begins; to be called with the response when it has ended. */
  #record(
    locality: number,
    request: Uint8Array,
    origin: "guest" | "page",
  ): (response: Uint8Array | undefined) => void {
    const id = ++this.#commands;
    const { emit } = this.#environment;
    const began = performance.now();
    // Copies: an event takes its bytes to another thread.
    const time = performance.timeOrigin + began;
    emit({ type: "commandstart", id, time, locality, request: request.slice(), origin });
    return (response) => {
      const duration = performance.now() - began;
      emit({ type: "command", id, duration, ...(response && { response: response.slice() }) });
    };
  }

  #change<T>(work: () => T): T {
    const { change, onAnswered } = this.#environment;
    const result = change ? change(work) : work();
    if (!this.#device.executing) onAnswered?.();
    return result;
  }
}

const NOT_RESET =
  "The machine was reset, and its TPM was not: this one cannot be switched off and on from here. Its PCRs go on from where they were.";

/** @throws {TpmUnableError} when a TPM that was opened with a state takes none; it is closed then. */
async function mayHaveTaken(state: TpmState | undefined, { info, backend }: OpenBackend, what: string) {
  if (!state || can(info, "state")) return;
  await backend.shutdown();
  throw new TpmUnableError("state", what);
}

const off = (cause: Error | undefined) =>
  new TpmOffError(cause?.message ?? "the TPM is not on", cause && { cause });
