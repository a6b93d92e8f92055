/**
 * Private directories for swtpm's state files. They hold a TPM's secrets, so each is for its owner only, and is
 * removed when its process is done with it. A bridge that was killed could not do that; the next one does, when it
 * starts and with each session.
 */

import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { own } from "../../protocol/bytes/own.ts";

/** There is no place for a TPM's state; the message says what to do. */
export class StateDirectoryError extends Error {
  override readonly name = "StateDirectoryError";
}

/** Bytes and files that a TPM's state needs at the least: three blobs, each written anew beside the old one. */
const LEAST_BYTES = 512 * 1024;
const LEAST_FILES = 16;

/** Where a host confines swtpm, it is let into folders for temporary files, and not into anybody's runtime directory. */
const CONFINED = "/etc/apparmor.d/usr.bin.swtpm";

/** What the system says when there is no place, in words. */
const REASONS: Record<string, string> = {
  ENOSPC: "it is full",
  EDQUOT: "this user's share of it is used up",
  EACCES: "this user may not write there",
  EPERM: "this user may not write there",
  EROFS: "it cannot be written",
  ENOENT: "it does not exist",
};

/**
 * Where state directories are made: the user's runtime directory, which lies in memory and is nobody else's (XDG Base
 * Directory Specification), or else the folder for temporary files.
 */
export function stateRoot(env: NodeJS.ProcessEnv = process.env): string {
  const runtime = env.XDG_RUNTIME_DIR;
  if (!runtime || !isAbsolute(runtime) || existsSync(CONFINED)) return tmpdir();
  try {
    accessSync(runtime, constants.W_OK | constants.X_OK);
    // One that another user's session has left in the environment holds that user's files.
    return statSync(runtime).uid === process.getuid?.() ? runtime : tmpdir();
  } catch {
    return tmpdir();
  }
}

/**
 * Makes an empty directory that only this user can enter (mode 0700), where a TPM's state has room.
 * @throws {StateDirectoryError}
 */
export function makeStateDirectory(): string {
  sweepStateDirectories();
  const root = stateRoot();
  let path: string;
  try {
    path = mkdtempSync(join(root, `${prefix()}${process.pid}-`));
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    throw new StateDirectoryError(
      `${root} cannot take a TPM's state: ${own(REASONS, code) ?? message}. ${ADVICE}`,
      {
        cause,
      },
    );
  }
  const { bavail, bsize, files, ffree } = statfsSync(root);
  // Some file systems count no files, and say 0 of 0.
  if (bavail * bsize >= LEAST_BYTES && (files === 0 || ffree >= LEAST_FILES)) return path;
  removeStateDirectory(path);
  throw new StateDirectoryError(
    `${root} cannot take a TPM's state: it is full (${bavail * bsize} bytes are left, ${LEAST_BYTES} needed). ${ADVICE}`,
  );
}

const ADVICE = "Make room there, or name another folder with TMPDIR (and no XDG_RUNTIME_DIR)";

/** Removes a directory with all that is in it; a directory that is gone already is fine. */
export function removeStateDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
}

/** Process ids mean something within their namespace only: containers may share a folder for temporary files. */
function processNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}

const prefix = () => `webtpm-${processNamespace()}-`;

/** Removes the directories of processes that are no more, and ends what still runs in them. */
export function sweepStateDirectories(): void {
  const start = prefix();
  for (const root of new Set([stateRoot(), tmpdir()])) {
    for (const name of list(root)) {
      const owner = name.startsWith(start) && /^(\d+)-/.exec(name.slice(start.length))?.[1];
      if (!owner || isRunning(Number(owner))) continue;
      try {
        endOrphans(join(root, name));
        removeStateDirectory(join(root, name));
      } catch {
        // Another user's: it stays as it is.
      }
    }
  }
}

/** A folder that cannot be read has nothing of ours. */
function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** swtpm ends with its bridge, unless it was stopped (SIGSTOP) and never saw that. */
function endOrphans(stateDirectory: string): void {
  for (const pid of list("/proc").map(Number)) {
    if (!(pid > 0)) continue;
    try {
      const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (args.includes(`dir=${stateDirectory}`)) process.kill(pid, "SIGKILL");
    } catch {
      // It has just ended by itself, or is another user's.
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
