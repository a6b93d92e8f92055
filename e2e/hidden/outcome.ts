/** Runs a step against one TPM, and tells everything about it that must be the same for another one. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { masked } from "./masks.ts";
import type { Step } from "./steps.ts";

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const PRELUDE = here("prelude.sh");
const STEP_LIMIT_MS = 120_000;

export interface Outcome {
  run: string;
  code: number | null;
  output: string;
  errors: string;
  /** Contents in hex of the files that do not depend on chance. */
  files: Record<string, string>;
}

export async function perform(step: Step, port: number, directory: string): Promise<Outcome> {
  const env = {
    ...process.env,
    TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}`,
    DATA_PORT: String(port),
    CONTROL_PORT: String(port + 1),
    RELAY: here("relay.sh"),
  };
  const child = spawn("bash", ["-c", `source ${PRELUDE}; ${step.run}`], {
    cwd: directory,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: STEP_LIMIT_MS,
  });
  const read = async (stream: NodeJS.ReadableStream) => {
    let text = "";
    for await (const piece of stream.setEncoding("utf8")) text += piece;
    return text;
  };
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [output, errors, code] = await Promise.all([read(child.stdout), read(child.stderr), ended]);
  const places = { directory, "data port": String(port), "control port": String(port + 1) };
  const files = (code === 0 ? (step.same ?? []) : []).map((name) => [
    name,
    readFileSync(join(directory, name)).toString("hex"),
  ]);
  return {
    run: step.run,
    code,
    output: masked(output, places),
    errors: masked(errors, places),
    files: Object.fromEntries(files),
  };
}
