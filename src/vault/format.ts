/**
 * The formats of what is stored and exported, by name and version; and how a value of one is read: older ones are
 * brought up to date, newer and broken ones are refused.
 */
import * as v from "valibot";
import { VaultDamagedError, VaultNewerError } from "./errors.ts";
import type { Json, MachineSettings } from "./types.ts";

/** One step of a migration: makes version n + 1 of a value of version n. */
export type Migration = (value: Record<string, unknown>) => Record<string, unknown>;

export interface Format<Schema extends v.GenericSchema> {
  name: string;
  /** Raised when fields change their meaning; a step in `migrations` then leads there from the version before. */
  version: number;
  schema: Schema;
  /** By the version that they start from. */
  migrations: Readonly<Record<number, Migration>>;
}

/**
 * Reads a value of `format`.
 * @param what the thing for people, as the beginning of a sentence: `the machine "PC"`.
 * @throws {VaultNewerError} {VaultDamagedError}
 */
export function readFormat<Schema extends v.GenericSchema>(
  format: Format<Schema>,
  value: unknown,
  what: string,
): v.InferOutput<Schema> {
  if (typeof value !== "object" || value === null)
    throw new VaultDamagedError(what, "there is no record in it");
  let fields = value as Record<string, unknown>;
  const { format: name, formatVersion: version } = fields;
  if (name !== format.name) throw new VaultDamagedError(what, `its format is not "${format.name}"`);
  if (!Number.isInteger(version))
    throw new VaultDamagedError(what, "it does not say which format version it has");
  if ((version as number) > format.version)
    throw new VaultNewerError(what, version as number, format.version);
  for (let at = version as number; at < format.version; at++) {
    const step = format.migrations[at];
    if (!step) throw new VaultDamagedError(what, `there never was a format version ${at}`);
    fields = { ...step(fields), format: name, formatVersion: at + 1 };
  }
  const result = v.safeParse(format.schema, fields);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new VaultDamagedError(what, `${v.getDotPath(issue) ?? "it"} is wrong (${issue.message})`);
}

/** The value as it is stored. */
export function writeFormat<T extends object>(format: Format<v.GenericSchema>, value: T) {
  return { ...value, format: format.name, formatVersion: format.version };
}

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const text = v.string();
export const tpmVersion = v.picklist(["2.0", "1.2"]);

const json: v.GenericSchema<Json> = v.lazy(() =>
  v.union([v.null(), v.boolean(), v.number(), v.string(), v.array(json), v.record(v.string(), json)]),
);
export const settings: v.GenericSchema<MachineSettings> = v.record(v.string(), json);

export const MACHINE_FORMAT = {
  name: "webtpm-machine",
  version: 1,
  schema: v.object({
    id: text,
    name: text,
    tpmVersion,
    created: count,
    changed: count,
    settings,
    tpmSize: count,
    snapshotSize: count,
  }),
  migrations: {},
} satisfies Format<v.GenericSchema>;

const sha256 = v.pipe(text, v.regex(/^[0-9a-f]{64}$/));
/** A blob's description; the blob itself is beside it, under the same name. */
const blob = v.object({ size: count, sha256, flags: count });

/** The state of a TPM without its blobs. */
export const TPM_FORMAT = {
  name: "webtpm-tpm",
  version: 1,
  schema: v.object({
    version: tpmVersion,
    description: text,
    time: count,
    blobs: v.object({ permanent: blob, volatile: blob, savestate: blob }),
  }),
  migrations: {},
} satisfies Format<v.GenericSchema>;
export type TpmDescription = v.InferOutput<typeof TPM_FORMAT.schema>;

const part = v.object({
  name: v.picklist(["device", "permanent", "volatile", "savestate", "eventlog", "emulator"]),
  size: count,
  sha256,
  storedSize: count,
  compression: v.picklist(["none", "gzip"]),
});

/** A snapshot without its parts. */
export const SNAPSHOT_FORMAT = {
  name: "webtpm-snapshot",
  version: 1,
  schema: v.object({
    id: text,
    machineId: text,
    name: text,
    time: count,
    reason: v.picklist(["hand", "timer", "hidden"]),
    tpmVersion,
    description: text,
    clock: v.number(),
    settings,
    /** swtpm's flags of the three blobs. */
    flags: v.object({ permanent: count, volatile: count, savestate: count }),
    parts: v.array(part),
    storedSize: count,
  }),
  migrations: {},
} satisfies Format<v.GenericSchema>;
export type SnapshotDescription = v.InferOutput<typeof SNAPSHOT_FORMAT.schema>;
export type PartDescription = v.InferOutput<typeof part>;
