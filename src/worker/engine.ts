/**
 * The device and the TPM behind it: gives the guest's commands to the TPM and the answers back, and lets the page's own
 * in between. Knows no thread: it runs in the device worker, or on the emulator's own thread. Its parts: commands on
 * their way (`deliveries.ts`), the TPM on and off (`power.ts`), what the guest sees of a failure (`dying.ts`), snapshots
 * and moves (`moves.ts`).
 */
import { TpmShutDownError } from "../backend/errors.ts";
import { toFailure } from "../backend/failure.ts";
import type { BackendInfo } from "../backend/port.ts";
import type {
  AccessSize,
  DeviceSnapshot,
  FrontEnd,
  FrontEndDevice,
  FrontEndView,
  LaunchStep,
  MmioDevice,
} from "../device/frontend/port.ts";
import { TIS } from "../device/tis/front-end.ts";
import { commandCode, responseCode } from "../protocol/tpm2/parse.ts";
import type { PcrBank } from "../protocol/tpm2/pcr-bank.ts";
import { Deliveries } from "./deliveries.ts";
import { Dying } from "./dying.ts";
import type { EngineEvent, TpmSnapshot } from "./events.ts";
import type { OpenTpm } from "./keeping.ts";
import { LaunchSequence } from "./launch.ts";
import { MoveWatch } from "./move-watch.ts";
import { Moves } from "./moves.ts";
import { PageCommands } from "./page-commands.ts";
import { PcrReader } from "./pcr-reader.ts";
import { PcrWatch } from "./pcr-watch.ts";
import { changesPcrs, readPcrs } from "./pcrs.ts";
import { off, Power } from "./power.ts";

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

/** TSC_ORD_ResetEstablishmentBit: how a TPM 1.2 is told, where a TPM 2.0 has a bit in TPM_STS. */
const TSC_RESET_ESTABLISHMENT_BIT = 0x4000_000b;

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
  readonly #pcrs = new PcrReader(() => readPcrs(this.#environment.version, (command) => this.run(command)));
  readonly #pcrWatch = new PcrWatch(() => this.#refreshPcrs());
  #watch: MoveWatch | undefined;
  #watched = false;
  readonly #deliveries: Deliveries;
  readonly #launchSequence = new LaunchSequence();
  readonly #power: Power;
  readonly #dying: Dying;
  readonly #moves: Moves;

  constructor(environment: EngineEnvironment) {
    this.#environment = environment;
    const { version, open, memory, emit, frontEnd = TIS } = environment;
    this.#localities = frontEnd.localities;
    this.#deliveries = new Deliveries(emit);
    const device = frontEnd.create({
      ...(memory && { memory }),
      sink: {
        execute: (locality, command) => this.#execute(locality, command),
        cancel: () => this.#deliveries.cancelGuest(),
        resetEstablishment: (locality) => this.#resetEstablishment(locality),
        launch: (step) => this.#launch(step),
        irq: (raised) => environment.onIrq?.(raised),
      },
    });
    this.#device = device;
    this.view = device.view;
    this.#page = new PageCommands({
      guestRuns: () => device.executing || this.#moves.underWay,
      guestWrites: () => this.#guestWrites,
      deliver: (command) => this.#deliverForPage(command),
    });
    const change = <T>(work: () => T) => this.#change(work);
    this.#dying = new Dying({ device, change, guestWrites: () => this.#guestWrites });
    this.#power = new Power({
      version,
      open,
      device,
      emit,
      change,
      failed: (error, switching) => this.#failed(error, switching),
      dead: (error) => {
        this.#page.fail(error);
        this.#dying.now();
      },
      settled: () => this.#page.look(),
    });
    this.#moves = new Moves({
      version,
      device,
      power: this.#power,
      deliveries: this.#deliveries,
      run: (command) => this.run(command),
      putBack: (saved) => this.#putBack(saved),
      moved: () => this.#page.look(),
    });
  }

  // --- the guest's side ---

  read(address: number, size: AccessSize): number {
    return this.#device.read(address, size);
  }

  write(address: number, size: AccessSize, value: number): void {
    this.#device.write(address, size, value);
    if (this.#page.waiting) this.#page.look();
    this.#dying.look();
  }

  /** Whether moves of the register interface are told as "moves" events: of many, the last. */
  watch(on: boolean): void {
    this.#watch ??= new MoveWatch((moves) => this.#environment.emit({ type: "moves", moves }));
    const watch = this.#watch;
    this.#watched = on;
    this.#device.watchMoves(on ? (move) => watch.note(move) : undefined);
  }

  /** True while the guest's next move, whatever it is, makes a difference here: somebody waits for it, or watches. */
  get attentive(): boolean {
    return this.#page.waiting || this.#dying.under || this.#watched;
  }

  #execute(locality: number, request: Uint8Array): void {
    const { ticket } = this.#device;
    this.#environment.onExecute?.();
    const ended = this.#deliveries.record(locality, request, "guest");
    this.#deliver(locality, request, this.#deliveries.guestCommand()).then((response) => {
      const taken = this.#change(() => this.#device.complete(response, ticket));
      ended(taken ? response : undefined);
      if (taken) this.#answered(request, response);
    });
  }

  /** Never rejects: what goes wrong is told by `onFailure`, and the guest gets a TPM's word for it. */
  async #deliver(locality: number, command: Uint8Array, cancel: AbortController): Promise<Uint8Array> {
    const { version } = this.#environment;
    const failure = FAILURE_RESPONSE[version];
    const { serving } = this.#power;
    if (!serving) return failure;
    if (locality !== 0 && !this.#power.can("locality")) return NO_LOCALITY_RESPONSE[version];
    try {
      return await this.#deliveries.run(serving, locality, command, cancel);
    } catch {
      return failure;
    }
  }

  #answered(request: Uint8Array, response: Uint8Array): void {
    this.#dying.look();
    this.#page.look();
    const code = commandCode(request);
    if (code === TSC_RESET_ESTABLISHMENT_BIT) this.#readEstablishment();
    if (code !== undefined && responseCode(response) === 0 && changesPcrs(this.#environment.version, code)) {
      this.#pcrsChanged();
    } else this.#pcrWatch.used();
  }

  #resetEstablishment(locality: number): void {
    const { serving: backend } = this.#power;
    if (!backend || !this.#power.can("hash")) return;
    backend
      .resetEstablishmentFlag(locality)
      .then(() => this.#readEstablishment())
      // Refused: the flag stays as it is, which is what the guest then reads.
      .catch(() => undefined);
  }

  #launch(step: LaunchStep): void {
    const data = this.#launchSequence.take(step);
    const { serving: backend } = this.#power;
    if (!data || !backend || !this.#power.can("hash")) return;
    backend
      .measureLaunch(data)
      .then(() => {
        this.#readEstablishment();
        this.#pcrsChanged();
      })
      // Refused: nothing was measured, which is what the PCRs then show.
      .catch(() => undefined);
  }

  #readEstablishment(): void {
    const { serving: backend } = this.#power;
    if (!backend || !this.#power.can("hash")) return;
    backend
      .establishmentFlag()
      .then((established) => this.#change(() => this.#device.setEstablishment(established)))
      .catch(() => undefined);
  }

  get #guestWrites(): boolean {
    for (let locality = 0; locality < this.#localities; locality++) {
      if (this.view.state(locality) === "reception") return true;
    }
    return false;
  }

  // --- power ---

  /** Connects and powers on; a "power" event tells how that went. @param reset the reset it belongs to, or 0. */
  start(reset: number): void {
    this.#power.reset = reset;
    this.#power.switchOn();
  }

  /**
   * The machine was reset. The device is as after power-on at once; the TPM follows, or a new session begins where it
   * has failed, then a "power" event tells how that went.
   */
  reset(count: number): void {
    this.#power.reset = count;
    this.#pcrWatch.stop();
    this.#launchSequence.forget();
    if (this.#device.executing) this.#deliveries.cancelGuest();
    if (this.#power.failure) this.#device.fail();
    else this.#device.reset();
    this.#environment.onAnswered?.();
    this.#dying.stop();
    this.#power.cycle();
  }

  #failed(error: Error, switching: boolean): void {
    this.#page.fail(error);
    // A power cycle that is under way tells how it ended.
    if (switching) return;
    this.#environment.emit({ type: "failed", error: toFailure(error) });
    this.#dying.begin();
  }

  async close(): Promise<void> {
    this.#pcrWatch.stop();
    this.#page.fail(new TpmShutDownError());
    await this.#power.close();
  }

  // --- the page's side ---

  /**
   * Runs a command of the page's between the guest's; the guest does not see it.
   * @throws {TpmOffError} while the TPM is not on.
   */
  run(command: Uint8Array): Promise<Uint8Array> {
    return this.#page.run(command);
  }

  /** All PCR banks, as of one moment. @throws {TpmResponseError} {TpmOffError} */
  readPcrs(): Promise<PcrBank[]> {
    return this.#pcrs.read();
  }

  #pcrsChanged(): void {
    this.#pcrs.changed();
    this.#pcrWatch.changed();
  }

  async #refreshPcrs(): Promise<void> {
    try {
      this.#environment.emit({ type: "pcrs", banks: await this.readPcrs() });
    } catch {
      // Reset or failed meanwhile: the next change reads again.
    }
  }

  async #deliverForPage(command: Uint8Array): Promise<Uint8Array> {
    const { serving, failure } = this.#power;
    if (!serving) throw off(failure);
    const ended = this.#deliveries.record(0, command, "page");
    try {
      const response = await this.#deliveries.run(serving, 0, command);
      ended(response);
      return response;
    } catch (error) {
      ended(undefined);
      throw error;
    }
  }

  /** See {@link Moves}, also for the next three. */
  snapshot(): Promise<TpmSnapshot> {
    return this.#moves.snapshot();
  }

  restore(snapshot: TpmSnapshot): Promise<void> {
    return this.#moves.restore(snapshot);
  }

  standIn(device: DeviceSnapshot, commands: readonly Uint8Array[]): Promise<void> {
    return this.#moves.standIn(device, commands);
  }

  move(open: OpenTpm): Promise<void> {
    return this.#moves.move(open);
  }

  #putBack(device: DeviceSnapshot): void {
    this.#pcrsChanged();
    this.#change(() => {
      this.#device.restore(device);
      // Its command ended with the session that it was given to.
      if (this.#device.executing) this.#device.complete(FAILURE_RESPONSE[this.#environment.version]);
    });
  }

  #change<T>(work: () => T): T {
    const { change, onAnswered } = this.#environment;
    const result = change ? change(work) : work();
    if (!this.#device.executing) onAnswered?.();
    return result;
  }
}
