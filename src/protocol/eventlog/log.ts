/** A TCG event log as this folder speaks of it, whatever its format on the wire. */
import type { Problem } from "./limits.ts";

export interface LogDigest {
  /** TPM_ALG_ID. */
  algorithm: number;
  digest: Uint8Array;
}

export interface LogAlgorithm {
  /** TPM_ALG_ID. */
  id: number;
  /** Lower-case name as tpm2-tools writes it, or the number in hex. */
  name: string;
  /** Bytes of a digest. */
  digestSize: number;
}

export interface LogEvent {
  /** Place in the log, from 0. */
  index: number;
  /** Byte offset of the event in the log area. */
  offset: number;
  /** Bytes of the whole event. */
  size: number;
  pcr: number;
  /** One of event-types.ts, or any other number. */
  type: number;
  /** In the order of the log. Format 1.2 has one: SHA-1. */
  digests: LogDigest[];
  data: Uint8Array;
}

/** What the first event of a crypto-agile log says of the log (Platform Firmware Profile, TCG_EfiSpecIdEvent). */
export interface SpecId {
  platformClass: number;
  versionMinor: number;
  versionMajor: number;
  errata: number;
  /** Size of a UINTN in 4-byte units: 1 = 32-bit, 2 = 64-bit firmware. */
  uintnSize: number;
  /** As the header lists them. */
  algorithms: LogAlgorithm[];
  vendorInfo: Uint8Array;
}

/**
 * What an event's `pcr` is a number of: a TPM's PCRs, or the measurement registers of a confidential VM (Intel TDX),
 * whose log (CCEL) has the same form. See registers.ts.
 */
export type Registers = "PCR" | "RTMR";

export interface EventLog {
  /** `1.2`: SHA-1 only (TCG_PCR_EVENT); `2.0`: crypto agile (TCG_PCR_EVENT2 after a Spec ID Event03). */
  format: "1.2" | "2.0";
  registers: Registers;
  /** Hash algorithms in use, in the order of the log; after the header's those that events have besides. */
  algorithms: LogAlgorithm[];
  events: LogEvent[];
  /** Offset of the first byte after the last event. */
  end: number;
  problems: Problem[];
  /** Only in format 2.0. */
  specId?: SpecId;
}

/** PCRs of one bank, by index. */
export interface Bank {
  /** Lower-case algorithm name: "sha1", "sha256", ... */
  algorithm: string;
  values: Uint8Array[];
}

/** How many PCRs a PC client TPM has. */
export const PCR_COUNT = 24;
