/** How a tool ends when it cannot do what it was asked for. */
import { SwtpmStartError } from "../bridge/swtpm-process.ts";
import { SetUpError } from "../images/set-up-error.ts";
import { UsageError } from "./usage-error.ts";

/** Ends the process with 1: expected errors in words, all others with their stack, which is for whoever mends them. */
export function complain(error: Error & { code?: string }): never {
  const expected =
    error instanceof UsageError ||
    error instanceof SetUpError ||
    error instanceof SwtpmStartError ||
    error.code?.startsWith("ERR_PARSE_ARGS");
  console.error(expected ? `\n${error.message}` : (error.stack ?? error.message));
  process.exit(process.exitCode ?? 1);
}
