/** The disks of the kept machines: what is kept of them, and whether it belongs to what was chosen; out to files. */
import type { Drive } from "../../machine/drive/drive.ts";
import type { DriveHead, SectorWrite } from "../../machine/drive/log.ts";
import type { DriveLayer } from "../../machine/drive/queue.ts";
import { DriveError, type DriveSource } from "../../machine/drive/source.ts";
import { KeptLayer } from "../../session/drives/client.ts";
import {
  copyDrives,
  forgetDrive,
  forgetDrives,
  keptDrives,
  NoDriveStorageError,
} from "../../session/drives/folder.ts";
import type { MachineFiles, Progress } from "../../session/vault/types.ts";
import type { DiskFormat, KeptDisk } from "../model/machines.ts";
import { readerOf } from "./drive-sources.ts";

const SLOT = "hda";

/** A disk is not what it was when the guest wrote to it. */
export class OtherDiskError extends DriveError {
  override name = "OtherDiskError";
  constructor(
    readonly machineId: string,
    /** What the guest has written is over this one. */
    readonly kept: DriveHead,
  ) {
    super(
      `the disk ${kept.name} is not the one that the guest has written to: it has changed since. What was written belongs to the disk as it was, and would destroy this one. Put that one back, or forget what was written`,
      "changed",
    );
  }
}

/** Bytes that are imported at once: they are all in memory before any is kept. */
const MOST_IMPORTED = 512 * 2 ** 20;

const inUse = () =>
  new DriveError("the machine that runs has this disk: boot another one first", "unreadable");

export class KeptDisks {
  #running: Drive | undefined;
  #open: KeptLayer | undefined;

  /** The disk of the machine that runs; undefined when that has none, or has ended. */
  get running(): Drive | undefined {
    return this.#running?.closed ? undefined : this.#running;
  }

  set running(disk: Drive | undefined) {
    this.#running = disk;
  }

  /**
   * Opens what is kept of the disk of a machine, or begins it.
   * @throws {OtherDiskError} when what is kept is of a disk of that name which was another.
   * @throws {DriveError} when it cannot be kept.
   */
  async open(machineId: string, source: DriveSource): Promise<DriveLayer> {
    const { name, identity, size } = source;
    const head: DriveHead = { slot: SLOT, name, identity, size };
    const kept = (await keptDrives(machineId)).map((drive) => drive.head);
    if (!kept.some((drive) => drive.identity === identity)) {
      const other = kept.find((drive) => drive.slot === SLOT && drive.name === name);
      if (other) throw new OtherDiskError(machineId, other);
    }
    this.#open = await KeptLayer.open({ machineId, head });
    return this.#open;
  }

  /** Those of a machine; none where this browser keeps no files. */
  async list(machineId: string): Promise<KeptDisk[]> {
    const drives = await keptDrives(machineId).catch((error: unknown) => {
      if (error instanceof NoDriveStorageError) return [];
      throw error;
    });
    return drives.map(({ head, stored }) => {
      const open = this.#isOpen(machineId, head) ? this.#open : undefined;
      return open ? { head, ...open.sizes, here: true } : { head, stored, here: false };
    });
  }

  /** @throws {DriveError} while the machine that runs has it. */
  async forget(machineId: string, head: DriveHead): Promise<void> {
    if (this.#isOpen(machineId, head)) throw inUse();
    await forgetDrive(machineId, head);
  }

  forgetAll = forgetDrives;

  /** What a copy of a machine takes along; undefined for one without disks. */
  async filesOf(machineId: string): Promise<MachineFiles | undefined> {
    const disks = await this.list(machineId);
    if (disks.length === 0) return undefined;
    return {
      size: disks.reduce((sum, { stored }) => sum + stored, 0),
      copy: (copyId) => copyDrives(machineId, copyId),
      forget: forgetDrives,
    };
  }

  /** @throws {DriveError} */
  async export(format: DiskFormat, progress: Progress): Promise<File> {
    const disk = this.running;
    if (!disk) throw new DriveError("there is no machine with a disk: boot one first", "unreadable");
    const { exportDisk } = await import("../../session/drives/export.ts");
    await disk.flush();
    return exportDisk(disk, format, progress);
  }

  /**
   * Puts what an export of it holds in the place of what was written to a disk that is not in use.
   * @throws {DriveError} when it is no such export, or of another disk.
   */
  async import(machineId: string, head: DriveHead, file: File, progress: Progress): Promise<void> {
    if (this.#isOpen(machineId, head)) throw inUse();
    const refuse = (why: string) => new DriveError(`the file ${file.name} ${why}`, "unreadable");
    if (file.size > MOST_IMPORTED) throw refuse("holds more than 512 MiB, more than can be imported at once");
    const [{ Qcow2 }, { wholeSectors }] = await Promise.all([
      import("../../machine/drive/qcow2.ts"),
      import("../../machine/drive/written.ts"),
    ]);
    const image = await Qcow2.open(file.name, file.size, readerOf(file));
    if (image.backing !== head.name || image.size !== head.size)
      throw refuse(
        `is not what was written to ${head.name}: ${image.backing === undefined ? "it is a whole disk, which can be chosen as one" : `it belongs to ${image.backing}`}`,
      );
    const writes: SectorWrite[] = [];
    let bytes = 0;
    for await (const number of image.clusters()) {
      // A cluster that QEMU has marked as zeros takes 8 bytes of the file, and all of its own here.
      bytes += image.clusterSize;
      if (bytes > MOST_IMPORTED)
        throw refuse(
          `stands for more than 512 MiB that was written, zeros included, more than can be imported at once: make a whole disk of it, where ${head.name} is beside it, and choose that one: qemu-img convert -O raw ${file.name} whole-${head.name}`,
        );
      const start = number * image.clusterSize;
      progress("reading", start, image.size);
      const data = await image.cluster(number);
      // The disk's last sector may stand out over its end, and the image's file may end within a cluster.
      if (data) writes.push({ start, data: wholeSectors(data.subarray(0, image.size - start)) });
    }
    progress("saving", 0, 0);
    const layer = await KeptLayer.open({ machineId, head });
    await layer.replace(writes).finally(() => layer.close());
  }

  #isOpen(machineId: string, { slot, identity }: DriveHead): boolean {
    const { place, closed } = this.#open ?? {};
    return (
      !closed &&
      place?.machineId === machineId &&
      place.head.slot === slot &&
      place.head.identity === identity
    );
  }
}
