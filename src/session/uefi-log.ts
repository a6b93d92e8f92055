/**
 * The event log of UEFI firmware. It lies in guest memory, where the firmware likes it, and the operating system is
 * told of it when the firmware hands over (EFI_TCG2_PROTOCOL.GetEventLog). Nobody tells the page; so it is looked for:
 * edk2's Tcg2Dxe has it in whole pages, begins with the header of a crypto-agile log, and has filled the rest of its
 * 64 KiB with 0xFF.
 */

import type { MachineBus } from "../machine/bus.ts";
import { equalBytes } from "../protocol/bytes/hex.ts";
import { parseEventLog } from "../protocol/eventlog/index.ts";
import type { MemoryAreas } from "./memory-areas.ts";

/** The guest's memory, as a v86 emulator offers it. */
export interface GuestMemory {
  read_memory(address: number, length: number): Uint8Array;
  write_memory(bytes: Uint8Array, address: number): void;
}

const PAGE = 0x1000;
/** PcdTcgLogAreaMinLen. */
const LOG_SIZE = 0x1_0000;
/** TCG_PCR_EVENT of PCR 0, EV_NO_ACTION, without a digest; its size; its data (Firmware Profile, section 10.4.5.1). */
const HEADER = Uint8Array.from([...[0, 0, 0, 0, 3, 0, 0, 0], ...Array<number>(20).fill(0)]);
/** The event's type: few pages have its first byte there. */
const TYPE_AT = 4;
const SIGNATURE = new TextEncoder().encode("Spec ID Event03\0");
const SIGNATURE_AT = HEADER.length + 4;
/** What edk2 measures last, when the operating system has taken over (EV_EFI_ACTION). */
const HANDED_OVER = new TextEncoder().encode("Exit Boot Services Returned with Success");

/** How often it is looked at while the firmware may write, in milliseconds. */
const LOOK_MS = 100;

export class UefiLog {
  readonly #memory: GuestMemory;
  readonly #size: number;
  #at: number | undefined;
  #last = new Uint8Array();
  #complete = false;

  /** @param size bytes of guest RAM. */
  constructor(memory: GuestMemory, size: number) {
    this.#memory = memory;
    this.#size = size;
  }

  /** The firmware has handed over: nothing more is written. */
  get complete(): boolean {
    return this.#complete;
  }

  /** The log as it stands, a copy; undefined where there is none, and where nothing is new. */
  look(): Uint8Array | undefined {
    if (this.#complete) return undefined;
    this.#at ??= this.#find();
    if (this.#at === undefined) return undefined;
    const area = this.#memory.read_memory(this.#at, LOG_SIZE);
    const { end, events } = parseEventLog(area);
    const log = area.slice(0, end);
    if (equalBytes(log, this.#last)) return undefined;
    this.#last = log;
    this.#complete = events.some(({ data }) => equalBytes(data, HANDED_OVER));
    return log;
  }

  /** The machine was reset. RAM keeps what was in it: that log is not to be taken for the next one. */
  forget(): void {
    if (this.#at !== undefined) this.#memory.write_memory(new Uint8Array(PAGE), this.#at);
    this.#at = undefined;
    this.#last = new Uint8Array();
    this.#complete = false;
  }

  #find(): number | undefined {
    // One view of it all: a call for each page would take the machine a third of its time.
    const memory = this.#memory.read_memory(0, this.#size);
    for (let at = 0; at + LOG_SIZE <= this.#size; at += PAGE) {
      if (memory[at + TYPE_AT] === HEADER[TYPE_AT] && isHeader(memory.subarray(at)) && this.#isArea(at))
        return at;
    }
    return undefined;
  }

  /** Whether nothing but a log is there: others may have a copy of it. */
  #isArea(at: number): boolean {
    const area = this.#memory.read_memory(at, LOG_SIZE);
    const { end, problems } = parseEventLog(area);
    return !problems.length && end < LOG_SIZE && area.subarray(end).every((byte) => byte === 0xff);
  }
}

function isHeader(bytes: Uint8Array): boolean {
  return (
    HEADER.every((byte, index) => bytes[index] === byte) &&
    SIGNATURE.every((byte, index) => bytes[SIGNATURE_AT + index] === byte)
  );
}

/**
 * Has the TPM tell of the firmware's log, as it does of a BIOS's.
 * @param size bytes of guest RAM.
 * @returns a function that ends it.
 */
export function followUefiLog(
  tpm: { areas: Pick<MemoryAreas, "restoreEventLog" | "lookForLog"> },
  bus: Pick<MachineBus, "onReset">,
  memory: GuestMemory,
  size: number,
): () => void {
  const log = new UefiLog(memory, size);
  const look = () => {
    const news = log.look();
    if (news) tpm.areas.restoreEventLog(news);
  };
  tpm.areas.lookForLog = look;
  const timer = setInterval(look, LOOK_MS);
  const unsubscribe = bus.onReset(() => log.forget());
  return () => {
    clearInterval(timer);
    tpm.areas.lookForLog = undefined;
    unsubscribe();
  };
}
