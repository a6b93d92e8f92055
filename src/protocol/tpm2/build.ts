/**
 * Commands that the project itself sends, as bytes: TPM 2.0 (Part 3) and TPM 1.2 (TPM Main, Part 3). Each function
 * bears its command's own name. For any other command see {@link ./encode.ts}.
 */
import { ByteWriter } from "../bytes/writer.ts";
import { algorithmId, digestSize } from "./algorithms.ts";
import { type CommandName, TPM_CC } from "./command-codes.ts";
import { type OrdinalName, TPM_ORD } from "./tpm12/ordinals.ts";

/** TPM_ST: command and response tags. */
export const TPM_ST_NO_SESSIONS = 0x8001;
export const TPM_ST_SESSIONS = 0x8002;
/** TPM 1.2: a request without authorization. */
export const TPM_TAG_RQU_COMMAND = 0x00c1;

/** TPM_CAP values that the project asks for. */
export const TPM_CAP = { ALGS: 0, HANDLES: 1, COMMANDS: 2, PCRS: 5, TPM_PROPERTIES: 6 } as const;

const TPM_RS_PW = 0x4000_0009;
/** Bytes of a PCR bit map for 24 PCRs. */
const PCR_SELECT_SIZE = 3;

/** PCRs of one bank. `algorithm` is a tpm2-tools name ("sha256") or a TPM_ALG_ID. */
export interface PcrSelection {
  algorithm: string | number;
  pcrs: readonly number[];
}

/** TPM2_Startup; `STATE` resumes what TPM2_Shutdown(STATE) kept. */
export function TPM2_Startup(type: "CLEAR" | "STATE" = "CLEAR"): Uint8Array<ArrayBuffer> {
  return command2("Startup", new ByteWriter().u16be(type === "STATE" ? 1 : 0));
}

/** TPM2_Shutdown. */
export function TPM2_Shutdown(type: "CLEAR" | "STATE" = "CLEAR"): Uint8Array<ArrayBuffer> {
  return command2("Shutdown", new ByteWriter().u16be(type === "STATE" ? 1 : 0));
}

/** TPM2_SelfTest; with `full` everything is tested again. */
export function TPM2_SelfTest(full: boolean): Uint8Array<ArrayBuffer> {
  return command2("SelfTest", new ByteWriter().u8(full ? 1 : 0));
}

/** TPM2_GetCapability: `count` items of capability `cap` from `property` on. */
export function TPM2_GetCapability(cap: number, property: number, count: number): Uint8Array<ArrayBuffer> {
  return command2("GetCapability", new ByteWriter().u32be(cap).u32be(property).u32be(count));
}

/** TPM2_GetRandom: up to `count` bytes. */
export function TPM2_GetRandom(count: number): Uint8Array<ArrayBuffer> {
  return command2("GetRandom", new ByteWriter().u16be(count));
}

/** TPM2_ReadClock. */
export function TPM2_ReadClock(): Uint8Array<ArrayBuffer> {
  return command2("ReadClock", new ByteWriter());
}

/**
 * TPM2_PCR_Read. A TPM answers with 8 digests at most and says which; ask again for what is left
 * ({@link ./parse.ts remainingSelection}).
 * @throws {RangeError} for an unknown algorithm name or a PCR outside 0-23.
 */
export function TPM2_PCR_Read(selection: readonly PcrSelection[]): Uint8Array<ArrayBuffer> {
  return command2("PCR_Read", writeSelection(new ByteWriter(), selection));
}

/**
 * TPM2_PCR_Extend with an empty password.
 * @throws {RangeError} for an unknown algorithm name, or a digest whose size is not the algorithm's.
 */
export function TPM2_PCR_Extend(
  pcr: number,
  digests: readonly { algorithm: string | number; digest: Uint8Array }[],
): Uint8Array<ArrayBuffer> {
  const parameters = emptyPassword(new ByteWriter().u32be(pcr)).u32be(digests.length);
  for (const { algorithm, digest } of digests) {
    const id = requireAlgorithm(algorithm);
    if (digestSize(id) !== digest.length) {
      throw new RangeError(`a digest of ${algorithm} has ${digestSize(id)} bytes, got ${digest.length}`);
    }
    parameters.u16be(id).bytes(digest);
  }
  return command2("PCR_Extend", parameters, TPM_ST_SESSIONS);
}

/** TPM2_PCR_Reset with an empty password. */
export function TPM2_PCR_Reset(pcr: number): Uint8Array<ArrayBuffer> {
  return command2("PCR_Reset", emptyPassword(new ByteWriter().u32be(pcr)), TPM_ST_SESSIONS);
}

/** TPM_Startup of TPM 1.2. */
export function TPM_Startup(type: "CLEAR" | "STATE" | "DEACTIVATED" = "CLEAR"): Uint8Array<ArrayBuffer> {
  const TPM_ST = { CLEAR: 1, STATE: 2, DEACTIVATED: 3 };
  return command12("Startup", new ByteWriter().u16be(TPM_ST[type]));
}

/** TPM_SelfTestFull of TPM 1.2. */
export function TPM_SelfTestFull(): Uint8Array<ArrayBuffer> {
  return command12("SelfTestFull", new ByteWriter());
}

/** TPM_ContinueSelfTest of TPM 1.2. */
export function TPM_ContinueSelfTest(): Uint8Array<ArrayBuffer> {
  return command12("ContinueSelfTest", new ByteWriter());
}

/** TPM_GetCapability of TPM 1.2; many areas take a 32-bit sub-capability, some none. */
export function TPM_GetCapability(
  area: number,
  subCap: number | Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const sub = typeof subCap === "number" ? new ByteWriter().u32be(subCap).finish() : subCap;
  return command12("GetCapability", new ByteWriter().u32be(area).u32be(sub.length).bytes(sub));
}

/** TPM_PCRRead of TPM 1.2. */
export function TPM_PCRRead(pcr: number): Uint8Array<ArrayBuffer> {
  return command12("PCRRead", new ByteWriter().u32be(pcr));
}

/** TPM_Extend of TPM 1.2. */
export function TPM_Extend(pcr: number, digest: Uint8Array): Uint8Array<ArrayBuffer> {
  if (digest.length !== 20)
    throw new RangeError(`TPM_Extend takes a digest of 20 bytes, got ${digest.length}`);
  return command12("Extend", new ByteWriter().u32be(pcr).bytes(digest));
}

/** TPM_GetRandom of TPM 1.2. */
export function TPM_GetRandom(count: number): Uint8Array<ArrayBuffer> {
  return command12("GetRandom", new ByteWriter().u32be(count));
}

/** TPM_GetTicks of TPM 1.2. */
export function TPM_GetTicks(): Uint8Array<ArrayBuffer> {
  return command12("GetTicks", new ByteWriter());
}

/** The TPM_ALG_ID of a name or number. @throws {RangeError} for an unknown name. */
function requireAlgorithm(algorithm: string | number): number {
  const id = typeof algorithm === "number" ? algorithm : algorithmId(algorithm);
  if (id === undefined) throw new RangeError(`'${algorithm}' is no TPM algorithm name, e.g. 'sha256'`);
  return id;
}

/** Writes a TPML_PCR_SELECTION. */
function writeSelection(writer: ByteWriter, selection: readonly PcrSelection[]): ByteWriter {
  writer.u32be(selection.length);
  for (const { algorithm, pcrs } of selection) {
    const map = new Uint8Array(PCR_SELECT_SIZE);
    for (const pcr of pcrs) {
      if (!Number.isInteger(pcr) || pcr < 0 || pcr >= 8 * PCR_SELECT_SIZE) {
        throw new RangeError(`PCR ${pcr} is outside 0-${8 * PCR_SELECT_SIZE - 1}`);
      }
      map[pcr >> 3]! |= 1 << (pcr & 7);
    }
    writer.u16be(requireAlgorithm(algorithm)).u8(PCR_SELECT_SIZE).bytes(map);
  }
  return writer;
}

/** An authorization area that holds one empty password. */
function emptyPassword(writer: ByteWriter): ByteWriter {
  return writer.u32be(9).u32be(TPM_RS_PW).u16be(0).u8(0).u16be(0);
}

function command2(name: CommandName, body: ByteWriter, tag = TPM_ST_NO_SESSIONS): Uint8Array<ArrayBuffer> {
  return withHeader(tag, TPM_CC[name], body);
}

function command12(name: OrdinalName, body: ByteWriter): Uint8Array<ArrayBuffer> {
  return withHeader(TPM_TAG_RQU_COMMAND, TPM_ORD[name], body);
}

/** Puts the header before a command's body. */
export function withHeader(tag: number, code: number, body: ByteWriter): Uint8Array<ArrayBuffer> {
  const bytes = body.finish();
  return new ByteWriter()
    .u16be(tag)
    .u32be(10 + bytes.length)
    .u32be(code)
    .bytes(bytes)
    .finish();
}
