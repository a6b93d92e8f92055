/** The command line of `npm test` and of its parts. */
import { parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

/** Parts of the tests, in the order of the whole. */
const PARTS = ["check", "unit", "long", "native", "machine", "e2e"] as const;
export type TestPart = (typeof PARTS)[number];

export interface TestOptions {
  parts: readonly TestPart[];
  /** What paths of test files have to contain; all do if there is none. */
  files: readonly string[];
}

export const USAGE = `usage: npm test [-- --part PART ...]
       npm run PART [-- FILE ...]

Without a part everything runs. The parts:

  check    formatting and lint, types, unused code
  unit     tests that need nothing but Node and take a moment
  long     tests that need nothing but Node and take longer
  native   tests with swtpm and other programs of this host
  machine  tests that boot machines: firmware, kernels and guest
  e2e      comparisons with other programs, and the page in Chromium

FILE takes only the test files whose path contains it.`;

/**
 * @returns `undefined` when help was asked for.
 * @throws {UsageError} in words.
 */
export function parseTestOptions(args: string[]): TestOptions | undefined {
  const { values, positionals } = parse(args);
  if (values.help) return undefined;
  const unknown = values.part?.find((part) => !PARTS.some((known) => known === part));
  if (unknown !== undefined) throw new UsageError(`--part takes ${PARTS.join(", ")}, not '${unknown}'`);
  const parts = PARTS.filter((part) => values.part?.includes(part) ?? true);
  if (positionals.length > 0 && parts.includes("check")) {
    throw new UsageError(`checks are of the whole tree: name a part to run only '${positionals[0]}' of`);
  }
  return { parts, files: positionals };
}

function parse(args: string[]) {
  const options = { part: { type: "string", multiple: true }, help: { type: "boolean" } } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}
