/** Children and files of a comparison, all gone after `close`, or when this process ends. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { endWithThisProcess } from "../../src/node/bridge/children.ts";
import { sleep, withTimeout } from "./timeout.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const START_MS = 30_000;

export class Processes {
  readonly directory = mkdtempSync(join(tmpdir(), "webtpm-conformance-"));
  readonly #children: ChildProcess[] = [];
  readonly #forget: (() => void)[] = [];

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Starts a program in the project's folder; what it says is shown when it fails. */
  start(program: string, args: string[]): ChildProcess {
    const child = spawn(program, args, { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-2000);
    });
    child.once("error", (error) => console.error(`${program} cannot be started: ${error.message}`));
    child.once("exit", (code) => {
      if (code) console.error(`${program} ended with exit code ${code}:\n${errors}`);
    });
    this.#children.push(child);
    this.#forget.push(endWithThisProcess(child, () => this.#removeFiles()));
    return child;
  }

  async close(): Promise<void> {
    const running = this.#children.filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
    const ended = running.map((child) => once(child, "exit"));
    for (const child of running) child.kill("SIGKILL");
    await Promise.all(ended);
    for (const forget of this.#forget) forget();
    this.#removeFiles();
  }

  #removeFiles(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Waits until a file is there. */
export async function appears(path: string): Promise<void> {
  const found = async () => {
    while (!existsSync(path)) await sleep(5);
  };
  await withTimeout(found(), START_MS, `${path} does not appear`);
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
