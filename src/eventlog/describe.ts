/** Says in words what an event of the log is, what its data says and who made it. */
import { hexNumber } from "../bytes/hex.ts";
import { type Detail, describeData } from "./describe-data.ts";
import { EVENT_TYPES, eventType, eventTypeName } from "./event-types.ts";
import type { EventLog, LogEvent } from "./log.ts";
import { asText } from "./text.ts";

/** Who wrote an event. The log does not say; this is judged by PCR, type and text. */
export type Maker = "hardware" | "firmware" | "direct boot" | "boot loader" | "kernel" | "IMA" | "unknown";

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
  "direct boot": "the option ROM that starts kernel, initrd and command line directly",
  "boot loader": "the boot loader",
  kernel: "the kernel's own loader (EFI stub)",
  IMA: "the running kernel (IMA)",
  unknown: "not known",
};

/** Event data of the direct boot names files so; see src/rom. */
export const DIRECT_BOOT_PREFIX = "(direct)/";

const LAST_FIRMWARE_PCR = 7;
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
  const { pcr, type } = event;
  if (type === EVENT_TYPES.EV_EFI_HCRTM_EVENT.id) return "hardware";
  if (type === EVENT_TYPES.EV_NO_ACTION.id) return "firmware";
  if (type === EVENT_TYPES.EV_COMPACT_HASH.id) return "boot loader";
  if (pcr <= LAST_FIRMWARE_PCR) return "firmware";
  if (pcr === IMA_PCR) return "IMA";
  if (type === EVENT_TYPES.EV_EVENT_TAG.id && LINUX_STUB_TAGS.includes(tag(event))) return "kernel";
  if (type === EVENT_TYPES.EV_SEPARATOR.id) return "firmware";
  if (LOADER_PCRS.includes(pcr)) return log && isDirectBoot(log) ? "direct boot" : "boot loader";
  return STUB_PCRS.includes(pcr) ? "kernel" : "unknown";
}

function tag({ data }: LogEvent): number {
  return data.length >= 4 ? new DataView(data.buffer, data.byteOffset).getUint32(0, true) : 0;
}

/** True when the log has events of the project's own measuring option ROM. */
function isDirectBoot(log: EventLog): boolean {
  return log.events.some(
    ({ pcr, type, data }) =>
      pcr === 9 && type === EVENT_TYPES.EV_IPL.id && asText(data)?.startsWith(DIRECT_BOOT_PREFIX),
  );
}
