/** What the hidden machine costs while nobody asks it for anything, and that it ends with what started it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { perform } from "./outcome.ts";
import { startHidden, type TpmServer } from "./servers.ts";

const SECONDS = 10;
/** Share of one processor. The machine looks at its clock ten times a second. */
const MOST_CPU = 0.05;
/** Linux's unit of processor time in /proc (sysconf(_SC_CLK_TCK)), in seconds. */
const TICK = 0.01;
/** Let the engine finish compiling what has just run, in milliseconds. */
const SETTLE_MS = 3000;

let server: TpmServer | undefined;
afterEach(async () => void (await server?.stop()));

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The process that serves: the last of those that one `npm run` starts. */
function leaf(pid: number): number {
  try {
    const children = execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" })
      .trim()
      .split("\n");
    return leaf(Number(children[0]));
  } catch {
    return pid;
  }
}

/** Seconds of processor time that a process has used. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

it("uses next to no processor time when idle, and leaves nothing behind", async () => {
  server = await startHidden("2.0");
  const pid = leaf(server.pid);
  expect((await perform({ run: "tpm2_startup -c" }, server.port, "/tmp")).code).toBe(0);
  await sleep(SETTLE_MS);
  const before = processorTime(pid);
  await sleep(1000 * SECONDS);
  const share = (processorTime(pid) - before) / SECONDS;
  console.log(`idle: ${(100 * share).toFixed(1)} % of one processor`);
  expect(share).toBeLessThan(MOST_CPU);
  // It still answers.
  expect((await perform({ run: "tpm2_getrandom --hex 4" }, server.port, "/tmp")).code).toBe(0);
  expect(await server.stop()).toBe(0);
  expect(() => process.kill(pid, 0)).toThrow();
});
