/**
 * Private directories for swtpm's state files. They hold a TPM's secrets, so each is for its owner only, and is
 * removed when its process is done with it. A bridge that was killed could not do that; the next one does.
 */
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

let swept = false;

/** Makes an empty directory that only this user can enter (mode 0700). */
export function makeStateDirectory(): string {
  const prefix = `webtpm-${processNamespace()}-`;
  if (!swept) sweep(prefix);
  swept = true;
  return mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));
}

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

/** Removes the directories of processes that are no more. */
function sweep(prefix: string): void {
  for (const name of readdirSync(tmpdir())) {
    const owner = name.startsWith(prefix) && /^(\d+)-/.exec(name.slice(prefix.length))?.[1];
    if (!owner || isRunning(Number(owner))) continue;
    try {
      removeStateDirectory(join(tmpdir(), name));
    } catch {
      // Another user's: it stays as it is.
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
