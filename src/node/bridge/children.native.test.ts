/** What becomes of swtpm when a program that does not care about signals ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { isAlive, until } from "./test-server.ts";

const PROGRAM = `
  import { spawnSwtpm } from ${JSON.stringify(join(import.meta.dirname, "swtpm-process.ts"))};
  const swtpm = await spawnSwtpm({ version: "2.0" });
  console.log(JSON.stringify({ pid: swtpm.pid, stateDir: swtpm.stateDir }));
`;

it.each([
  ["SIGTERM", "setInterval(() => {}, 1000);", [null, "SIGTERM"]],
  ["SIGINT", "setInterval(() => {}, 1000);", [null, "SIGINT"]],
  ["SIGTERM", 'process.once("SIGTERM", () => setTimeout(() => process.exit(7), 100));', [7, null]],
  [undefined, "process.exit(3);", [3, null]],
  [undefined, 'setTimeout(() => { throw new Error("a bug"); });', [1, null]],
] as const)("ends with its parent: signal %s, %s", { timeout: 20_000 }, async (signal, rest, outcome) => {
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", PROGRAM + rest], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  const [line] = await once(child.stdout, "data");
  const { pid, stateDir } = JSON.parse(String(line)) as { pid: number; stateDir: string };
  if (signal) {
    expect(isAlive(pid)).toBe(true);
    child.kill(signal);
  }
  expect(await ended).toEqual(outcome);
  await until(() => !isAlive(pid), "the end of swtpm");
  expect(existsSync(stateDir)).toBe(false);
});
