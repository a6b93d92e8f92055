/**
 * From TPM commands to PCR changes: what a command that was seen on its way to the TPM did to PCRs.
 * Sources: TPM 2.0 Library Part 3, sections 17.6 and 22; TPM 1.2 Main Part 3, sections 13.3 and 16.
 */
import { ByteReader, ShortInputError } from "../bytes/reader.ts";
import { digestSize, TPM_ALG } from "../tpm2/algorithms.ts";
import { TPM_CC } from "../tpm2/command-codes.ts";
import type { LogDigest } from "./log.ts";
import { PCR_COUNT } from "./log.ts";

/** One PCR that a command changed. */
export type PcrChange =
  | { kind: "extend"; pcr: number; digests: LogDigest[] }
  /** Set back to its starting value. */
  | { kind: "reset"; pcr: number };

const ST_SESSIONS = 0x8002;
const HEADER_SIZE = 10;
/** Ordinals of TPM 1.2. */
const TPM_ORD = { Extend: 0x14, SHA1CompleteExtend: 0xa3, PCR_Reset: 0xc8 } as const;
const SHA1_SIZE = 20;
const MOST_DIGESTS = 16;

/**
 * What an accepted command did to PCRs; nothing for any other, and for one that the TPM refused.
 * @param response needed too: some commands make the digests themselves.
 */
export function pcrChanges(request: Uint8Array, response: Uint8Array): PcrChange[] {
  try {
    const [command, answer] = [new ByteReader(request), new ByteReader(response)];
    const tag = command.u16be();
    command.u32be();
    const code = command.u32be();
    answer.take(HEADER_SIZE - 4);
    if (answer.u32be() !== 0) return [];
    const is20 = tag === ST_SESSIONS || tag === ST_SESSIONS - 1;
    return is20 ? changes20(code, command, answer) : changes12(code, command, answer);
  } catch (error) {
    if (error instanceof ShortInputError) return [];
    throw error;
  }
}

function changes20(code: number, command: ByteReader, answer: ByteReader): PcrChange[] {
  switch (code) {
    case TPM_CC.PCR_Extend: {
      const pcr = command.u32be();
      command.take(command.u32be());
      return extendOf(pcr, digestList(command));
    }
    case TPM_CC.PCR_Event:
    case TPM_CC.EventSequenceComplete: {
      const pcr = command.u32be();
      answer.u32be(); // parameterSize: both need a session
      return extendOf(pcr, digestList(answer));
    }
    case TPM_CC.PCR_Reset:
      return [{ kind: "reset", pcr: command.u32be() }];
    default:
      return [];
  }
}

/** A handle that is no PCR (TPM_RH_NULL) extends none. */
function extendOf(pcr: number, digests: LogDigest[]): PcrChange[] {
  return pcr < PCR_COUNT ? [{ kind: "extend", pcr, digests }] : [];
}

/** TPML_DIGEST_VALUES. */
function digestList(reader: ByteReader): LogDigest[] {
  const digests: LogDigest[] = [];
  const count = Math.min(reader.u32be(), MOST_DIGESTS);
  while (digests.length < count) {
    const algorithm = reader.u16be();
    const size = digestSize(algorithm);
    if (size === undefined) break;
    digests.push({ algorithm, digest: reader.take(size) });
  }
  return digests;
}

function changes12(code: number, command: ByteReader, answer: ByteReader): PcrChange[] {
  const sha1 = (reader: ByteReader) => [{ algorithm: TPM_ALG.SHA1.id, digest: reader.take(SHA1_SIZE) }];
  switch (code) {
    case TPM_ORD.Extend:
      return extendOf(command.u32be(), sha1(command));
    case TPM_ORD.SHA1CompleteExtend:
      return extendOf(command.u32be(), sha1(answer));
    case TPM_ORD.PCR_Reset: {
      const selected = command.take(command.u16be());
      const pcrs = Array.from({ length: 8 * selected.length }, (_, pcr) => pcr);
      return pcrs
        .filter((pcr) => (selected[pcr >> 3] as number) & (1 << (pcr & 7)))
        .map((pcr) => ({ kind: "reset", pcr }));
    }
    default:
      return [];
  }
}
