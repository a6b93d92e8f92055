/**
 * Replays an event log: what the PCRs hold if exactly these events were extended, in this order, after power-on.
 * Sources: TCG PC Client Platform Firmware Profile 1.06, sections 3.3 (PCR usage) and 10.4.5.3 (StartupLocality);
 * TPM 2.0 Library Part 1, section 34 (H-CRTM).
 */
import { digestSize } from "../tpm2/algorithms.ts";
import { EVENT_TYPES } from "./event-types.ts";
import { extend } from "./hash.ts";
import { type Bank, type EventLog, type LogAlgorithm, type LogEvent, PCR_COUNT } from "./log.ts";
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
  /** PCRs that at least one event extended, in ascending order. */
  extended: number[];
  /** Every extend, in the order of the log. */
  steps: ReplayStep[];
}

/** One bank for each algorithm of the log; one whose hash is not known has no values that could be computed, so it is left out. */
export function replay(log: EventLog): ReplayedBank[] {
  return log.algorithms.flatMap((algorithm) => {
    const bank = replayBank(log, algorithm);
    return bank ? [bank] : [];
  });
}

/** What a PCR holds after power-on, before anything was measured. */
export function initialPcr(pcr: number, size: number): Uint8Array {
  const dynamic = pcr >= FIRST_DYNAMIC_PCR && pcr <= LAST_DYNAMIC_PCR;
  return new Uint8Array(size).fill(dynamic ? 0xff : 0);
}

/** The locality of TPM2_Startup when an EV_NO_ACTION event tells it. */
export function startupLocality(event: LogEvent): number | undefined {
  if (event.type !== NO_ACTION || event.data.length <= STARTUP_LOCALITY.length) return undefined;
  const signature = latin1(event.data.subarray(0, STARTUP_LOCALITY.length));
  return signature === STARTUP_LOCALITY ? event.data[STARTUP_LOCALITY.length] : undefined;
}

function replayBank(log: EventLog, algorithm: LogAlgorithm): ReplayedBank | undefined {
  const size = digestSize(algorithm.id);
  if (size === undefined || !extend(algorithm.id, new Uint8Array(size), new Uint8Array(size)))
    return undefined;
  const values = Array.from({ length: PCR_COUNT }, (_, pcr) => initialPcr(pcr, size));
  values[0]?.set([firstLocality(log)], size - 1);
  const steps: ReplayStep[] = [];
  for (const event of log.events) {
    const before = values[event.pcr];
    const digest = event.digests.find((one) => one.algorithm === algorithm.id)?.digest;
    if (event.type === NO_ACTION || !before || digest?.length !== size) continue;
    const base = steps.some((step) => step.pcr === event.pcr) ? before : launched(event.pcr, before);
    const after = extend(algorithm.id, base, digest) as Uint8Array;
    values[event.pcr] = after;
    steps.push({ event, pcr: event.pcr, digest, before: base, after });
  }
  const extended = [...new Set(steps.map((step) => step.pcr))].sort((a, b) => a - b);
  return { algorithm: algorithm.name, id: algorithm.id, values, extended, steps };
}

/** A log that extends a dynamic PCR was written after a dynamic launch, which had set that PCR to zero. */
function launched(pcr: number, value: Uint8Array): Uint8Array {
  return pcr >= FIRST_DYNAMIC_PCR && pcr <= LAST_DYNAMIC_PCR ? new Uint8Array(value.length) : value;
}

function firstLocality(log: EventLog): number {
  for (const event of log.events) {
    if (event.type === HCRTM && event.pcr === 0) return HCRTM_LOCALITY;
    const locality = startupLocality(event);
    if (locality !== undefined) return locality;
  }
  return 0;
}
