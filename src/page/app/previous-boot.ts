/**
 * The boot before this one, to compare with: its event log and PCRs. Kept for the tab (`sessionStorage`), so that it
 * outlives a reload of the page.
 */
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { parseEventLog } from "../../protocol/eventlog/index.ts";
import type { PcrBank } from "../../session/types.ts";
import type { PreviousBoot } from "../model/model.ts";

const KEY = "webtpm.previous-boot";
/** Raised when the stored form changes; another form is ignored. */
const FORMAT = 1;

interface Stored {
  format: number;
  log: string;
  pcrs: { algorithm: string; values: string[] }[];
  label: string;
  endedAt: number;
}

/** Takes a boot down. @param log the event-log area, cut after its last event. */
export function makePreviousBoot(
  log: Uint8Array,
  pcrs: PcrBank[],
  label: string,
  endedAt: number,
): PreviousBoot {
  return { log: parseEventLog(log.slice()), pcrs, label, endedAt };
}

export function encodeBoot(log: Uint8Array, { pcrs, label, endedAt }: PreviousBoot): string {
  const stored: Stored = {
    format: FORMAT,
    log: toHex(log),
    pcrs: pcrs.map(({ algorithm, values }) => ({ algorithm, values: values.map(toHex) })),
    label,
    endedAt,
  };
  return JSON.stringify(stored);
}

/** @returns undefined for text that is no boot of this format. */
export function decodeBoot(text: string): PreviousBoot | undefined {
  try {
    const { format, log, pcrs, label, endedAt } = JSON.parse(text) as Stored;
    if (format !== FORMAT) return undefined;
    const banks = pcrs.map(({ algorithm, values }) => ({ algorithm, values: values.map(fromHex) }));
    return makePreviousBoot(fromHex(log), banks, label, endedAt);
  } catch {
    return undefined; // written by something else, or cut short
  }
}

export function storeBoot(log: Uint8Array, boot: PreviousBoot): void {
  try {
    sessionStorage.setItem(KEY, encodeBoot(log, boot));
  } catch {
    // No storage for this page, or it is full: the boot is remembered until the page is left.
  }
}

export function recallBoot(): PreviousBoot | undefined {
  try {
    const text = sessionStorage.getItem(KEY);
    return text === null ? undefined : decodeBoot(text);
  } catch {
    return undefined; // as above
  }
}
