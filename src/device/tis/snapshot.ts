/**
 * The device's state as plain data with names: what is stored, sent to another machine, and compared. Readable
 * without this code, and checked before it is used again.
 */
import { mapTable, namesOf, SnapshotFields } from "../frontend/snapshot-fields.ts";
import {
  ACCESS_BITS,
  INT_ENABLE_BITS,
  INT_STATUS_BITS,
  LOCALITY_WORDS,
  mapMemory,
  NONE,
  OWED_ABANDONED,
  OWED_ANSWER,
  OWED_NOTHING,
  STATE,
  STS_BITS,
  TIS_STATE_BYTES,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { LOCALITIES, type TpmVersion } from "./ports.ts";
import { ACCESS } from "./registers.ts";
import { EXECUTION, STATES, type TisState } from "./states.ts";
import { validate } from "./validate.ts";

export const TIS_SNAPSHOT_FORMAT = "webtpm-tis";
/** Raised when fields change their meaning. */
export const TIS_SNAPSHOT_VERSION = 1;

export interface TisLocalitySnapshot {
  state: TisState;
  /** TPM_STS without burstCount, tpmFamily and selfTestDone. */
  sts: number;
  activeLocality: boolean;
  requestUse: boolean;
  beenSeized: boolean;
  /** A seize that waits until the running command is answered. */
  seize: boolean;
  intEnable: number;
  intStatus: number;
}

export interface TisSnapshot {
  format: typeof TIS_SNAPSHOT_FORMAT;
  formatVersion: typeof TIS_SNAPSHOT_VERSION;
  tpmVersion: TpmVersion;
  bufferSize: number;
  established: boolean;
  irqNumber: number;
  irqRaised: boolean;
  interfaceLocked: boolean;
  selfTestDone: boolean;
  /** `null` stands for no locality. */
  activeLocality: number | null;
  abortingLocality: number | null;
  nextLocality: number | null;
  fifoOffset: number;
  packetLength: number;
  /**
   * A command runs: an answer to `complete` is due after `restore`. `abandoned` when nobody waits for it any more;
   * a locality in state execution has another command then, which is handed out when the answer has come.
   */
  execution: { locality: number | null; abandoned: boolean } | null;
  localities: TisLocalitySnapshot[];
  /** The whole FIFO. */
  fifo: Uint8Array;
}

/** What was given to `TisDevice.restore` is no snapshot of a device's state. */
export class TisSnapshotError extends Error {
  override name = "TisSnapshotError";
}

/** Names of the fields that are kept as they are, and their words. */
const NUMBERS = {
  bufferSize: WORD.BUFFER_SIZE,
  irqNumber: WORD.IRQ_NUMBER,
  fifoOffset: WORD.OFFSET,
  packetLength: WORD.PACKET_LENGTH,
} as const;
const FLAGS = {
  established: WORD.ESTABLISHED,
  irqRaised: WORD.IRQ_LEVEL,
  interfaceLocked: WORD.INTERFACE_LOCKED,
  selfTestDone: WORD.SELF_TEST_DONE,
} as const;
const LOCALITY_OR_NONE = {
  activeLocality: WORD.ACTIVE,
  abortingLocality: WORD.ABORTING,
  nextLocality: WORD.NEXT,
} as const;
const LOCALITY_NUMBERS = { sts: STS_BITS, intEnable: INT_ENABLE_BITS, intStatus: INT_STATUS_BITS } as const;
const LOCALITY_FLAGS = {
  activeLocality: ACCESS.ACTIVE_LOCALITY,
  requestUse: ACCESS.REQUEST_USE,
  beenSeized: ACCESS.BEEN_SEIZED,
  seize: ACCESS.SEIZE,
} as const;

const FIELDS = new SnapshotFields((message) => new TisSnapshotError(message));
const numberOrNull = (locality: number) => (locality === NONE ? null : locality);

/** The state in `memory`; it must not change meanwhile. */
export function takeSnapshot(memory: ArrayBufferLike): TisSnapshot {
  const { words, fifo } = mapMemory(memory);
  const numbers = Array.from({ length: LOCALITIES }, (_, locality) => locality);
  const localities = numbers.map((locality) => takeLocality(words, locality * LOCALITY_WORDS));
  const executing = localities.findIndex(({ state }) => state === STATES[EXECUTION]);
  const owed = words[WORD.OWED]!;
  return {
    format: TIS_SNAPSHOT_FORMAT,
    formatVersion: TIS_SNAPSHOT_VERSION,
    tpmVersion: VERSIONS[words[WORD.VERSION]!]!,
    ...mapTable(NUMBERS, (word) => words[word]!),
    ...mapTable(FLAGS, (word) => words[word] !== 0),
    ...mapTable(LOCALITY_OR_NONE, (word) => numberOrNull(words[word]!)),
    execution:
      owed === OWED_NOTHING
        ? null
        : { locality: numberOrNull(executing), abandoned: owed === OWED_ABANDONED },
    localities,
    fifo: fifo.slice(),
  };
}

function takeLocality(words: Int32Array, first: number): TisLocalitySnapshot {
  return {
    state: STATES[words[STATE + first]!]!,
    ...mapTable(LOCALITY_NUMBERS, (word) => words[word + first]!),
    ...mapTable(LOCALITY_FLAGS, (bit) => (words[ACCESS_BITS + first]! & bit) !== 0),
  };
}

/**
 * The state that a snapshot describes, in memory of its own.
 * @throws {TisSnapshotError} saying which field is wrong.
 */
export function readSnapshot(snapshot: unknown): ArrayBuffer {
  const fields = FIELDS.record(snapshot, "a snapshot");
  if (fields.format !== TIS_SNAPSHOT_FORMAT) FIELDS.refuse("format", fields.format);
  if (fields.formatVersion !== TIS_SNAPSHOT_VERSION) FIELDS.refuse("formatVersion", fields.formatVersion);
  const memory = new ArrayBuffer(TIS_STATE_BYTES);
  const { words, fifo } = mapMemory(memory);
  words[WORD.VERSION] = FIELDS.oneOf(VERSIONS, fields.tpmVersion, "tpmVersion");
  FIELDS.fill(words, NUMBERS, fields, (value, name) => FIELDS.int32(value, name));
  FIELDS.fill(words, FLAGS, fields, (value, name) => FIELDS.flag(value, name));
  FIELDS.fill(words, LOCALITY_OR_NONE, fields, (value, name) => FIELDS.localityOr(NONE, value, name));
  FIELDS.localities(fields.localities, LOCALITIES, (locality, one, path) =>
    readLocality(words.subarray(locality * LOCALITY_WORDS), one, path),
  );
  words[WORD.OWED] = readExecution(fields.execution);
  fifo.set(FIELDS.bytes(fields.fifo, fifo.length, "fifo"));
  const wrong = validate({ words });
  if (wrong) FIELDS.inconsistent(wrong);
  return memory;
}

/** @param words from those of this locality on. */
function readLocality(
  words: Int32Array,
  fields: Record<string, unknown>,
  path: (name: string) => string,
): void {
  words[STATE] = FIELDS.oneOf(STATES, fields.state, path("state"));
  FIELDS.fill(words, LOCALITY_NUMBERS, fields, (value, name) => FIELDS.int32(value, path(name)));
  for (const name of namesOf(LOCALITY_FLAGS)) {
    if (FIELDS.flag(fields[name], path(name))) words[ACCESS_BITS]! |= LOCALITY_FLAGS[name];
  }
}

function readExecution(execution: unknown): number {
  if (execution === null) return OWED_NOTHING;
  const { abandoned } = FIELDS.record(execution, "execution");
  return FIELDS.flag(abandoned, "execution.abandoned") ? OWED_ABANDONED : OWED_ANSWER;
}
