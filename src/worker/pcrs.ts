/** Reads the PCRs of a TPM, whatever its version: all banks, all registers. */

import { TPM_CAP, TPM_PCRRead, TPM2_GetCapability, TPM2_PCR_Read } from "../protocol/tpm2/build.ts";
import {
  parsePcrAllocation,
  parsePcrRead,
  parsePcrRead12,
  remainingSelection,
} from "../protocol/tpm2/parse.ts";
import type { PcrBank } from "../protocol/tpm2/pcr-bank.ts";

type Run = (command: Uint8Array) => Promise<Uint8Array>;

const PCR_COUNT = 24;
/** TPM2_PCR_Read gives eight values at most; more rounds than this mean that nothing comes any more. */
const MAX_READS = 64;

/** Codes of commands after which PCRs may have other values. */
const CHANGES_PCRS: Record<"2.0" | "1.2", ReadonlySet<number>> = {
  // TPM2_PCR_Allocate, PCR_Event, PCR_Reset, Startup, PCR_Extend, EventSequenceComplete
  "2.0": new Set([0x12b, 0x13c, 0x13d, 0x144, 0x182, 0x185]),
  // TPM_Extend, Startup, SHA1CompleteExtend, PCR_Reset
  "1.2": new Set([0x14, 0x99, 0xa3, 0xc8]),
};

/** True when a command of this code may change PCRs. */
export const changesPcrs = (version: "2.0" | "1.2", code: number): boolean => CHANGES_PCRS[version].has(code);

/**
 * All banks.
 * @throws {TpmResponseError} when the TPM refuses, e.g. before TPM2_Startup.
 */
export function readPcrs(version: "2.0" | "1.2", run: Run): Promise<PcrBank[]> {
  return version === "2.0" ? readBanks(run) : readBank12(run);
}

async function readBanks(run: Run): Promise<PcrBank[]> {
  const allocation = parsePcrAllocation(await run(TPM2_GetCapability(TPM_CAP.PCRS, 0, 1)));
  const banks = new Map<string, Uint8Array[]>(allocation.map(({ algorithm }) => [algorithm, []]));
  let wanted = allocation.filter(({ pcrs }) => pcrs.length > 0);
  for (let reads = 0; wanted.length > 0 && reads < MAX_READS; reads++) {
    const { values, selection } = parsePcrRead(await run(TPM2_PCR_Read(wanted)));
    for (const { algorithm, pcr, digest } of values) banks.get(algorithm)![pcr] = digest;
    wanted = remainingSelection(wanted, selection);
  }
  return Array.from(banks, ([algorithm, values]) => ({ algorithm, values })).filter(
    ({ values }) => values.length > 0,
  );
}

async function readBank12(run: Run): Promise<PcrBank[]> {
  const values: Uint8Array[] = [];
  for (let pcr = 0; pcr < PCR_COUNT; pcr++) values.push(parsePcrRead12(await run(TPM_PCRRead(pcr))));
  return [{ algorithm: "sha1", values }];
}
