/**
 * Replays an event log: what the PCRs hold if exactly these events were extended, in this order, after power-on.
 * Sources: TCG PC Client Platform Firmware Profile 1.06, sections 3.3 (PCR usage) and 10.4.5.3 (StartupLocality);
 * TPM 2.0 Library Part 1, section 34 (H-CRTM).
 */
import { digestSize } from "../tpm2/algorithms.ts";
import { EVENT_TYPES } from "./event-types.ts";
import { extend } from "./hash.ts";
import { type Progress, tick } from "./limits.ts";
import type { Bank, EventLog, LogAlgorithm, LogEvent, Registers } from "./log.ts";
import { registerCount } from "./registers.ts";
import { latin1 } from "./text.ts";

const STARTUP_LOCALITY = "StartupLocality\0";
/** Dynamic PCRs are all ones until a dynamic launch resets them to zero. */
const FIRST_DYNAMIC_PCR = 17;
const LAST_DYNAMIC_PCR = 22;
const NO_ACTION = EVENT_TYPES.EV_NO_ACTION.id;
const HCRTM = EVENT_TYPES.EV_EFI_HCRTM_EVENT.id;
/** What PCR 0 starts from after a measurement by the hardware itself. */
const HCRTM_LOCALITY = 4;

/** One extend of one bank. */
export interface ReplayStep {
  event: LogEvent;
  pcr: number;
  /** What was extended. */
  digest: Uint8Array;
  before: Uint8Array;
  after: Uint8Array;
}

export interface ReplayedBank extends Bank {
  /** TPM_ALG_ID. */
  id: number;
  /** What `values` are by index. MRTD, RTMRs' first, is none that a log could give. */
  registers: Registers;
  /** PCRs that at least one event extended, in ascending order. */
  extended: number[];
  /** Every extend, in the order of the log. */
  steps: ReplayStep[];
}

/**
 * One bank for each algorithm of the log; one whose hash is not known has no values that could be computed, so it is
 * left out.
 * @param progress told the events extended, of all in all banks.
 */
export function replay(log: EventLog, progress?: Progress): ReplayedBank[] {
  const total = log.algorithms.length * log.events.length;
  return log.algorithms.flatMap((algorithm, i) => {
    const bank = replayBank(log, algorithm, (done) => progress?.(i * log.events.length + done, total));
    return bank ? [bank] : [];
  });
}

/** What a PCR holds after power-on, before anything was measured. */
export function initialPcr(pcr: number, size: number): Uint8Array {
  return new Uint8Array(size).fill(isDynamic(pcr) ? 0xff : 0);
}

/** The locality of TPM2_Startup when an EV_NO_ACTION event tells it. */
export function startupLocality(event: LogEvent): number | undefined {
  if (event.type !== NO_ACTION || event.data.length <= STARTUP_LOCALITY.length) return undefined;
  const signature = latin1(event.data.subarray(0, STARTUP_LOCALITY.length));
  return signature === STARTUP_LOCALITY ? event.data[STARTUP_LOCALITY.length] : undefined;
}

function replayBank(log: EventLog, { id, name }: LogAlgorithm, progress: Progress): ReplayedBank | undefined {
  const size = digestSize(id);
  if (size === undefined || !extend(id, new Uint8Array(size), new Uint8Array(size))) return undefined;
  const values = initialValues(log, size);
  const steps: ReplayStep[] = [];
  const seen = new Set<number>();
  log.events.forEach((event, i) => {
    tick(progress, i, i, log.events.length);
    const { pcr } = event;
    const value = values[pcr];
    const digest = event.digests.find(({ algorithm }) => algorithm === id)?.digest;
    if (event.type === NO_ACTION || !value || digest?.length !== size) return;
    // A log that extends a dynamic PCR was written after a dynamic launch, which had set that PCR to zero.
    const launched = log.registers === "PCR" && isDynamic(pcr) && !seen.has(pcr);
    const before = launched ? new Uint8Array(size) : value;
    const after = extend(id, before, digest) as Uint8Array;
    values[pcr] = after;
    seen.add(pcr);
    steps.push({ event, pcr, digest, before, after });
  });
  const extended = [...seen].sort((a, b) => a - b);
  return { algorithm: name, id, registers: log.registers, values, extended, steps };
}

function isDynamic(pcr: number): boolean {
  return pcr >= FIRST_DYNAMIC_PCR && pcr <= LAST_DYNAMIC_PCR;
}

function initialValues(log: EventLog, size: number): Uint8Array[] {
  const values = Array.from({ length: registerCount(log.registers) }, (_, pcr) => initialPcr(pcr, size));
  if (log.registers === "PCR") values[0]?.set([firstLocality(log)], size - 1);
  return values;
}

function firstLocality(log: EventLog): number {
  for (const event of log.events) {
    if (event.type === HCRTM && event.pcr === 0) return HCRTM_LOCALITY;
    const locality = startupLocality(event);
    if (locality !== undefined) return locality;
  }
  return 0;
}
