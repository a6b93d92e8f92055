/**
 * The phases of a boot, judged by what can be seen from outside: who extends PCRs, and what the console says.
 * Firmware until the option ROM of the direct boot measures, or else until it leaves PCRs alone; where a boot loader
 * names itself on the console, that one until the kernel's first message; kernel until something other than its own
 * messages stands on the console; shell from the first prompt.
 * A machine that goes on from where it was saved has none of these.
 *
 * UEFI firmware tells more of itself by what it measures (edk2; PI 1.8, volume 1, "Boot phases"): SEC and the beginning
 * of PEI until there is a TPM; PEI while it measures firmware volumes; DXE then; BDS from the boot options on; the boot
 * loader, or the kernel's EFI stub, from where it is measured until the firmware hands over.
 */
import { equalBytes } from "../../../protocol/bytes/hex.ts";
import { EVENT_TYPES } from "../../../protocol/eventlog/event-types.ts";
import type { LogEvent } from "../../../protocol/eventlog/index.ts";
import type { BootTape } from "../../../session/recording/index.ts";
import type { SeenExtend } from "../../model/chains.ts";

export type PhaseName =
  | "firmware"
  | "SEC"
  | "PEI"
  | "DXE"
  | "BDS"
  | "boot loader"
  | "option ROM"
  | "kernel"
  | "init"
  | "shell"
  | "goes on";

export interface Phase {
  name: PhaseName;
  from: number;
  to: number;
}

/** What Linux puts before its own messages. */
const KERNEL_LINE = /^\s*\[\s*\d+\.\d+\]|^\s*$/;
/** Boot loaders, as they name themselves; they may wait for their user for ever. */
const LOADER = /\bGRUB\b|\b(?:ISO|SYS|PXE|EXT)LINUX\b|\biPXE\b/;
const KERNEL_BEGINS = /\[ *\d+\.\d{6}\] |(?:^|\n)Linux version /;
const PROMPT = /(^|\n)[^\n]{0,40}[#$] ?$/;
/** A shell asks the terminal where its cursor is. */
const CURSOR_QUERY = "\u001b[6n";
const FIRMWARE_PCRS = 8;

const PEI_EVENTS: readonly number[] = [
  EVENT_TYPES.EV_S_CRTM_VERSION.id,
  EVENT_TYPES.EV_EFI_PLATFORM_FIRMWARE_BLOB.id,
  EVENT_TYPES.EV_EFI_PLATFORM_FIRMWARE_BLOB2.id,
];
const BOOT_OPTIONS: readonly number[] = [
  EVENT_TYPES.EV_EFI_VARIABLE_BOOT.id,
  EVENT_TYPES.EV_EFI_VARIABLE_BOOT2.id,
];
const HANDED_OVER = new TextEncoder().encode("Exit Boot Services Returned with Success");

/** Where the phases of UEFI firmware begin; undefined for other firmware. */
function uefiStarts(
  tape: BootTape,
  extendsSeen: readonly SeenExtend[],
): { starts: [PhaseName, number | undefined][]; kernel: number | undefined } | undefined {
  const seen = extendsSeen.flatMap(({ event, change: { record } }) =>
    event ? [{ event, from: record.startedAt, to: record.startedAt + (record.duration ?? 0) }] : [],
  );
  const isA = (types: readonly number[]) => (one: { event: LogEvent }) => types.includes(one.event.type);
  const lastVolume = seen.findLast(isA(PEI_EVENTS.slice(1)));
  if (!lastVolume) return undefined;
  const loader = seen.find(isA([EVENT_TYPES.EV_EFI_BOOT_SERVICES_APPLICATION.id]));
  const kernel = seen.find(({ event }) => equalBytes(event.data, HANDED_OVER))?.to;
  const starts: [PhaseName, number | undefined][] = [
    ["SEC", tape.start],
    ["PEI", seen.find(isA(PEI_EVENTS))?.from],
    ["DXE", seen.some((one) => one.from >= lastVolume.to) ? lastVolume.to : undefined],
    ["BDS", seen.find(isA(BOOT_OPTIONS))?.from],
    ["boot loader", loader?.from],
  ];
  return { starts, kernel };
}

/** Of the boot so far. @param end where the last phase ends for now. */
export function phasesOf(tape: BootTape, extendsSeen: readonly SeenExtend[], end: number): Phase[] {
  if (tape.resumed) return [{ name: "goes on", from: tape.start, to: Math.max(tape.start, end) }];
  const rom = extendsSeen.filter(({ maker }) => maker === "direct boot").map(({ change }) => change.record);
  const romStart = rom[0]?.startedAt;
  const lastRom = rom.at(-1);
  const handedOver = lastRom ? lastRom.startedAt + (lastRom.duration ?? 0) : firmwareEnd(tape, extendsSeen);
  const loader = lastRom || handedOver === undefined ? undefined : loaderPhase(tape, handedOver);
  const kernel = loader ? loader.kernel : handedOver;
  const uefi = uefiStarts(tape, extendsSeen);
  const system = uefi ? uefi.kernel : kernel;
  const { init, shell } = consolePhases(tape, system);
  const starts: [PhaseName, number | undefined][] = [
    ...(uefi?.starts ?? ([["firmware", tape.start]] as const)),
    ["option ROM", romStart],
    ["boot loader", uefi ? undefined : loader && handedOver],
    ["kernel", system],
    ["init", init],
    ["shell", shell],
  ];
  const known = starts.filter((entry): entry is [PhaseName, number] => entry[1] !== undefined);
  return known.map(([name, from], i) => ({ name, from, to: Math.max(from, known[i + 1]?.[1] ?? end) }));
}

/** Where nobody measures for the kernel: the firmware's last extend, once the console speaks. */
function firmwareEnd({ serial }: BootTape, extendsSeen: readonly SeenExtend[]): number | undefined {
  const last = extendsSeen.findLast(
    ({ maker, change }) => maker === "firmware" && change.pcr < FIRMWARE_PCRS,
  );
  if (!last || !serial.length) return undefined;
  return last.change.record.startedAt + (last.change.record.duration ?? 0);
}

/** Undefined where no boot loader has named itself. */
function loaderPhase({ serial }: BootTape, from: number): { kernel: number | undefined } | undefined {
  const decoder = new TextDecoder();
  let text = "";
  let named = false;
  for (const { time, bytes } of serial) {
    if (time < from) continue;
    text = (text + decoder.decode(bytes, { stream: true }).replaceAll("\r", "")).slice(-4000);
    if (KERNEL_BEGINS.test(text)) return named ? { kernel: time } : undefined;
    named ||= LOADER.test(text);
  }
  return named ? { kernel: undefined } : undefined;
}

function consolePhases({ serial }: BootTape, kernel: number | undefined): { init?: number; shell?: number } {
  if (kernel === undefined) return {};
  const decoder = new TextDecoder();
  const found: { init?: number; shell?: number } = {};
  let text = "";
  for (const { time, bytes } of serial) {
    if (time < kernel) continue;
    text = (
      text + decoder.decode(bytes, { stream: true }).replaceAll("\r", "").replaceAll(CURSOR_QUERY, "")
    ).slice(-4000);
    const lines = text.split("\n");
    if (found.init === undefined && lines.some((line) => !KERNEL_LINE.test(line))) found.init = time;
    if (found.init !== undefined && PROMPT.test(text)) return { ...found, shell: time };
  }
  return found;
}

/** The phase that a moment is in. */
export function phaseAt(phases: readonly Phase[], time: number): PhaseName | undefined {
  return phases.findLast(({ from }) => time >= from)?.name;
}
