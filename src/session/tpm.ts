/**
 * The TPM of a machine, as an embedder holds it: attaches device, event log and firmware tables to a machine's bus,
 * keeps TPM and machine in step through resets and slow commands, and tells the page what happens.
 */
import { TpmUnableError } from "../backend/errors.ts";
import { toError } from "../backend/failure.ts";
import type { HiddenTpm } from "../backend/hidden/client.ts";
import { type BackendInfo, can } from "../backend/port.ts";
import type { AccessSize, FrontEnd, InterfaceState, MmioDevice } from "../device/frontend/port.ts";
import type { MachineBus } from "../machine/bus.ts";
import { CommandHold } from "../machine/time/command-hold.ts";
import type { BackendTarget, EngineEvent, TpmSnapshot } from "../worker/events.ts";
import { backendTarget, kindOf, type TpmBackendOptions } from "./backend-target.ts";
import { heldFor, IRQ } from "./bus.ts";
import { CommandList } from "./command-list.ts";
import { driveCommand } from "./driver.ts";
import { Emitter } from "./emitter.ts";
import { shutDown, TpmFailedError } from "./errors.ts";
import { HeldKeep, type HeldSaves } from "./held-keep.ts";
import { MemoryAreas } from "./memory-areas.ts";
import { frontEndFor, reconnects, refuseOther, type TpmAttachOptions, whereabouts } from "./options.ts";
import { type PlacedDevice, placeInWorker, placeLocally } from "./placement.ts";
import { StatusBoard } from "./status-board.ts";
import { NOBODY, TapPoint } from "./tap-point.ts";
import type {
  AccessTap,
  CommandRecord,
  PcrBank,
  PresenceStatus,
  TpmEvents,
  TpmHandle,
  TpmStatus,
} from "./types.ts";
import { Waiters } from "./waiters.ts";

/** The reasons under which the machine is held. */
const START_HOLD = "TPM start";
const RESET_HOLD = "TPM reset";

export { BRIDGE_PATH, type TpmBackendOptions } from "./backend-target.ts";
export type { TpmAttachOptions } from "./options.ts";

/**
 * Attaches a TPM to a machine that does not run yet. The machine is held until the TPM is on, or has failed:
 * firmware looks for the TPM once.
 */
export function attachTpm(bus: MachineBus, options: TpmAttachOptions = {}): Tpm {
  return new Tpm(bus, options);
}

/** Made by {@link attachTpm}. */
export class Tpm implements TpmHandle {
  readonly ready: Promise<void>;
  readonly device: MmioDevice;
  /** Event log and physical presence, as they lie in the machine's memory. */
  readonly areas: MemoryAreas;
  readonly #bus: MachineBus;
  readonly #options: TpmAttachOptions;
  readonly #version: BackendInfo["version"];
  readonly #hold: CommandHold;
  readonly #events = new Emitter<TpmEvents>();
  readonly #commands: CommandList;
  readonly #unsubscribe: () => void;
  readonly #keep: HeldKeep | undefined;
  readonly #frontEnd: FrontEnd;
  #backend: TpmBackendOptions;
  #placed: PlacedDevice;
  readonly #tapPoint: TapPoint;
  #hidden: HiddenTpm | undefined;
  /** The device has to be placed anew at the next reset. */
  #replace = false;
  readonly #status: StatusBoard;
  /** Number of the newest reset; 0 is the start. */
  #resets = 0;
  /** Ends the hold under which the TPM is switched on or off. */
  #release: (() => void) | undefined;
  readonly #power = new Waiters();

  constructor(bus: MachineBus, options: TpmAttachOptions) {
    this.#frontEnd = frontEndFor(options);
    this.#bus = bus;
    this.#options = options;
    this.#backend = options;
    this.#version = options.version ?? "2.0";
    this.#commands = new CommandList(this.#version);
    this.#keep = options.keep && new HeldKeep(options.keep);
    this.#hold = new CommandHold(bus, options);
    const starting = {
      phase: "starting",
      message: "The TPM is being started.",
      interface: this.#frontEnd.name,
      interrupt: options.interrupt ?? false,
      ...whereabouts(this.#options, this.#frontEnd, this.#backend),
      backendLabel: "",
      version: "unspecified",
    } as const;
    this.#status = new StatusBoard(starting, (status) => this.#events.emit("status", status));
    this.#release = bus.hold(START_HOLD);
    this.ready = this.#power.wait();
    // Whoever does not wait for `ready` learns of a failure from the status.
    this.ready.catch(() => undefined);
    this.#placed = this.#place();
    this.#tapPoint = new TapPoint(this.#placed);
    this.device = this.#tapPoint.guest;
    bus.attach(this.#frontEnd.window, this.device);
    this.areas = new MemoryAreas(bus, options.firmware === "uefi", {
      logWritten: () => {
        if (this.#events.has("eventlog")) this.#events.emit("eventlog", this.eventLog());
      },
      presence: (status) => this.#events.emit("presence", status),
    });
    this.#unsubscribe = bus.onReset(() => this.#machineReset());
  }

  get status(): TpmStatus {
    return this.#status.value;
  }

  get commands(): readonly CommandRecord[] {
    return this.#commands.records;
  }

  get presence(): PresenceStatus {
    return this.areas.physicalPresence.status;
  }

  requestPresence(operation: number, parameter = 0): void {
    this.#mustBeAlive();
    this.areas.physicalPresence.request(operation, parameter);
  }

  on<K extends keyof TpmEvents>(event: K, listener: (detail: TpmEvents[K]) => void): () => void {
    const end = this.#events.on(event, listener);
    if (event !== "move") return end;
    this.#watch();
    return () => {
      end();
      this.#watch();
    };
  }

  tap(tap: AccessTap | undefined): void {
    this.#tapPoint.tap(tap);
  }

  get activeLocality(): number {
    return this.#placed.view.activeLocality;
  }

  state(locality: number): InterfaceState {
    return this.#placed.view.state(locality);
  }

  read(address: number, size: AccessSize): number {
    return this.#tapPoint.page.read(address, size);
  }

  write(address: number, size: AccessSize, value: number): void {
    this.#tapPoint.page.write(address, size, value);
  }

  peek(address: number, size: AccessSize): number {
    return this.#status.closed ? NOBODY.read(address, size) : this.#placed.peek(address, size);
  }

  async command(command: Uint8Array): Promise<Uint8Array> {
    this.#mustBeAlive();
    const { page } = this.#tapPoint;
    return this.#held("a command by hand", ({ view }) =>
      driveCommand(this.#frontEnd.driver, page, view, command, () => this.#mustBeAlive()),
    );
  }

  /** Does something to the device while the machine stands still; what happened is told before this resolves. */
  #held<T>(reason: string, work: (placed: PlacedDevice) => Promise<T>): Promise<T> {
    return heldFor(this.#bus, reason, async () => {
      const placed = this.#placed;
      const result = await work(placed);
      await placed.flush();
      placed.look();
      return result;
    });
  }

  async pcrs(): Promise<PcrBank[]> {
    this.#mustBeAlive();
    const placed = this.#placed;
    const banks = await placed.readPcrs();
    await placed.flush();
    return banks;
  }

  eventLog(): Uint8Array {
    return this.areas.eventLog();
  }

  /** The registers and the TPM behind them as they stand, between two commands; the machine is held meanwhile. */
  async snapshot(): Promise<TpmSnapshot> {
    this.#mustBeAlive();
    return this.#held("TPM snapshot", (placed) => placed.snapshot());
  }

  /**
   * Holds back what would be kept of the TPM, until it is known whether the machine around it goes back as well.
   * @throws {RangeError} when the snapshot is of a TPM with another register interface: it goes nowhere.
   */
  holdSaves({ device }: Pick<TpmSnapshot, "device">): HeldSaves {
    this.#mustBeAlive();
    refuseOther(device, this.#frontEnd);
    return this.#keep?.hold() ?? { commit: async () => undefined, drop: () => undefined };
  }

  /**
   * Puts registers and TPM where they were; the machine is held meanwhile. Ends the TPM that was there.
   * @throws {RangeError} when the snapshot is of a TPM with another register interface.
   */
  async restore(snapshot: TpmSnapshot): Promise<void> {
    this.#mustBeAlive();
    refuseOther(snapshot.device, this.#frontEnd);
    return this.#held("TPM restore", (placed) => {
      this.#stopCommands();
      return placed.restore(snapshot);
    });
  }

  /**
   * Puts only the registers where they were: this TPM takes the place of the one that they were saved with, and runs
   * `commands` first, to be what the guest expects. The machine is held meanwhile, and must not have run with this TPM.
   */
  async standIn({ device }: Pick<TpmSnapshot, "device">, commands: readonly Uint8Array[]): Promise<void> {
    this.#mustBeAlive();
    this.#commands.repeat(commands);
    return this.#held("TPM restore", (placed) => placed.standIn(device, commands));
  }

  /**
   * Moves the running TPM to another backend; the machine is held meanwhile, and the guest does not notice.
   * @throws what keeps the other one from taking the TPM over; it goes on where it was then.
   */
  async moveTo(backend: TpmBackendOptions): Promise<void> {
    this.#mustBeAlive();
    if (backend.open && this.status.placement === "worker")
      throw new RangeError(
        'a TPM on the page\'s own thread needs the device there: attach with placement "local"',
      );
    await this.#held("TPM move", async (placed) => {
      const { target, hidden } = backendTarget(backend, this.#version);
      try {
        await placed.move(target, backend.open);
      } catch (error) {
        hidden?.stop();
        throw error;
      }
      this.#useHidden(hidden);
      this.#backend = backend;
      this.#status.set({ backend: kindOf(backend) });
    });
  }

  /** From the next reset on, the TPM is another one. */
  useBackend(backend: TpmBackendOptions): void {
    this.#backend = backend;
    this.#replace = true;
  }

  async reset(): Promise<void> {
    const { capabilities, failure } = this.status;
    // Another one, or a new session, begins with a power-on.
    if (capabilities && !failure && !this.#replace && !can({ capabilities }, "reset"))
      throw new TpmUnableError("reset", "The TPM cannot be reset");
    const done = this.#power.wait();
    this.#machineReset();
    await done;
  }

  async close(): Promise<void> {
    if (this.#status.closed) return;
    this.#unsubscribe();
    this.#tapPoint.use(NOBODY);
    this.#announce("unspecified");
    this.areas.end();
    this.#status.set({ phase: "closed", message: "The TPM was shut down.", version: "unspecified" });
    this.#stopCommands();
    this.#switched(shutDown());
    await this.#placed.close();
    this.#abandon();
    this.#hidden?.stop();
  }

  // --- where it runs ---

  #backendTarget(): BackendTarget {
    const { target, hidden } = backendTarget(this.#backend, this.#version);
    this.#useHidden(hidden);
    return target;
  }

  /** The hidden machine that runs the TPM from now on, if one does; the one before it ends. */
  #useHidden(hidden: HiddenTpm | undefined): void {
    this.#hidden?.stop();
    this.#hidden = hidden;
    this.#status.drop("backendMemory");
    void hidden?.memory.then((backendMemory) => {
      if (hidden === this.#hidden && backendMemory > 0) this.#status.set({ backendMemory });
    });
  }

  #place(): PlacedDevice {
    const place = this.status.placement === "worker" ? placeInWorker : placeLocally;
    const placed: PlacedDevice = place({
      engine: {
        version: this.#version,
        target: this.#backendTarget(),
        reconnect: reconnects(this.#options, this.#backend),
        reset: this.#resets,
        factory: this.#options.factory ?? false,
      },
      frontEnd: this.#frontEnd,
      open: this.#backend.open,
      keep: this.#keep,
      onEvents: (events) => {
        if (placed === this.#placed) this.#take(events);
      },
      onExecute: () => {
        if (placed === this.#placed) this.#hold.commandStarted();
      },
      onAnswered: () => {
        if (placed === this.#placed) this.#hold.commandFinished();
      },
      onIrq: (raised) => {
        if (placed === this.#placed) this.#bus.setIrq(IRQ, raised);
      },
      onLost: (error) => {
        if (placed === this.#placed) this.#lose(error);
      },
      createWorker: this.#options.createWorker,
    });
    return placed;
  }

  // --- resets ---

  #machineReset(): void {
    if (this.#status.closed) return;
    this.#resets++;
    this.areas.machineReset();
    this.#stopCommands();
    // No guest is to find the TPM half reset.
    this.#release ??= this.#bus.hold(RESET_HOLD);
    this.#events.emit("reset", undefined);
    // A hidden machine that failed is not asked again: the next one has ports of its own.
    const spent = this.#hidden !== undefined && this.status.phase === "failed";
    if (this.#replace || spent) this.#placeAnew();
    else this.#placed.reset(this.#resets);
  }

  #placeAnew(): void {
    this.#replace = false;
    // What keeps the old one from ending well keeps nothing else.
    this.#placed.close().catch(() => undefined);
    this.#abandon();
    this.#status.drop("placementReason");
    this.#status.set({
      phase: "starting",
      message: "The TPM is being started.",
      version: "unspecified",
      ...whereabouts(this.#options, this.#frontEnd, this.#backend),
    });
    this.#placed = this.#place();
    this.#tapPoint.use(this.#placed);
    this.#watch();
  }

  #switched(error: Error | undefined): void {
    this.#release?.();
    this.#release = undefined;
    this.#power.settle(error);
  }

  // --- what the engine tells ---

  #take(events: EngineEvent[]): void {
    const ended = new Set(events.map((event) => (event.type === "command" ? event.id : 0)));
    for (const event of events) this.#takeOne(event, ended);
    // A machine that is held looks for no answer itself.
    this.#placed.look();
  }

  #takeOne(event: EngineEvent, ended: ReadonlySet<number>): void {
    switch (event.type) {
      case "commandstart":
        this.#commandStarted(event, ended);
        break;
      case "command":
        this.#commandEnded(event);
        break;
      case "power":
        this.#powered(event);
        break;
      case "failed":
        this.#fail(toError(event.error));
        break;
      case "notice":
        if (event.label !== undefined) this.#status.set({ backendLabel: event.label });
        this.#events.emit("notice", event.message);
        break;
      case "pcrs":
        this.#events.emit("pcrs", event.banks);
        break;
      case "irq":
        // `look` tells of it, where the guest's own access has not.
        break;
      case "moves":
        for (const { time, move } of event.moves)
          this.#events.emit("move", { time: time - performance.timeOrigin, move });
        break;
    }
  }

  #commandStarted(event: Extract<EngineEvent, { type: "commandstart" }>, ended: ReadonlySet<number>): void {
    const record = this.#commands.started(event);
    if (record.origin === "guest" && !ended.has(event.id)) this.#status.executing(event.id, record.name);
    this.#events.emit("commandstart", record);
  }

  #commandEnded(event: Extract<EngineEvent, { type: "command" }>): void {
    this.#status.executed(event.id);
    const record = this.#commands.ended(event);
    if (record) this.#events.emit("command", record);
  }

  /** The device is gone: nobody will tell how its commands end, or lower its interrupt line. */
  #abandon(): void {
    for (const record of this.#commands.abandon()) this.#events.emit("command", record);
    this.#bus.setIrq(IRQ, false);
  }

  /** Whatever the guest had under way is over. */
  #stopCommands(): void {
    this.#hold.commandFinished();
    this.#status.idle();
  }

  #powered({ reset, on, error }: Extract<EngineEvent, { type: "power" }>): void {
    if (reset !== this.#resets || this.#status.closed) return;
    if (!on) {
      this.#fail(error ? toError(error) : new Error("it did not say why"));
      return;
    }
    this.#announce(this.#version);
    const { label: backendLabel, info } = on;
    const { capabilities = {} } = info;
    this.#status.set({
      phase: "ready",
      message: "The TPM is ready.",
      backendLabel,
      version: this.#version,
      capabilities,
    });
    this.#switched(undefined);
  }

  /** The device is gone with its worker: the guest reads zeros until the next reset makes a new one. */
  #lose(error: Error): void {
    this.#replace = true;
    this.#abandon();
    this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#status.closed) return;
    this.#stopCommands();
    this.#announce("unspecified");
    this.#status.fail(error);
    this.#switched(new TpmFailedError(error.message, { cause: error }));
  }

  // --- small things ---

  #announce(version: TpmStatus["version"]): void {
    this.areas.announce(version, this.status);
  }

  /** The device tells its moves only while somebody listens. */
  #watch(): void {
    this.#placed.watch(this.#events.has("move"));
  }

  #mustBeAlive(): void {
    this.#status.mustBeAlive();
  }
}
