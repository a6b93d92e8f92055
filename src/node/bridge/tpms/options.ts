/** Where the TPMs come from, as the command line says it. */
import { findSwtpm } from "../swtpm-process.ts";
import { chardevTpm } from "./chardev-tpm.ts";
import { hostTpm } from "./host-tpm.ts";
import { ownSwtpm } from "./own-swtpm.ts";
import { parseRunningSwtpm, runningSwtpms } from "./running-swtpm.ts";
import type { TpmSource } from "./source.ts";

/** The command line is wrong. */
export class UsageError extends Error {}

/** For `parseArgs` of node:util. */
export const SOURCE_OPTIONS = {
  swtpm: { type: "string" },
  connect: { type: "string", multiple: true },
  chardev: { type: "string" },
  tpm: { type: "string" },
  allow: { type: "string", multiple: true },
  deny: { type: "string", multiple: true },
  "cancel-path": { type: "string" },
} as const;

export interface SourceOptions {
  swtpm?: string | undefined;
  connect?: readonly string[] | undefined;
  chardev?: string | undefined;
  tpm?: string | undefined;
  allow?: readonly string[] | undefined;
  deny?: readonly string[] | undefined;
  "cancel-path"?: string | undefined;
}

/** @throws {UsageError} {SwtpmStartError} when swtpm is needed and missing. */
export function sourceOf(options: SourceOptions): TpmSource {
  const { connect = [], swtpm, chardev, tpm, allow = [], deny = [], "cancel-path": cancelPath } = options;
  const sources = Object.entries({ swtpm, connect: connect.length > 0, chardev, tpm }).filter(
    ([, given]) => given,
  );
  if (sources.length > 1)
    throw new UsageError(
      `--${sources.map(([name]) => name).join(" and --")} are different TPMs: use one of them`,
    );
  if (!tpm && (allow.length > 0 || deny.length > 0 || cancelPath))
    throw new UsageError("--allow, --deny and --cancel-path go with --tpm");
  if (connect.length > 0)
    return runningSwtpms(connect.map((text) => asUsage("--connect", () => parseRunningSwtpm(text))));
  if (chardev) return chardevTpm(chardev);
  if (tpm)
    return asUsage("--allow and --deny", () =>
      hostTpm({
        path: tpm,
        ...(allow.length > 0 && { allow: words(allow) }),
        deny: words(deny),
        ...(cancelPath && { cancelPath }),
      }),
    );
  findSwtpm(swtpm);
  return ownSwtpm(swtpm);
}

/** Lists separated by commas, as one. */
const words = (lists: readonly string[]) => lists.flatMap((list) => list.split(",")).filter(Boolean);

/** @throws {UsageError} with the option's name instead of a RangeError. */
export function asUsage<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`${option}: ${error.message}`);
    throw error;
  }
}
