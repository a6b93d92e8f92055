/**
 * swtpm as a child process. It inherits both channels as socket pairs, so that nothing listens anywhere, it can be
 * talked to from the start, and it ends when its data channel closes, even when this process is killed.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import type { Socket } from "node:net";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { BackendInfo } from "../../backend/port.ts";
import { endWithThisProcess } from "./children.ts";
import { makeStateDirectory, removeStateDirectory } from "./state-directory.ts";
import { type SocketChannel, socketChannel } from "./tcp-channel.ts";

export interface SpawnSwtpmOptions {
  version: BackendInfo["version"];
  /** Where swtpm keeps its state files. Without it, a private directory that is removed at the end. */
  stateDir?: string;
  /** The program; default `swtpm` on the PATH. */
  program?: string;
  /** More arguments, e.g. `["--log", "file=swtpm.log,level=20"]`. */
  args?: string[];
}

export interface SwtpmProcess {
  readonly pid: number;
  readonly version: BackendInfo["version"];
  readonly stateDir: string;
  /** Resolves once the process has ended, with the reason in words. */
  readonly exited: Promise<string>;
  /** Resolves, with the reason in words, once swtpm could not write its state: its TPM answers nothing any more. */
  readonly spoilt: Promise<string>;
  /** Ends the process and removes its private directory. Can be called more than once. */
  stop(): Promise<void>;
}

/** A process whose two channels are ours. */
export interface SwtpmChild extends SwtpmProcess {
  readonly channels: Record<"control" | "data", SocketChannel>;
}

/** swtpm is not installed, or ended before it could be used. */
export class SwtpmStartError extends Error {
  override name = "SwtpmStartError";
}

const PROGRAM = "swtpm";
/** File descriptors of the channels in the child. */
const CONTROL_FD = 3;
const DATA_FD = 4;
/** How long swtpm may take to end by itself, and after SIGTERM, in milliseconds. */
const GRACE = 500;

/** Finds a program as the shell does. */
export function findProgram(name: string): string | undefined {
  if (name.includes("/")) return existsSync(name) ? name : undefined;
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(existsSync);
}

/** @throws {SwtpmStartError} with what to install when swtpm is missing. */
export function findSwtpm(program = PROGRAM): string {
  const path = findProgram(program);
  if (path) return path;
  throw new SwtpmStartError(
    `${program} is not installed. On Debian and Ubuntu: apt-get install swtpm (package "swtpm")`,
  );
}

const versions = new Map<string, Promise<string>>();

/** Name and version of the program, e.g. "swtpm 0.7.1". @throws {SwtpmStartError} when it is missing. */
export async function swtpmVersion(program = PROGRAM): Promise<string> {
  const path = findSwtpm(program);
  const known = versions.get(path) ?? askVersion(path);
  versions.set(path, known);
  return known;
}

async function askVersion(path: string): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: 5000 });
    const number = /\d+(\.\d+)+/.exec(stdout)?.[0];
    return number ? `swtpm ${number}` : "swtpm";
  } catch {
    // It is there; whether it works shows when it is started.
    return "swtpm";
  }
}

/** Arguments that every swtpm of ours gets. */
export function swtpmArguments(version: BackendInfo["version"], stateDir: string): string[] {
  return ["socket", ...(version === "2.0" ? ["--tpm2"] : []), "--tpmstate", `dir=${stateDir}`];
}

/** How swtpm says that a state file could not be written; libtpms goes into its failure mode then. */
const NOT_WRITTEN = /SWTPM_NVRAM_StoreData: Error \(fatal\)|No space left on device|Disk quota exceeded/;

/** What swtpm said first and last: the cause tends to be there. */
function shorten(text: string): string {
  return text.length <= 500 ? text : `${text.slice(0, 200)} … ${text.slice(-200)}`;
}

/** Watches a child: its end in words, and how to bring it about. */
export function superviseSwtpm(
  child: ChildProcess,
  version: BackendInfo["version"],
  stateDir: string,
  ownsDirectory: boolean,
): SwtpmProcess {
  let errors = "";
  let spoil: (reason: string) => void;
  const spoilt = new Promise<string>((resolve) => {
    spoil = resolve;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    errors = shorten(errors + text);
    if (NOT_WRITTEN.test(errors))
      spoil(`the TPM's state cannot be written to ${dirname(stateDir)}: it is full. Make room there`);
  });
  const cleanUp = () => {
    if (ownsDirectory) removeStateDirectory(stateDir);
  };
  const forget = endWithThisProcess(child, cleanUp);
  const exited = new Promise<string>((resolve) => {
    const ended = (reason: string) => {
      forget();
      cleanUp();
      resolve(errors ? `${reason}: ${errors.trim().replace(/\s+/g, " ")}` : reason);
    };
    child.once("error", (error) => ended(`swtpm could not be started: ${error.message}`));
    child.once("close", (code, signal) =>
      ended(signal ? `swtpm was killed by ${signal}` : `swtpm ended with exit code ${code}`),
    );
  });
  const stop = async () => {
    const alive = () => child.exitCode === null && child.signalCode === null && child.pid !== undefined;
    for (const signal of [undefined, "SIGTERM", "SIGKILL"] as const) {
      if (!alive()) break;
      if (signal) child.kill(signal);
      const timer = new AbortController();
      await Promise.race([exited, delay(GRACE, timer.signal)]);
      timer.abort();
    }
    await exited;
  };
  return { pid: child.pid ?? 0, version, stateDir, exited, spoilt, stop };
}

function delay(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => clearTimeout(timer));
  });
}

/**
 * Starts swtpm without powering the TPM on (CMD_INIT is the client's): state blobs can be set first.
 * @throws {SwtpmStartError} when swtpm is not installed or cannot be run. {StateDirectoryError} when there is no room.
 */
export async function spawnSwtpm(options: SpawnSwtpmOptions): Promise<SwtpmChild> {
  const program = findSwtpm(options.program);
  const stateDir = options.stateDir ?? makeStateDirectory();
  const child = spawn(
    program,
    [
      ...swtpmArguments(options.version, stateDir),
      ...["--ctrl", `type=unixio,clientfd=${CONTROL_FD}`, "--fd", String(DATA_FD)],
      ...(options.args ?? []),
    ],
    { stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"] },
  );
  const swtpm = superviseSwtpm(child, options.version, stateDir, options.stateDir === undefined);
  try {
    await once(child, "spawn");
  } catch (cause) {
    throw new SwtpmStartError(await swtpm.exited, { cause });
  }
  const control = child.stdio[CONTROL_FD] as Socket;
  const data = child.stdio[DATA_FD] as Socket;
  const channels = { control: socketChannel(control, "swtpm"), data: socketChannel(data, "swtpm") };
  return {
    ...swtpm,
    channels,
    stop: () => {
      control.destroy();
      data.destroy();
      return swtpm.stop();
    },
  };
}
