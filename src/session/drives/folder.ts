/**
 * Where drives are kept: in the origin's private file system, a folder for each machine, in it a log for each drive. Its
 * name is that of what the drive lies over; a number behind it counts how often it was written anew.
 */
import { type DriveHead, readHead } from "../../machine/drive/log.ts";
import { DriveError } from "../../machine/drive/source.ts";
import { sha256Hex } from "../vault/digest.ts";

const ROOT = "drives";
const HEAD_BYTES = 4096;

/** A drive of which something is kept. */
export interface KeptDrive {
  head: DriveHead;
  /** What keeping it takes, in bytes. */
  stored: number;
}

/** This browser keeps no files for pages. */
export class NoDriveStorageError extends DriveError {
  override name = "NoDriveStorageError";
}

/** @throws {NoDriveStorageError} where this browser has no such thing. */
async function root(): Promise<FileSystemDirectoryHandle> {
  try {
    const folder = await navigator.storage.getDirectory();
    return await folder.getDirectoryHandle(ROOT, { create: true });
  } catch (cause) {
    throw new NoDriveStorageError(
      "this browser has no storage for files of a page (OPFS), so nothing that is written to a drive can be kept",
      "unreadable",
      { cause },
    );
  }
}

/** @throws {NoDriveStorageError} */
export async function machineFolder(machineId: string): Promise<FileSystemDirectoryHandle> {
  return (await root()).getDirectoryHandle(machineId, { create: true });
}

/** The names of a drive's files begin with this. */
export async function stemOf({ slot, identity }: DriveHead): Promise<string> {
  return `${slot}-${(await sha256Hex(new TextEncoder().encode(identity))).slice(0, 32)}`;
}

/** Names of a drive's files, the one written last first. */
export async function filesOf(folder: FileSystemDirectoryHandle, stem: string): Promise<string[]> {
  const names: string[] = [];
  for await (const name of folder.keys()) if (name.startsWith(`${stem}.`)) names.push(name);
  return names.sort((a, b) => generationOf(b) - generationOf(a));
}

export const generationOf = (name: string) => Number(name.split(".").at(-1));

/** The drives of a machine; those that cannot be read are left out. */
export async function keptDrives(machineId: string): Promise<KeptDrive[]> {
  const folder = await machineFolder(machineId);
  const drives = new Map<string, KeptDrive & { generation: number }>();
  for await (const [name, handle] of folder.entries()) {
    if (handle.kind !== "file") continue;
    const file = await (handle as FileSystemFileHandle).getFile();
    try {
      const head = readHead(new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer()));
      const generation = generationOf(name);
      const stem = await stemOf(head);
      if ((drives.get(stem)?.generation ?? -1) < generation)
        drives.set(stem, { head, stored: file.size, generation });
    } catch {
      // One that was being written anew when the browser ended is none.
    }
  }
  return Array.from(drives.values(), ({ head, stored }) => ({ head, stored }));
}

/** Forgets what was written to a drive, for good. */
export async function forgetDrive(machineId: string, head: DriveHead): Promise<void> {
  const folder = await machineFolder(machineId);
  for (const name of await filesOf(folder, await stemOf(head))) await folder.removeEntry(name);
}

/** Forgets all drives of a machine, for good. Where nothing can be kept, there is nothing to forget. */
export async function forgetDrives(machineId: string): Promise<void> {
  try {
    await (await root()).removeEntry(machineId, { recursive: true });
  } catch (error) {
    const none = error instanceof NoDriveStorageError || (error as Error).name === "NotFoundError";
    if (!none) throw error;
  }
}

/** Copies the drives of a machine to another one. */
export async function copyDrives(from: string, to: string): Promise<void> {
  const target = await machineFolder(to);
  for await (const [name, handle] of (await machineFolder(from)).entries()) {
    if (handle.kind !== "file") continue;
    const file = await (handle as FileSystemFileHandle).getFile();
    const copy = await target.getFileHandle(name, { create: true });
    await file.stream().pipeTo(await copy.createWritable());
  }
}
