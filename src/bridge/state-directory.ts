/** Private directories for swtpm's state files, removed when their process is done with them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Makes an empty directory that only this user can enter (mode 0700). */
export function makeStateDirectory(): string {
  return mkdtempSync(join(tmpdir(), "webtpm-"));
}

/** Removes a directory with all that is in it; a directory that is gone already is fine. */
export function removeStateDirectory(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
