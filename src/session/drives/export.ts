/** Disks as files: written to the origin's private file system piece by piece, and given out from there. */
import type { Drive } from "../../machine/drive/drive.ts";
import { CLUSTER, writeQcow2 } from "../../machine/drive/qcow2.ts";
import type { Progress } from "../vault/types.ts";

const FOLDER = "exports";

/**
 * The file is there until the next export.
 * @param format `raw`: whole; `qcow2`: whole, without what is zero; `changes`: what was written, over the image below
 * @throws {DriveError} and what the storage throws, e.g. when there is no room.
 */
export async function exportDisk(
  drive: Drive,
  format: "raw" | "qcow2" | "changes",
  progress: Progress,
): Promise<File> {
  const { name, byteLength: size } = drive;
  const storage = await navigator.storage.getDirectory();
  await storage.removeEntry(FOLDER, { recursive: true }).catch(() => undefined); // there was none yet
  const folder = await storage.getDirectoryHandle(FOLDER, { create: true });
  const fileName = `${name.replace(/\.(img|raw|qcow2)$/i, "").replaceAll(/[^\w.-]+/g, "-")}${format === "changes" ? "-changes" : ""}.${format === "raw" ? "img" : "qcow2"}`;
  const handle = await folder.getFileHandle(fileName, { create: true });
  const file = await handle.createWritable();
  try {
    const write = (position: number, data: Uint8Array) =>
      file.write({ type: "write", position, data: data as Uint8Array<ArrayBuffer> });
    const clusters = await clustersOf(drive, format);
    const count = clusters.length;
    const counted = function* () {
      for (let index = 0; index < count; index++) {
        progress("writing the file", index, count);
        yield clusters[index] as number;
      }
    };
    const read = async (start: number, length: number) =>
      (await drive.content(start, Math.ceil(length / 512) * 512)).subarray(0, length);
    if (format === "raw") {
      for (const cluster of counted()) {
        const start = cluster * CLUSTER;
        await write(start, await read(start, Math.min(CLUSTER, size - start)));
      }
      await file.truncate(size);
    } else {
      const backing = format === "changes" ? { backing: name } : {};
      await writeQcow2({ size, clusters: counted(), read, ...backing }, write);
    }
    await file.close();
  } catch (error) {
    await file.abort();
    throw error;
  }
  return handle.getFile();
}

/** Numbers of the clusters that may have anything in them. */
async function clustersOf(drive: Drive, format: "raw" | "qcow2" | "changes"): Promise<Float64Array> {
  if (format === "changes" || drive.source.empty) return drive.writtenClusters(CLUSTER);
  return Float64Array.from({ length: Math.ceil(drive.byteLength / CLUSTER) }, (_, number) => number);
}
