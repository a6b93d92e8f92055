/** Reads the responses to the commands of {@link ./build.ts}. For a full tree of any message see {@link ./decode.ts}. */
import { ByteReader, ShortInputError } from "../bytes/reader.ts";
import { algorithmName } from "./algorithms.ts";
import { responseCodeName, type TpmFamily } from "./names.ts";

/** A response that is too short, wrongly built, or carries an error code. */
export class TpmResponseError extends Error {
  override readonly name = "TpmResponseError";
  constructor(
    message: string,
    /** The TPM's response code, where it sent one that is not success. */
    readonly responseCode?: number,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** PCRs of one bank by tpm2-tools name ("sha256"). */
export interface PcrsOfBank {
  algorithm: string;
  pcrs: number[];
}

export interface PcrReadResult {
  /** Counts every change of a PCR; equal in two answers means nothing changed between them. */
  updateCounter: number;
  /** What the TPM has answered, which may be less than was asked. */
  selection: PcrsOfBank[];
  values: { algorithm: string; pcr: number; digest: Uint8Array }[];
}

/** The response code, TPM 2.0 or 1.2; undefined when the bytes are no whole header. */
export function responseCode(response: Uint8Array): number | undefined {
  return response.length < 10 ? undefined : new ByteReader(response.subarray(6)).u32be();
}

/** The command code or ordinal of a request; undefined when the bytes are no whole header. */
export function commandCode(request: Uint8Array): number | undefined {
  return responseCode(request);
}

/** The family a message belongs to, by its tag: 1.2 tags are 0x00C1-0x00C6. */
export function familyOf(message: Uint8Array): TpmFamily {
  return message[0] === 0x00 && message[1]! >= 0xc1 && message[1]! <= 0xc6 ? "1.2" : "2.0";
}

/** The response to TPM2_PCR_Read. @throws {TpmResponseError} */
export function parsePcrRead(response: Uint8Array): PcrReadResult {
  return parsing("TPM2_PCR_Read", response, "2.0", (reader) => {
    const updateCounter = reader.u32be();
    const selection = readSelection(reader);
    const digests = Array.from({ length: bounded(reader, 2) }, () => reader.take(reader.u16be()).slice());
    const wanted = selection.flatMap(({ algorithm, pcrs }) => pcrs.map((pcr) => ({ algorithm, pcr })));
    if (wanted.length !== digests.length) {
      throw new TpmResponseError(
        `TPM2_PCR_Read names ${wanted.length} PCRs but has ${digests.length} values`,
      );
    }
    return { updateCounter, selection, values: wanted.map((pcr, i) => ({ ...pcr, digest: digests[i]! })) };
  });
}

/** What of `wanted` an answer has not given: ask again for it. Banks with nothing left are dropped. */
export function remainingSelection(wanted: readonly PcrsOfBank[], got: readonly PcrsOfBank[]): PcrsOfBank[] {
  return wanted
    .map(({ algorithm, pcrs }) => {
      const done = new Set(got.filter((bank) => bank.algorithm === algorithm).flatMap((bank) => bank.pcrs));
      return { algorithm, pcrs: pcrs.filter((pcr) => !done.has(pcr)) };
    })
    .filter(({ pcrs }) => pcrs.length > 0);
}

/**
 * The response to TPM2_GetCapability(TPM_CAP_PCRS): the banks of the TPM and the PCRs each has. A bank that is
 * implemented but switched off has none.
 * @throws {TpmResponseError}
 */
export function parsePcrAllocation(response: Uint8Array): PcrsOfBank[] {
  return parsing("TPM2_GetCapability", response, "2.0", (reader) => {
    reader.u8();
    const capability = reader.u32be();
    if (capability !== 5)
      throw new TpmResponseError(`expected TPM_CAP_PCRS (5), got capability ${capability}`);
    return readSelection(reader);
  });
}

/** The response to TPM2_GetCapability(TPM_CAP_TPM_PROPERTIES): property to value. @throws {TpmResponseError} */
export function parseProperties(response: Uint8Array): Map<number, number> {
  return parsing("TPM2_GetCapability", response, "2.0", (reader) => {
    reader.u8();
    const capability = reader.u32be();
    if (capability !== 6) {
      throw new TpmResponseError(`expected TPM_CAP_TPM_PROPERTIES (6), got capability ${capability}`);
    }
    return new Map(Array.from({ length: bounded(reader, 8) }, () => [reader.u32be(), reader.u32be()]));
  });
}

/** The response to TPM2_GetRandom. @throws {TpmResponseError} */
export function parseGetRandom(response: Uint8Array): Uint8Array {
  return parsing("TPM2_GetRandom", response, "2.0", (reader) => reader.take(reader.u16be()).slice());
}

/** The response to TPM_PCRRead of TPM 1.2: 20 bytes. @throws {TpmResponseError} */
export function parsePcrRead12(response: Uint8Array): Uint8Array {
  return parsing("TPM_PCRRead", response, "1.2", (reader) => reader.take(20).slice());
}

/** The data of the response to TPM_GetCapability of TPM 1.2. @throws {TpmResponseError} */
export function parseGetCapability12(response: Uint8Array): Uint8Array {
  return parsing("TPM_GetCapability", response, "1.2", (reader) => reader.take(reader.u32be()).slice());
}

/** A TPML_PCR_SELECTION. */
function readSelection(reader: ByteReader): PcrsOfBank[] {
  return Array.from({ length: bounded(reader, 3) }, () => {
    const algorithm = algorithmName(reader.u16be());
    const map = reader.take(reader.u8());
    const pcrs = Array.from({ length: map.length * 8 }, (_, pcr) => pcr);
    return { algorithm, pcrs: pcrs.filter((pcr) => map[pcr >> 3]! & (1 << (pcr & 7))) };
  });
}

/** A count that the bytes left can hold, so that a hostile one costs nothing. */
function bounded(reader: ByteReader, itemSize: number): number {
  const count = reader.u32be();
  if (count * itemSize > reader.left) throw new ShortInputError(reader.offset, count * itemSize, reader.left);
  return count;
}

function parsing<T>(
  command: string,
  response: Uint8Array,
  family: TpmFamily,
  read: (reader: ByteReader) => T,
): T {
  try {
    const reader = new ByteReader(response);
    reader.take(6);
    const code = reader.u32be();
    if (code !== 0) {
      throw new TpmResponseError(`${command} was answered ${responseCodeName(code, family)}`, code);
    }
    return read(reader);
  } catch (error) {
    if (!(error instanceof ShortInputError)) throw error;
    throw new TpmResponseError(`the response to ${command} is cut short: ${error.message}`, undefined, {
      cause: error,
    });
  }
}
