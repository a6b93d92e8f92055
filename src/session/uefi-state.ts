/**
 * The emulator's part of a snapshot of a machine with UEFI: v86's own saved state, and before it what that knows
 * nothing of, the flash and the devices of our own.
 */

import { EmulatorStateError } from "../machine/snapshot.ts";
import type { UefiState } from "../machine/v86/uefi/uefi-machine.ts";
import { ByteReader, ShortInputError } from "../protocol/bytes/reader.ts";
import { ByteWriter } from "../protocol/bytes/writer.ts";

const MAGIC = "WTPMUEFI";
const VERSION = 1;
const MODES = ["array", "status", "program", "erase", "lock", "identity", "query"] as const;

/** @param emulator v86's own saved state. */
export function packUefiState(state: UefiState, emulator: Uint8Array): Uint8Array<ArrayBuffer> {
  const { variables, code, fwCfg, frameBuffer } = state;
  return new ByteWriter()
    .ascii(MAGIC)
    .u32le(VERSION)
    .u8(MODES.indexOf(variables.mode))
    .u8(variables.status)
    .u8(MODES.indexOf(code.mode))
    .u8(code.status)
    .u32le(fwCfg.key)
    .u32le(fwCfg.at)
    .u32le(fwCfg.dmaHigh)
    .u32le(frameBuffer)
    .u32le(variables.bytes.length)
    .bytes(variables.bytes)
    .bytes(emulator)
    .finish();
}

/** Whether it is one of a machine with UEFI. */
export const isUefiState = (bytes: Uint8Array): boolean =>
  MAGIC.split("").every((character, at) => bytes[at] === character.charCodeAt(0));

/** @throws {EmulatorStateError} for anything that `packUefiState` has not made. */
export function unpackUefiState(bytes: Uint8Array): {
  uefi: UefiState;
  emulator: Uint8Array<ArrayBuffer>;
} {
  if (!isUefiState(bytes))
    throw new EmulatorStateError("this state is of a machine with a BIOS, not with UEFI");
  try {
    const reader = new ByteReader(bytes);
    reader.take(MAGIC.length);
    const version = reader.u32le();
    if (version !== VERSION)
      throw new EmulatorStateError(
        `this state of a machine with UEFI has format ${version}: a newer page made it`,
      );
    const variables = { mode: mode(reader.u8()), status: reader.u8() };
    const code = { mode: mode(reader.u8()), status: reader.u8() };
    const fwCfg = { key: reader.u32le(), at: reader.u32le(), dmaHigh: reader.u32le() };
    const frameBuffer = reader.u32le();
    const content = reader.take(reader.u32le()).slice();
    const emulator = Uint8Array.from(reader.take(reader.left));
    return { uefi: { variables: { ...variables, bytes: content }, code, fwCfg, frameBuffer }, emulator };
  } catch (cause) {
    if (!(cause instanceof ShortInputError)) throw cause;
    throw new EmulatorStateError("this state of a machine with UEFI is cut off", { cause });
  }
}

function mode(number: number): (typeof MODES)[number] {
  const known = MODES[number];
  if (!known) throw new EmulatorStateError(`a flash chip has no mode ${number}: this state is damaged`);
  return known;
}
