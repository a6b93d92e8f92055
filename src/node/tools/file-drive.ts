/** A disk image of this host as a machine's drive: read as the guest asks for it, and never written to. */
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { Drive } from "../../machine/drive/drive.ts";
import type { DriveLayer } from "../../machine/drive/queue.ts";

/**
 * Opens a raw image; the file stays open as long as this process lives.
 * @param layer takes what the guest writes; without one, that ends with the drive
 */
export async function openFileDrive(path: string, layer?: DriveLayer): Promise<Drive> {
  const file = await open(path, "r");
  const { size, mtimeMs } = await file.stat();
  const source = {
    name: basename(path),
    size,
    identity: `file:${path}:${mtimeMs}`,
    async read(start: number, length: number) {
      const data = new Uint8Array(length);
      await file.read(data, 0, length, start);
      return data;
    },
  };
  return new Drive(source, layer).open();
}
