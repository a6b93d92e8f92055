/** What the hidden machine costs while nobody asks it for anything, and that it ends with what started it. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { afterEach, expect, it } from "vitest";
import { idleShare } from "./idle-share.ts";
import { perform } from "./outcome.ts";
import { startHidden, type TpmServer } from "./servers.ts";

/** Share of one processor. The machine looks at its clock ten times a second. */
const MOST_CPU = 0.05;
/** Linux's unit of processor time in /proc (sysconf(_SC_CLK_TCK)), in seconds. */
const TICK = 0.01;

let server: TpmServer | undefined;
afterEach(async () => void (await server?.stop()));

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
  const share = await idleShare(async () => processorTime(pid), MOST_CPU);
  console.log(`idle: ${(100 * share).toFixed(1)} % of one processor`);
  // It still answers.
  expect((await perform({ run: "tpm2_getrandom --hex 4" }, server.port, "/tmp")).code).toBe(0);
  expect(await server.stop()).toBe(0);
  expect(() => process.kill(pid, 0)).toThrow();
});
