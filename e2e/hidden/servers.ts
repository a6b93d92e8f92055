/** The two TPMs: native swtpm, and the hidden machine's as `npm run swtpm` serves it. Both with ports P and P + 1. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The program that stands behind `npm run …`. */
const RUN = fileURLToPath(new URL("../../src/node/tools/run.mjs", import.meta.url));
const START_LIMIT_MS = 120_000;
const END_LIMIT_MS = 20_000;

export interface TpmServer {
  /** Of the data channel; the control channel is on the next one. */
  port: number;
  /** Of the program that was started, which may have started others. */
  pid: number;
  /** Ends it. @returns its exit code. */
  stop(): Promise<number | null>;
  /** Resolves when it has ended by itself. */
  exited: Promise<number | null>;
}

/** Below the ports that the system gives to connections of its own. */
const PORTS = { first: 20_000, count: 10_000 };

/** Two free ports, one after the other, as tpm2-tools expect them. */
async function portPair(): Promise<number> {
  for (;;) {
    const port = PORTS.first + 2 * Math.floor((Math.random() * PORTS.count) / 2);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

export async function startNative(version: "2.0" | "1.2", extra: string[] = []): Promise<TpmServer> {
  const port = await portPair();
  const state = mkdtempSync(join(tmpdir(), "webtpm-native-"));
  const args = ["socket", ...(version === "2.0" ? ["--tpm2"] : []), "--tpmstate", `dir=${state}`];
  args.push("--server", `type=tcp,port=${port}`, "--ctrl", `type=tcp,port=${port + 1}`, ...extra);
  const child = spawn("swtpm", args, { stdio: "ignore" });
  const server = watch(child, port);
  server.exited.then(() => rmSync(state, { recursive: true, force: true }));
  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await listens(port + 1))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error("swtpm does not listen");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return server;
}

export async function startHidden(version: "2.0" | "1.2", extra: string[] = []): Promise<TpmServer> {
  const port = await portPair();
  const args = [
    RUN,
    "swtpm",
    "--port",
    `${port}`,
    "--control-port",
    `${port + 1}`,
    "--tpm",
    version,
    ...extra,
  ];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const server = watch(child, port);
  await new Promise<void>((resolve, reject) => {
    const fail = (what: string) => reject(new Error(`npm run swtpm ${what}: ${said}`));
    const timer = setTimeout(() => fail("was not ready in time"), START_LIMIT_MS);
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (!/^ready/m.test(said)) return;
      clearTimeout(timer);
      resolve();
    });
    child.once("exit", (code) => fail(`ended with exit code ${code}`));
  });
  return server;
}

function watch(child: ChildProcess, port: number): TpmServer {
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), END_LIMIT_MS);
      await exited;
      clearTimeout(timer);
    }
    return exited;
  };
  return { port, pid: child.pid ?? 0, exited, stop };
}
