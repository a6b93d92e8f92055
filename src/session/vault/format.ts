/**
 * The formats of what is stored and exported, by name and version; and how a value of one is read: older ones are
 * brought up to date, newer and broken ones are refused.
 */
import * as v from "valibot";
import { BUNDLE } from "../reading/limits.ts";
import { count, dateTime, flaw, list, text, whole } from "../reading/numbers.ts";
import { VaultDamagedError, VaultNewerError } from "./errors.ts";
import type { MachineSettings } from "./types.ts";

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
    const step = Object.hasOwn(format.migrations, at) ? format.migrations[at] : undefined;
    if (!step) throw new VaultDamagedError(what, `there never was a format version ${at}`);
    fields = { ...step(fields), format: name, formatVersion: at + 1 };
  }
  const result = v.safeParse(format.schema, fields, { abortEarly: true });
  if (result.success) return result.output;
  const { where = "it", what: words } = flaw(result.issues[0]);
  throw new VaultDamagedError(what, `${where} is wrong (${words})`);
}

/** The value as it is stored. */
export function writeFormat<T extends object>(format: Format<v.GenericSchema>, value: T) {
  return { ...value, format: format.name, formatVersion: format.version };
}

const words = text(BUNDLE.text);
export const tpmVersion = v.picklist(["2.0", "1.2"]);

/** What is wrong with settings; they are walked without recursion, as deep as somebody may have nested them. */
function flawOfSettings(settings: unknown): string | undefined {
  const left: [value: unknown, depth: number][] = [[settings, 0]];
  let values = 0;
  for (let next = left.pop(); next; next = left.pop()) {
    const [value, depth] = next;
    if (++values > BUNDLE.settings) return `more than ${BUNDLE.settings} values`;
    if (depth > BUNDLE.settingsDepth) return `values nested more than ${BUNDLE.settingsDepth} deep`;
    if (typeof value === "string" && value.length > BUNDLE.setting)
      return `a text of more than ${BUNDLE.setting} characters`;
    if (typeof value === "number" && !Number.isFinite(value)) return "a number without an end";
    if (typeof value !== "object" || value === null) {
      if (value !== null && !["string", "number", "boolean"].includes(typeof value))
        return "what no JSON has";
      continue;
    }
    const inner = Array.isArray(value) ? value : Object.values(value);
    if (inner.length > BUNDLE.settings) return `more than ${BUNDLE.settings} values`;
    for (const one of inner) left.push([one, depth + 1]);
  }
  return undefined;
}

export const settings: v.GenericSchema<MachineSettings> = v.pipe(
  v.custom<MachineSettings>(
    (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    "must be an object",
  ),
  v.check(
    (value) => flawOfSettings(value) === undefined,
    ({ input }) => `must not have ${flawOfSettings(input)}`,
  ),
);

/**
 * A date in the page's own storage. Pages have stored dates of files that no calendar has: a machine is worth more than
 * its date, which counts as unknown then, and is another at the next change.
 */
const storedTime = v.pipe(
  v.number(),
  v.transform((time) => (v.is(dateTime, time) ? time : 0)),
);

export const MACHINE_FORMAT = {
  name: "webtpm-machine",
  version: 1,
  schema: v.object({
    id: words,
    name: words,
    tpmVersion,
    created: storedTime,
    changed: storedTime,
    settings,
    tpmSize: count(),
    snapshotSize: count(),
  }),
  migrations: {},
} satisfies Format<v.GenericSchema>;

export const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex"));
/** A blob's description; the blob itself is beside it, under the same name. */
const flags = whole(0, 0xffff_ffff);
const blob = v.object({ size: count(BUNDLE.blob), sha256, flags });

const tpm = (time: v.GenericSchema<unknown, number>) =>
  ({
    name: "webtpm-tpm",
    version: 1,
    schema: v.object({
      version: tpmVersion,
      description: words,
      time,
      blobs: v.object({ permanent: blob, volatile: blob, savestate: blob }),
    }),
    migrations: {},
  }) satisfies Format<v.GenericSchema>;
/** The state of a TPM without its blobs, as it is stored. */
export const TPM_FORMAT = tpm(storedTime);
/** The same in a file from anybody. */
export const TPM_IN_FILE = tpm(dateTime);
export type TpmDescription = v.InferOutput<typeof TPM_FORMAT.schema>;

const flash = (time: v.GenericSchema<unknown, number>) =>
  ({
    name: "webtpm-flash",
    version: 1,
    schema: v.object({ size: count(BUNDLE.blob), sha256, time }),
    migrations: {},
  }) satisfies Format<v.GenericSchema>;
/** The flash with UEFI firmware's variables, without its bytes, as it is stored. */
export const FLASH_FORMAT = flash(storedTime);
/** The same in a file from anybody. */
export const FLASH_IN_FILE = flash(dateTime);
export type FlashDescription = v.InferOutput<typeof FLASH_FORMAT.schema>;

const PARTS = ["device", "permanent", "volatile", "savestate", "eventlog", "ppi", "emulator"] as const;
const part = v.object({
  name: v.picklist(PARTS),
  size: count(),
  sha256,
  storedSize: count(),
  compression: v.picklist(["none", "gzip"]),
});

const snapshot = (time: v.GenericSchema<unknown, number>) =>
  ({
    name: "webtpm-snapshot",
    version: 2,
    schema: v.object({
      id: words,
      machineId: words,
      name: words,
      time,
      reason: v.picklist(["hand", "timer", "hidden"]),
      tpmVersion,
      description: words,
      /** The guest's, in microticks. */
      clock: v.pipe(v.number(), v.finite(), v.minValue(0)),
      settings,
      /** swtpm's flags of the three blobs. */
      flags: v.object({ permanent: flags, volatile: flags, savestate: flags }),
      parts: v.pipe(
        list(part, PARTS.length),
        v.check(
          (parts) => new Set(parts.map(({ name }) => name)).size === parts.length,
          "must have each part once",
        ),
      ),
      storedSize: count(),
    }),
    // Version 2 has a part more, "ppi".
    migrations: { 1: (value) => value },
  }) satisfies Format<v.GenericSchema>;
/** A snapshot without its parts, as it is stored. */
export const SNAPSHOT_FORMAT = snapshot(storedTime);
/** The same in a file from anybody. */
export const SNAPSHOT_IN_FILE = snapshot(dateTime);
export type SnapshotDescription = v.InferOutput<typeof SNAPSHOT_FORMAT.schema>;
export type PartDescription = v.InferOutput<typeof part>;
