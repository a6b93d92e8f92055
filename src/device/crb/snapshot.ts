/**
 * The device's state as plain data with names: what is stored, sent to another machine, and compared. Readable
 * without this code, and checked before it is used again.
 */
import { mapTable, namesOf, SnapshotFields } from "../frontend/snapshot-fields.ts";
import {
  CRB_STATE_BYTES,
  INT_ENABLE_BITS,
  INT_STATUS_BITS,
  LOCALITY_WORDS,
  mapMemory,
  NONE,
  STANDING,
  STANDING_BITS,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { LOCALITIES, type TpmVersion } from "./ports.ts";
import { type CrbState, STATES } from "./states.ts";
import { validate } from "./validate.ts";

export const CRB_SNAPSHOT_FORMAT = "webtpm-crb";
/** Raised when fields change their meaning. */
export const CRB_SNAPSHOT_VERSION = 1;

export interface CrbLocalitySnapshot {
  requested: boolean;
  beenSeized: boolean;
  intEnable: number;
  intStatus: number;
}

export interface CrbSnapshot {
  format: typeof CRB_SNAPSHOT_FORMAT;
  formatVersion: typeof CRB_SNAPSHOT_VERSION;
  tpmVersion: TpmVersion;
  bufferSize: number;
  /** How many localities there are: 5, or 1. */
  localityCount: number;
  chunks: boolean;
  established: boolean;
  irqRaised: boolean;
  interfaceLocked: boolean;
  cancel: boolean;
  /** In state execution a command runs: an answer to `complete` is due after `restore`. */
  state: CrbState;
  /** `null` stands for no locality. */
  activeLocality: number | null;
  /** The active locality has given the TPM up while its command runs. */
  leaving: boolean;
  seizingLocality: number | null;
  /** Whose command or response the data buffer holds. */
  bufferLocality: number | null;
  /** Who waits for the establishment flag's reset. */
  clearingLocality: number | null;
  packetLength: number;
  packetOffset: number;
  localities: CrbLocalitySnapshot[];
  /** The whole data buffer. */
  data: Uint8Array;
  /** Of the packet that goes through it in chunks, as much as there is. */
  packet: Uint8Array;
}

/** What was given to `CrbDevice.restore` is no snapshot of a device's state. */
export class CrbSnapshotError extends Error {
  override name = "CrbSnapshotError";
}

/** Names of the fields that are kept as they are, and their words. */
const NUMBERS = {
  bufferSize: WORD.BUFFER_SIZE,
  localityCount: WORD.LOCALITIES,
  packetLength: WORD.PACKET_LENGTH,
  packetOffset: WORD.OFFSET,
} as const;
const FLAG_WORDS = {
  chunks: WORD.CHUNKS,
  established: WORD.ESTABLISHED,
  irqRaised: WORD.IRQ_LEVEL,
  interfaceLocked: WORD.INTERFACE_LOCKED,
  cancel: WORD.CANCEL,
  leaving: WORD.LEAVING,
} as const;
const LOCALITY_OR_NONE = {
  activeLocality: WORD.ACTIVE,
  seizingLocality: WORD.SEIZING,
  bufferLocality: WORD.USER,
  clearingLocality: WORD.CLEARING,
} as const;
const LOCALITY_NUMBERS = { intEnable: INT_ENABLE_BITS, intStatus: INT_STATUS_BITS } as const;
const LOCALITY_FLAGS = { requested: STANDING.REQUESTED, beenSeized: STANDING.BEEN_SEIZED } as const;

const FIELDS = new SnapshotFields((message) => new CrbSnapshotError(message));
const numberOrNull = (locality: number) => (locality === NONE ? null : locality);

/** The state in `memory`; it must not change meanwhile. */
export function takeSnapshot(memory: ArrayBufferLike): CrbSnapshot {
  const { words, data, packet } = mapMemory(memory);
  const numbers = Array.from({ length: LOCALITIES }, (_, locality) => locality);
  return {
    format: CRB_SNAPSHOT_FORMAT,
    formatVersion: CRB_SNAPSHOT_VERSION,
    tpmVersion: VERSIONS[words[WORD.VERSION]!]!,
    ...mapTable(NUMBERS, (word) => words[word]!),
    ...mapTable(FLAG_WORDS, (word) => words[word] !== 0),
    ...mapTable(LOCALITY_OR_NONE, (word) => numberOrNull(words[word]!)),
    state: STATES[words[WORD.STATE]!]!,
    localities: numbers.map((locality) => takeLocality(words, locality * LOCALITY_WORDS)),
    data: data.slice(),
    packet: packet.slice(0, words[WORD.PACKET_LENGTH]!),
  };
}

function takeLocality(words: Int32Array, first: number): CrbLocalitySnapshot {
  return {
    ...mapTable(LOCALITY_NUMBERS, (word) => words[word + first]!),
    ...mapTable(LOCALITY_FLAGS, (bit) => (words[STANDING_BITS + first]! & bit) !== 0),
  };
}

/**
 * The state that a snapshot describes, in memory of its own.
 * @throws {CrbSnapshotError} saying which field is wrong.
 */
export function readSnapshot(snapshot: unknown): ArrayBuffer {
  const fields = FIELDS.record(snapshot, "a snapshot");
  if (fields.format !== CRB_SNAPSHOT_FORMAT) FIELDS.refuse("format", fields.format);
  if (fields.formatVersion !== CRB_SNAPSHOT_VERSION) FIELDS.refuse("formatVersion", fields.formatVersion);
  const memory = new ArrayBuffer(CRB_STATE_BYTES);
  const { words, data, packet } = mapMemory(memory);
  words[WORD.VERSION] = FIELDS.oneOf(VERSIONS, fields.tpmVersion, "tpmVersion");
  words[WORD.STATE] = FIELDS.oneOf(STATES, fields.state, "state");
  FIELDS.fill(words, NUMBERS, fields, (value, name) => FIELDS.int32(value, name));
  FIELDS.fill(words, FLAG_WORDS, fields, (value, name) => FIELDS.flag(value, name));
  FIELDS.fill(words, LOCALITY_OR_NONE, fields, (value, name) => FIELDS.localityOr(NONE, value, name));
  FIELDS.localities(fields.localities, LOCALITIES, (locality, one, path) =>
    readLocality(words.subarray(locality * LOCALITY_WORDS), one, path),
  );
  const wrong = validate({ words });
  if (wrong) FIELDS.inconsistent(wrong);
  data.set(FIELDS.bytes(fields.data, data.length, "data"));
  packet.set(FIELDS.bytes(fields.packet, words[WORD.PACKET_LENGTH]!, "packet"));
  return memory;
}

/** @param words from those of this locality on. */
function readLocality(
  words: Int32Array,
  fields: Record<string, unknown>,
  path: (name: string) => string,
): void {
  FIELDS.fill(words, LOCALITY_NUMBERS, fields, (value, name) => FIELDS.int32(value, path(name)));
  for (const name of namesOf(LOCALITY_FLAGS)) {
    if (FIELDS.flag(fields[name], path(name))) words[STANDING_BITS]! |= LOCALITY_FLAGS[name];
  }
}
