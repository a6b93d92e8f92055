/** What of a TPM lies in the machine's memory, beside its registers: the firmware's event log and physical presence. */
import type { MachineBus } from "../machine/bus.ts";
import { EVENT_LOG_WINDOW } from "../machine/firmware/acpi.ts";
import { EventLogArea } from "../machine/firmware/event-log-area.ts";
import { parseEventLog } from "../protocol/eventlog/index.ts";
import { announce } from "./bus.ts";
import { PhysicalPresence } from "./presence.ts";
import type { PresenceStatus, TpmStatus } from "./types.ts";

/** Who is told of what the firmware or the guest did there. */
export interface AreaListener {
  /** Something was written to the event log. */
  logWritten(): void;
  presence(status: PresenceStatus): void;
}

export class MemoryAreas {
  /** Called before the event log is read, where it has to be looked for (`followUefiLog`). */
  lookForLog: (() => void) | undefined;
  readonly physicalPresence: PhysicalPresence;
  readonly #bus: MachineBus;
  readonly #log = new EventLogArea();
  readonly #ownLog: boolean;

  /** @param ownLog the firmware keeps its log where it likes, as UEFI does, and not in the window that ACPI names. */
  constructor(bus: MachineBus, ownLog: boolean, listener: AreaListener) {
    this.#bus = bus;
    this.#ownLog = ownLog;
    if (!ownLog) bus.attach(EVENT_LOG_WINDOW, this.#log);
    this.physicalPresence = new PhysicalPresence(bus);
    this.physicalPresence.onChange = (status) => listener.presence(status);
    this.#log.onWrite = () => listener.logWritten();
  }

  /** The event log, cut after its last event. */
  eventLog(): Uint8Array {
    this.lookForLog?.();
    const bytes = this.#log.bytes();
    return bytes.slice(0, parseEventLog(bytes).end);
  }

  /** The event-log area as it stands, without the zeros at its end; also while the firmware is writing an event. */
  saveEventLog(): Uint8Array {
    const bytes = this.#log.bytes();
    return bytes.slice(0, bytes.findLastIndex((byte) => byte !== 0) + 1);
  }

  /** @param bytes what `saveEventLog` gave. */
  restoreEventLog(bytes: Uint8Array): void {
    this.#log.restore(bytes);
  }

  /** The memory of physical presence as it stands (`device/ppi/layout.ts`). */
  savePresence(): Uint8Array {
    return this.physicalPresence.save();
  }

  /** @param bytes what `savePresence` gave; none in a snapshot from before there was one. */
  restorePresence(bytes: Uint8Array): void {
    this.physicalPresence.restore(bytes);
  }

  /** Tells the firmware of a TPM of this version, or of none. */
  announce(version: TpmStatus["version"], status: Pick<TpmStatus, "interface" | "interrupt">): void {
    announce(this.#bus, version, this.#ownLog ? "own" : EVENT_LOG_WINDOW, status);
    this.physicalPresence.announce(version);
  }

  machineReset(): void {
    this.#log.reset();
    this.physicalPresence.machineReset();
  }

  end(): void {
    this.physicalPresence.end();
  }
}
