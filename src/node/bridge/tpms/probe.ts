/**
 * What answers at the other end: a TPM 2.0 or 1.2, whether it is on and started, how long its messages may be, and who
 * made it. TPM2_ReadClock asks nothing of a TPM's state, and a TPM 1.2 answers it with another tag.
 */
import type { ByteChannel } from "../../../backend/channel.ts";
import { DataClient } from "../../../backend/data-client.ts";
import type { BackendInfo } from "../../../backend/port.ts";
import { TIS_BUFFER_SIZE } from "../../../device/tis/ports.ts";
import { viewOf } from "../../../protocol/bytes/view.ts";
import {
  TPM_CAP,
  TPM_GetCapability,
  TPM2_GetCapability,
  TPM2_ReadClock,
} from "../../../protocol/tpm2/build.ts";
import { parseGetCapability12, parseProperties, responseCode } from "../../../protocol/tpm2/parse.ts";
import { TpmSourceError } from "./source.ts";

export interface TpmFacts {
  version: BackendInfo["version"];
  /** `off`: it was not powered on, or is in failure mode. `waiting`: for TPM2_Startup. */
  phase: "off" | "waiting" | "started";
  /** Largest command and response in bytes. */
  bufferSize: number;
  /** TPM_PT_MANUFACTURER / TPM_CAP_PROP_MANUFACTURER, where it tells that. */
  manufacturer?: number;
  /** TPM_PT_FIRMWARE_VERSION_1, where it tells that. */
  firmware?: number;
}

/** Runs one command. */
export type Transact = (command: Uint8Array) => Promise<Uint8Array>;

/** TPM 2.0 Part 2, TPM_PT. */
const PT = {
  FIXED: 0x100,
  MANUFACTURER: 0x105,
  FIRMWARE_VERSION_1: 0x10b,
  MAX_COMMAND_SIZE: 0x11e,
  MAX_RESPONSE_SIZE: 0x11f,
};
/** TPM 1.2 Part 2, section 21.2. */
const TPM_CAP_PROPERTY = 5;
const TPM_CAP_PROP = { MANUFACTURER: 0x103, INPUT_BUFFER: 0x124 };
const TPM_RC = { INITIALIZE: 0x100, FAILURE: 0x101 };
const TPM_FAIL = 9;
const TPM_INVALID_POSTINIT = 38;
const TAG_2 = 0x8001;
const TAG_12 = 0x00c4;

const word = (bytes: Uint8Array) => viewOf(bytes).getUint32(0);

/** @throws {TpmSourceError} when what answers is no TPM. @param name of the place, for people. */
export async function probeTpm(transact: Transact, name: string): Promise<TpmFacts> {
  const answer = await transact(TPM2_ReadClock());
  const tag = (answer[0]! << 8) | answer[1]!;
  if (tag === TAG_2) return facts2(transact, responseCode(answer)!);
  if (tag === TAG_12) return facts12(transact);
  throw new TpmSourceError(
    `what answers at ${name} is no TPM: its response has the tag 0x${tag.toString(16)}`,
  );
}

async function facts2(transact: Transact, code: number): Promise<TpmFacts> {
  const version = "2.0";
  if (code === TPM_RC.FAILURE) return { version, phase: "off", bufferSize: TIS_BUFFER_SIZE };
  if (code === TPM_RC.INITIALIZE) return { version, phase: "waiting", bufferSize: TIS_BUFFER_SIZE };
  const answer = await transact(TPM2_GetCapability(TPM_CAP.TPM_PROPERTIES, PT.FIXED, 64));
  const properties = responseCode(answer) === 0 ? parseProperties(answer) : new Map<number, number>();
  const sizes = [PT.MAX_COMMAND_SIZE, PT.MAX_RESPONSE_SIZE].map((property) => properties.get(property));
  const manufacturer = properties.get(PT.MANUFACTURER);
  const firmware = properties.get(PT.FIRMWARE_VERSION_1);
  return {
    version,
    phase: "started",
    bufferSize: Math.min(TIS_BUFFER_SIZE, ...sizes.map((size) => size || TIS_BUFFER_SIZE)),
    ...(manufacturer !== undefined && { manufacturer }),
    ...(firmware !== undefined && { firmware }),
  };
}

async function facts12(transact: Transact): Promise<TpmFacts> {
  const version = "1.2";
  const ask = async (property: number) => {
    const answer = await transact(TPM_GetCapability(TPM_CAP_PROPERTY, property));
    const code = responseCode(answer)!;
    return { code, value: code === 0 ? word(parseGetCapability12(answer)) : undefined };
  };
  const { code, value: size = TIS_BUFFER_SIZE } = await ask(TPM_CAP_PROP.INPUT_BUFFER);
  const { value: manufacturer } = await ask(TPM_CAP_PROP.MANUFACTURER);
  const phase = code === TPM_FAIL ? "off" : code === TPM_INVALID_POSTINIT ? "waiting" : "started";
  const bufferSize = Math.min(TIS_BUFFER_SIZE, size);
  return { version, phase, bufferSize, ...(manufacturer !== undefined && { manufacturer }) };
}

/**
 * The same over a data channel that is used by nobody else meanwhile. @param limit milliseconds for each answer.
 * @throws {TpmSourceError} when no TPM answers.
 */
export async function probeChannel(channel: ByteChannel, name: string, limit: number): Promise<TpmFacts> {
  let failure: Error | undefined;
  const client = new DataClient(channel, TIS_BUFFER_SIZE, (error) => {
    failure = error;
    client.abort(error);
  });
  channel.onClose = (error) => client.abort(error ?? new Error("the connection was closed"));
  try {
    return await probeTpm((command) => client.transact(undefined, command, limit), name);
  } catch (cause) {
    if (cause instanceof TpmSourceError) throw cause;
    throw new TpmSourceError(
      `no TPM answers at ${name}: ${(failure ?? (cause as Error)).message}. Another client may have it: swtpm serves one at a time`,
      { cause },
    );
  } finally {
    // Its timer is not to outlive it.
    client.abort(new Error("the probe is over"));
    channel.onData = channel.onClose = undefined;
  }
}
