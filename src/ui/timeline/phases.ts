/**
 * The phases of a boot, judged by what can be seen from outside: who extends PCRs, and what the console says.
 * Firmware until the option ROM of the direct boot measures, or else until it leaves PCRs alone; kernel until
 * something other than its own messages stands on the console; shell from the first prompt.
 */

import type { SeenExtend } from "../../page-model/chains.ts";
import type { BootTape } from "../../recording/index.ts";

export type PhaseName = "firmware" | "option ROM" | "kernel" | "init" | "shell";

export interface Phase {
  name: PhaseName;
  from: number;
  to: number;
}

/** What Linux puts before its own messages. */
const KERNEL_LINE = /^\s*\[\s*\d+\.\d+\]|^\s*$/;
const PROMPT = /(^|\n)[^\n]{0,40}[#$] ?$/;
/** A shell asks the terminal where its cursor is. */
const CURSOR_QUERY = "\u001b[6n";
const FIRMWARE_PCRS = 8;

/** Of the boot so far. @param end where the last phase ends for now. */
export function phasesOf(tape: BootTape, extendsSeen: readonly SeenExtend[], end: number): Phase[] {
  const rom = extendsSeen.filter(({ maker }) => maker === "direct boot").map(({ change }) => change.record);
  const romStart = rom[0]?.startedAt;
  const lastRom = rom.at(-1);
  const kernel = lastRom ? lastRom.startedAt + (lastRom.duration ?? 0) : firmwareEnd(tape, extendsSeen);
  const { init, shell } = consolePhases(tape, kernel);
  const starts: [PhaseName, number | undefined][] = [
    ["firmware", tape.start],
    ["option ROM", romStart],
    ["kernel", kernel],
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
