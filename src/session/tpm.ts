/**
 * The TPM of a machine, as an embedder holds it: attaches device, event log and firmware tables to a machine's bus,
 * keeps TPM and machine in step through resets and slow commands, and tells the page what happens.
 */
import { parseEventLog } from "../eventlog/index.ts";
import { type HiddenTpm, startHiddenTpm } from "../hidden/client.ts";
import type { HiddenImages } from "../hidden/machine.ts";
import { EVENT_LOG_WINDOW, FIRMWARE_FILE_NAMES, firmwareFiles } from "../machine/acpi.ts";
import type { MachineBus } from "../machine/bus.ts";
import { CommandHold } from "../machine/command-hold.ts";
import { EventLogArea } from "../machine/event-log-area.ts";
import { type AccessSize, type MmioDevice, TIS_BASE, TIS_SIZE, type TpmVersion } from "../tis/ports.ts";
import { commandName, responseCodeName } from "../tpm2/names.ts";
import { commandCode, responseCode } from "../tpm2/parse.ts";
import type { BackendTarget, EngineEvent } from "../worker/events.ts";
import { driveCommand } from "./driver.ts";
import { TpmFailedError } from "./errors.ts";
import { changesPcrs, readPcrs } from "./pcrs.ts";
import { type PlacedDevice, placeInWorker, placeLocally, whyNotWorker } from "./placement.ts";
import type { CommandRecord, PcrBank, Placement, TpmEvents, TpmHandle, TpmStatus } from "./types.ts";

/** The ISA interrupt that TPM_INT_VECTOR shows. */
const IRQ = 5;
/** Commands kept. */
const MAX_COMMANDS = 5000;
/** How long the page waits after a change before it reads the PCRs, in milliseconds. */
const PCR_DELAY_MS = 200;
/** Path of the bridge on the page's own server. */
export const BRIDGE_PATH = "/tpm";

export interface TpmAttachOptions {
  /** Default "2.0". */
  version?: Exclude<TpmVersion, "unspecified">;
  /** "auto" (default) is a worker wherever the page is cross-origin isolated. */
  placement?: Placement | "auto";
  /** URL of a bridge, http(s) or ws(s); by default `/tpm` on the page's own server. */
  bridge?: string;
  /** Two plain WebSocket-to-TCP proxies in front of a `swtpm socket`, instead of a bridge. */
  proxy?: { control: string; data: string };
  /** A swtpm in a hidden machine of this page instead: what that machine is restored from. Needs no server. */
  hidden?: HiddenImages;
  /** Makes the device worker, where a bundler does not find it by itself. */
  createWorker?: () => Worker;
  /** Host milliseconds that a TPM command may take before the machine is held; see `CommandHold`. */
  graceMs?: number;
}

/**
 * Attaches a TPM to a machine that does not run yet. Wait for `ready` before the machine starts: firmware looks
 * for the TPM's tables once.
 */
export function attachTpm(bus: MachineBus, options: TpmAttachOptions = {}): TpmHandle {
  return new Tpm(bus, options);
}

class Tpm implements TpmHandle {
  readonly ready: Promise<void>;
  readonly device: MmioDevice;
  readonly #bus: MachineBus;
  readonly #options: TpmAttachOptions;
  readonly #version: Exclude<TpmVersion, "unspecified">;
  readonly #log = new EventLogArea();
  readonly #hold: CommandHold;
  readonly #listeners = new Map<keyof TpmEvents, Set<(detail: never) => void>>();
  readonly #records: CommandRecord[] = [];
  readonly #running = new Map<number, CommandRecord>();
  readonly #unsubscribe: () => void;
  #placed: PlacedDevice;
  #hidden: HiddenTpm | undefined;
  #lost = false;
  #status: TpmStatus;
  #resets = 0;
  #nextRecord = 1;
  #releaseReset: (() => void) | undefined;
  #settleReady: { resolve(): void; reject(error: Error): void } | undefined;
  #resetWaiters: (() => void)[] = [];
  #pcrTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(bus: MachineBus, options: TpmAttachOptions) {
    this.#bus = bus;
    this.#options = options;
    this.#version = options.version ?? "2.0";
    this.#hold = new CommandHold(bus, options.graceMs === undefined ? {} : { graceMs: options.graceMs });
    const reason = options.placement === "local" ? "it was asked for" : whyNotWorker();
    this.#status = {
      phase: "starting",
      message: "The TPM is being started.",
      placement: reason === undefined ? "worker" : "local",
      ...(reason !== undefined && { placementReason: reason }),
      backend: options.hidden ? "hidden" : options.proxy ? "proxy" : "bridge",
      backendLabel: "",
      version: "unspecified",
    };
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Whoever does not wait for `ready` learns of a failure from the status.
    this.ready.catch(() => undefined);
    this.#placed = this.#place();
    this.device = {
      read: (address, size) => this.#placed.read(address, size),
      write: (address, size, value) => this.#placed.write(address, size, value),
    };
    bus.attach({ base: TIS_BASE, size: TIS_SIZE }, this.device);
    bus.attach(EVENT_LOG_WINDOW, this.#log);
    this.#log.onWrite = () => this.#emit("eventlog", this.eventLog());
    this.#unsubscribe = bus.onReset(() => this.#machineReset());
  }

  get status(): TpmStatus {
    return this.#status;
  }

  get commands(): readonly CommandRecord[] {
    return this.#records;
  }

  read(address: number, size: AccessSize): number {
    return this.#placed.read(address, size);
  }

  write(address: number, size: AccessSize, value: number): void {
    this.#placed.write(address, size, value);
  }

  peek(address: number, size: AccessSize): number {
    return this.#placed.peek(address, size);
  }

  async command(command: Uint8Array): Promise<Uint8Array> {
    this.#mustBeAlive();
    const release = this.#bus.hold("a command by hand");
    try {
      // The hold takes effect at the end of the slice that runs now.
      await new Promise((resolve) => setTimeout(resolve, 0));
      return await driveCommand(this.#placed, command, () => this.#mustBeAlive());
    } finally {
      release();
    }
  }

  async pcrs(): Promise<PcrBank[]> {
    this.#mustBeAlive();
    return readPcrs(this.#version, (command) => this.#placed.run(command));
  }

  eventLog(): Uint8Array {
    const bytes = this.#log.bytes();
    return bytes.subarray(0, parseEventLog(bytes).end);
  }

  reset(): Promise<void> {
    return new Promise((resolve) => {
      this.#resetWaiters.push(resolve);
      this.#machineReset();
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#unsubscribe();
    clearTimeout(this.#pcrTimer);
    this.#hold.commandFinished();
    this.#releaseReset?.();
    this.#setStatus({ phase: "closed", message: "The TPM was shut down.", version: "unspecified" });
    this.#settleReady?.reject(new TpmFailedError("the TPM was shut down before it was ready"));
    await this.#placed.close();
    this.#hidden?.stop();
  }

  on<K extends keyof TpmEvents>(event: K, listener: (detail: TpmEvents[K]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners);
    listeners.add(listener as (detail: never) => void);
    return () => listeners.delete(listener as (detail: never) => void);
  }

  #emit<K extends keyof TpmEvents>(event: K, detail: TpmEvents[K]): void {
    for (const listener of this.#listeners.get(event) ?? [])
      (listener as (detail: TpmEvents[K]) => void)(detail);
  }

  #setStatus(change: Partial<TpmStatus>): void {
    this.#status = { ...this.#status, ...change };
    this.#emit("status", this.#status);
  }

  #mustBeAlive(): void {
    if (this.#status.phase === "failed" || this.#status.phase === "closed") {
      throw new TpmFailedError(this.#status.message);
    }
  }

  #target(): BackendTarget {
    const { hidden, proxy, bridge } = this.#options;
    if (hidden) {
      this.#hidden?.stop();
      this.#hidden = startHiddenTpm(hidden, this.#version);
      return { kind: "hidden", control: this.#hidden.control, data: this.#hidden.data };
    }
    if (proxy) return { kind: "proxy", ...proxy };
    const url = new URL(bridge ?? BRIDGE_PATH, globalThis.location?.href);
    return { kind: "bridge", url: url.href.replace(/^ws/, "http") };
  }

  #place(): PlacedDevice {
    const place = this.#status.placement === "worker" ? placeInWorker : placeLocally;
    const placed: PlacedDevice = place({
      engine: { version: this.#version, target: this.#target() },
      emit: (event) => {
        if (!this.#closed) this.#take(event);
      },
      onLost: (error) => this.#lose(error),
      createWorker: this.#options.createWorker,
    });
    return placed;
  }

  /** The device is gone with its worker: the guest reads zeros until the next reset makes a new one. */
  #lose(error: Error): void {
    if (this.#closed) return;
    this.#lost = true;
    this.#fail(error.message);
    this.#resetDone(this.#resets);
  }

  #machineReset(): void {
    if (this.#closed) return;
    this.#resets++;
    this.#log.reset();
    this.#hold.commandFinished();
    // No guest is to find the TPM half reset.
    this.#releaseReset ??= this.#bus.hold("TPM reset");
    this.#emit("reset", undefined);
    if (this.#hidden && this.#status.phase === "failed" && !this.#lost) {
      // A hidden machine that failed is not asked again: the next one has ports of its own.
      this.#placed.close().catch(() => undefined);
      this.#lost = true;
    }
    if (this.#lost) {
      this.#lost = false;
      this.#placed = this.#place();
      // A new worker counts anew; its power-on ends this reset.
      this.#resets = 0;
      return;
    }
    this.#placed.reset(this.#resets);
  }

  #take(event: EngineEvent): void {
    if (event.type === "commandstart") this.#commandStarted(event);
    else if (event.type === "command") this.#commandDone(event);
    else if (event.type === "on") this.#poweredOn(event.label);
    else if (event.type === "failed") this.#fail(event.message);
    else if (event.type === "reset") this.#resetDone(event.count);
    else this.#bus.setIrq(IRQ, event.raised);
  }

  #commandStarted(event: Extract<EngineEvent, { type: "commandstart" }>): void {
    const code = commandCode(event.request) ?? 0;
    const record: CommandRecord = {
      id: this.#nextRecord++,
      startedAt: event.time - performance.timeOrigin,
      locality: event.locality,
      code,
      name: commandName(code, this.#version),
      request: event.request,
      origin: event.origin,
    };
    this.#running.set(event.id, record);
    this.#records.push(record);
    if (this.#records.length > MAX_COMMANDS) this.#records.shift();
    if (event.origin === "guest") {
      this.#hold.commandStarted();
      if (this.#status.phase === "ready")
        this.#setStatus({ phase: "executing", message: `The TPM runs ${record.name}.` });
    }
    this.#emit("commandstart", record);
  }

  #commandDone(event: Extract<EngineEvent, { type: "command" }>): void {
    const record = this.#running.get(event.id);
    if (!record) return;
    this.#running.delete(event.id);
    record.duration = event.duration;
    record.response = event.response;
    const code = responseCode(event.response);
    if (code !== undefined) {
      record.responseCode = code;
      record.responseName = responseCodeName(code, this.#version);
    }
    if (record.origin === "guest") {
      this.#hold.commandFinished();
      if (this.#status.phase === "executing")
        this.#setStatus({ phase: "ready", message: "The TPM is ready." });
      if (changesPcrs(this.#version, record.code)) this.#readPcrsSoon();
    }
    this.#emit("command", record);
  }

  #poweredOn(label: string): void {
    this.#setFirmwareFiles(this.#version);
    this.#setStatus({
      phase: "ready",
      message: "The TPM is ready.",
      backendLabel: label,
      version: this.#version,
    });
    this.#settleReady?.resolve();
    this.#settleReady = undefined;
    // A worker that was made anew within a reset has no reset of its own to report.
    if (this.#resets === 0) this.#resetDone(0);
  }

  #fail(message: string): void {
    this.#hold.commandFinished();
    this.#setFirmwareFiles("unspecified");
    this.#setStatus({ phase: "failed", message: `The TPM has failed: ${message}`, version: "unspecified" });
    this.#settleReady?.reject(new TpmFailedError(message));
    this.#settleReady = undefined;
    if (this.#resets === 0) this.#resetDone(0);
  }

  #resetDone(count: number): void {
    if (count !== this.#resets) return;
    const waiters = this.#resetWaiters;
    this.#resetWaiters = [];
    this.#releaseReset?.();
    this.#releaseReset = undefined;
    for (const done of waiters) done();
  }

  #setFirmwareFiles(version: TpmVersion): void {
    for (const name of FIRMWARE_FILE_NAMES) this.#bus.removeFirmwareFile(name);
    for (const { name, data } of firmwareFiles(version)) this.#bus.setFirmwareFile(name, data);
  }

  /** Once a burst of changes is over, and between the guest's commands. */
  #readPcrsSoon(): void {
    clearTimeout(this.#pcrTimer);
    this.#pcrTimer = setTimeout(() => {
      if (this.#status.phase === "executing") return this.#readPcrsSoon();
      if (this.#status.phase !== "ready") return;
      this.pcrs().then(
        (banks) => this.#emit("pcrs", banks),
        // Not started yet, or reset meanwhile: the next change reads again.
        () => undefined,
      );
    }, PCR_DELAY_MS);
  }
}
