/** Says in words what an event of the log is, what its data says and who made it. */
import { hexNumber } from "../bytes/hex.ts";
import { viewOf } from "../bytes/view.ts";
import { describeData } from "./describe-data.ts";
import type { Detail } from "./detail.ts";
import { EVENT_TYPES, eventType, eventTypeName } from "./event-types.ts";
import type { EventLog, LogEvent } from "./log.ts";
import { isSipa, isWindowsSeparator } from "./sipa.ts";
import { latin1 } from "./text.ts";

/** Who wrote an event. The log does not say; this is judged by PCR, type and text. */
export type Maker =
  | "hardware"
  | "firmware"
  | "direct boot"
  | "boot loader"
  | "Windows"
  | "kernel"
  | "IMA"
  | "unknown";

export interface EventDescription {
  /** E.g. "EV_SEPARATOR", or the number for a type that the table does not have. */
  name: string;
  /** What events of this type record. */
  meaning: string;
  /** What this event's data says, in one line. */
  text: string;
  /** The data taken apart. */
  details: Detail[];
  maker: Maker;
}

/** Words for a {@link Maker}. */
export const MAKERS: Record<Maker, string> = {
  hardware: "the processor or chipset, before any firmware",
  firmware: "the firmware (BIOS)",
  Windows: "Windows (its boot manager, loader or kernel)",
  "direct boot": "the option ROM that starts kernel, initrd and command line directly",
  "boot loader": "the boot loader",
  kernel: "the kernel's own loader (EFI stub)",
  IMA: "the running kernel (IMA)",
  unknown: "not known",
};

/** Event data of the direct boot names files so; see src/rom. */
export const DIRECT_BOOT_PREFIX = "(direct)/";

const LAST_FIRMWARE_PCR = 7;
/** A boot loader that is started by the BIOS measures by the short call into these; all else is the firmware's own. */
const COMPACT_PCRS: readonly number[] = [4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
const IMA_PCR = 10;
const LOADER_PCRS: readonly number[] = [8, 9, 14];
/** systemd's and Linux's EFI stubs: kernel image, command line, credentials. */
const STUB_PCRS: readonly number[] = [11, 12, 13, 15];
/** Tags of Linux's EFI stub (EV_EVENT_TAG): initrd, load options. */
const LINUX_STUB_TAGS: readonly number[] = [0x8f3b22ec, 0x8f3b22ed];

/**
 * Describes an event.
 * @param log the log it is from; with it, a direct boot and a boot loader can be told apart.
 */
export function describeEvent(event: LogEvent, log?: EventLog): EventDescription {
  const { text, details } = describeData(event);
  return {
    name: eventTypeName(event.type) ?? hexNumber(event.type),
    meaning: eventType(event.type)?.meaning ?? "a type that the specification does not list",
    text,
    details,
    maker: whoMade(event, log),
  };
}

function whoMade(event: LogEvent, log: EventLog | undefined): Maker {
  const { pcr, type, data } = event;
  if (type === EVENT_TYPES.EV_EFI_HCRTM_EVENT.id) return "hardware";
  if (isOfWindows(event)) return "Windows";
  if (type === EVENT_TYPES.EV_NO_ACTION.id) return "firmware";
  if (log?.registers === "RTMR") return whoMadeRtmr(pcr);
  if (type === EVENT_TYPES.EV_COMPACT_HASH.id) return COMPACT_PCRS.includes(pcr) ? "boot loader" : "firmware";
  if (pcr <= LAST_FIRMWARE_PCR) return "firmware";
  if (pcr === IMA_PCR) return "IMA";
  if (type === EVENT_TYPES.EV_EVENT_TAG.id && LINUX_STUB_TAGS.includes(tag(data))) return "kernel";
  if (type === EVENT_TYPES.EV_SEPARATOR.id) return "firmware";
  if (LOADER_PCRS.includes(pcr)) return log && isDirectBoot(log) ? "direct boot" : "boot loader";
  return STUB_PCRS.includes(pcr) ? "kernel" : "unknown";
}

/** By register of a confidential VM: see registers.ts. RTMR[2] has the boot loader's files and what the kernel's stub adds. */
function whoMadeRtmr(register: number): Maker {
  if (register <= 2) return "firmware";
  return register === 3 ? "boot loader" : "unknown";
}

/** Windows writes tagged records of its own, as notes too, and separators that say so. */
function isOfWindows({ pcr, type, data }: LogEvent): boolean {
  if (type === EVENT_TYPES.EV_SEPARATOR.id) return isWindowsSeparator(data);
  if (type === EVENT_TYPES.EV_NO_ACTION.id) return isSipa(data);
  return type === EVENT_TYPES.EV_EVENT_TAG.id && pcr > LAST_FIRMWARE_PCR && isSipa(data);
}

function tag(data: Uint8Array): number {
  return data.length >= 4 ? viewOf(data).getUint32(0, true) : 0;
}

/** Whether logs are of a direct boot; looked up once for each. */
const directBoots = new WeakMap<EventLog, boolean>();

/** True when the log has events of the project's own measuring option ROM. */
function isDirectBoot(log: EventLog): boolean {
  const known = directBoots.get(log);
  if (known !== undefined) return known;
  const direct = log.events.some(
    ({ pcr, type, data }) =>
      pcr === 9 &&
      type === EVENT_TYPES.EV_IPL.id &&
      latin1(data.subarray(0, DIRECT_BOOT_PREFIX.length)) === DIRECT_BOOT_PREFIX,
  );
  directBoots.set(log, direct);
  return direct;
}
