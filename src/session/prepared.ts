/**
 * The file of a prepared machine: one that has booted to its shell, for anybody to go on with, with a TPM of their own.
 *
 *     "WTPMPREP"   8 bytes
 *     version      u32, little-endian
 *     length       u32, little-endian: bytes of the description
 *     description  JSON, UTF-8: whom it fits, the registers of the device, and how long each part is
 *     parts        one after the other: event log, measured commands, the emulator's state
 *
 * No TPM is in it: no blobs, and no response that the TPM gave. The file is sent compressed, with a checksum that tells
 * damage on the way.
 */
import * as v from "valibot";
import type { DeviceSnapshot } from "../device/frontend/port.ts";
import { readSnapshot, TIS_SNAPSHOT_FORMAT, type TisSnapshot } from "../device/tis/snapshot.ts";
import { fromHex, toHex } from "../protocol/bytes/hex.ts";
import { viewOf } from "../protocol/bytes/view.ts";

const MAGIC = "WTPMPREP";
/** Raised when the layout or the meaning of a field changes. */
export const PREPARED_VERSION = 1;
const PREFIX = MAGIC.length + 8;

/** What a prepared machine was booted from: it is the same machine only with all of this. */
export interface PreparedFor {
  tpmVersion: "2.0" | "1.2";
  /** Guest RAM in bytes. */
  memorySize: number;
  cmdline: string;
  /** SHA-256 of the images, unpacked, as the manifest has them, in hex. */
  images: Record<"bios" | "vgaBios" | "kernel" | "initrd", string>;
}

export interface PreparedMachine {
  belongsTo: PreparedFor;
  /** The registers, at rest. */
  device: TisSnapshot;
  eventLog: Uint8Array;
  /** What the guest has measured, for `startPrepared`. */
  commands: readonly Uint8Array[];
  emulator: Uint8Array<ArrayBuffer>;
  /** The guest's time, in milliseconds. */
  clock: number;
  /** When it was made, in milliseconds since 1970. */
  time: number;
}

/** A prepared machine cannot be used; the message is a whole sentence. */
export class PreparedError extends Error {
  override name = "PreparedError";
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const description = v.object({
  belongsTo: v.object({
    tpmVersion: v.picklist(["2.0", "1.2"]),
    memorySize: count,
    cmdline: v.string(),
    images: v.object({ bios: sha256, vgaBios: sha256, kernel: sha256, initrd: sha256 }),
  }),
  device: v.looseObject({ fifo: v.pipe(v.string(), v.regex(/^([0-9a-f]{2})*$/)) }),
  clock: v.pipe(v.number(), v.finite(), v.minValue(0)),
  time: v.pipe(v.number(), v.finite(), v.minValue(0)),
  eventLog: count,
  commands: v.array(count),
  emulator: count,
});

/** @throws {PreparedError} when the device is in the middle of something. */
export function writePrepared(
  machine: Omit<PreparedMachine, "device"> & { device: DeviceSnapshot },
): Uint8Array<ArrayBuffer> {
  const { device: saved, eventLog, commands, emulator, ...rest } = machine;
  const device = withoutData(saved);
  const text = new TextEncoder().encode(
    JSON.stringify({
      ...rest,
      device: { ...device, fifo: toHex(new Uint8Array(device.fifo.length)) },
      eventLog: eventLog.length,
      commands: commands.map(({ length }) => length),
      emulator: emulator.length,
    }),
  );
  const parts = [text, eventLog, ...commands, emulator];
  const bytes = new Uint8Array(PREFIX + parts.reduce((sum, { length }) => sum + length, 0));
  bytes.set(new TextEncoder().encode(MAGIC));
  const view = new DataView(bytes.buffer);
  view.setUint32(MAGIC.length, PREPARED_VERSION, true);
  view.setUint32(MAGIC.length + 4, text.length, true);
  let at = PREFIX;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The FIFO still holds the last response; nobody will read it any more. */
function withoutData(saved: DeviceSnapshot): TisSnapshot {
  if (saved.format !== TIS_SNAPSHOT_FORMAT)
    throw new PreparedError("Machines whose TPM has other registers cannot be prepared.");
  const device = saved as TisSnapshot;
  const busy = device.localities.some(({ state }) => state !== "idle" && state !== "ready");
  if (busy || device.execution) throw new PreparedError("The guest is in the middle of a TPM command.");
  return device;
}

/**
 * Reads a file of {@link writePrepared}, unpacked. The emulator's state is a view of `bytes`.
 * @throws {PreparedError} when it is damaged, or made by a later version of this project.
 */
export function readPrepared(bytes: Uint8Array<ArrayBuffer>): PreparedMachine {
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (bytes.length < PREFIX || magic !== MAGIC) throw damaged("it does not begin as one");
  const view = viewOf(bytes);
  const version = view.getUint32(MAGIC.length, true);
  if (version !== PREPARED_VERSION) {
    throw new PreparedError(
      `The prepared machine has format version ${version}, and this page reads version ${PREPARED_VERSION}: load the page anew.`,
    );
  }
  const length = view.getUint32(MAGIC.length + 4, true);
  const { device, eventLog, commands, emulator, ...rest } = readDescription(
    bytes.subarray(PREFIX, PREFIX + length),
  );
  const wanted = PREFIX + length + eventLog + emulator + commands.reduce((sum, size) => sum + size, 0);
  if (wanted !== bytes.length)
    throw damaged(`it has ${bytes.length} bytes, and ${wanted} are written of in it`);
  let at = PREFIX + length;
  const next = (size: number) => {
    at += size;
    return bytes.subarray(at - size, at);
  };
  return {
    ...rest,
    device: readDevice(device),
    eventLog: next(eventLog).slice(),
    commands: commands.map((size) => next(size).slice()),
    emulator: next(emulator),
  };
}

function readDescription(bytes: Uint8Array): v.InferOutput<typeof description> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged("its description cannot be read", cause);
  }
  const result = v.safeParse(description, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw damaged(`${v.getDotPath(issue) ?? "its description"} is wrong: ${issue.message}`);
}

function readDevice(fields: { fifo: string }): TisSnapshot {
  const device = { ...fields, fifo: fromHex(fields.fifo) } as unknown as TisSnapshot;
  try {
    readSnapshot(device);
    return device;
  } catch (cause) {
    throw damaged(`its registers cannot be read: ${(cause as Error).message}`, cause);
  }
}

const damaged = (why: string, cause?: unknown) =>
  new PreparedError(`The prepared machine is damaged: ${why}.`, { cause });

const IMAGE_NAMES = {
  bios: "firmware",
  vgaBios: "VGA firmware",
  kernel: "kernel",
  initrd: "guest image",
} as const;

/** What keeps a prepared machine from being the one that is wanted, as a part of a sentence; undefined when it is. */
export function misfit(prepared: PreparedFor, wanted: PreparedFor): string | undefined {
  if (prepared.tpmVersion !== wanted.tpmVersion) return `its TPM is a TPM ${prepared.tpmVersion}`;
  if (prepared.memorySize !== wanted.memorySize)
    return `it has ${prepared.memorySize / 2 ** 20} MiB of memory`;
  for (const name of Object.keys(IMAGE_NAMES) as (keyof typeof IMAGE_NAMES)[]) {
    if (prepared.images[name] !== wanted.images[name])
      return `it was booted with another ${IMAGE_NAMES[name]}`;
  }
  if (prepared.cmdline !== wanted.cmdline) return "it was booted with another command line";
  return undefined;
}
