/** A drive's log in the origin's private file system, as its worker has it: files that are written at once, by one only. */
import { type LogFile, SectorLog, type SectorWrite } from "../../machine/drive/log.ts";
import { DriveError } from "../../machine/drive/source.ts";
import type { DrivePlace, DriveSizes, DriveWorkerApi } from "./api.ts";
import { filesOf, generationOf, machineFolder, stemOf } from "./folder.ts";

/** `FileSystemFileHandle` in a worker; the types of pages do not have it. */
interface SyncFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<LogFile>;
}

/**
 * How often a file is asked for that somebody else has, and how long is waited between, in milliseconds. The machine is
 * this tab's by then: who has the file still is on the way out, which takes a busy host a while.
 */
const ATTEMPTS = 300;
const WAIT_MS = 100;

const isTaken = (error: unknown) => (error as Error).name === "NoModificationAllowedError";

/** The page before, which was reloaded or has ended its machine, may be about to give the file back. */
async function opened(handle: SyncFileHandle): Promise<LogFile> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await handle.createSyncAccessHandle();
    } catch (error) {
      if (!isTaken(error) || attempt === ATTEMPTS) throw error;
      await new Promise((go) => setTimeout(go, WAIT_MS));
    }
  }
}

export class KeptLog implements DriveWorkerApi {
  #place: DrivePlace | undefined;
  #folder!: FileSystemDirectoryHandle;
  #name = "";
  #log: SectorLog | undefined;

  async open(place: DrivePlace): Promise<DriveSizes> {
    this.#place = place;
    this.#folder = await machineFolder(place.machineId);
    const stem = await stemOf(place.head);
    for (const name of await filesOf(this.#folder, stem)) {
      const file = await this.#file(name);
      if (this.#log) {
        // An older one, of which all is in the newer.
        file.close();
        await this.#folder.removeEntry(name);
        continue;
      }
      if (await this.#none(file)) continue;
      this.#log = SectorLog.open(file);
      this.#name = name;
    }
    if (!this.#log) {
      this.#name = `${stem}.1`;
      this.#log = SectorLog.create(await this.#file(this.#name), place.head);
    }
    // What keeps it from that, as a lack of room or a damaged sector, keeps nobody from reading what is there.
    if (this.#log.wasteful) await this.replace(this.#log.writes()).catch(() => undefined);
    return this.#sizes;
  }

  /** True for a file that was being written when everything ended. */
  async #none(file: LogFile): Promise<boolean> {
    const first = new Uint8Array(1);
    file.read(first, { at: 0 });
    if (first[0] !== 0) return false;
    file.close();
    return true;
  }

  overlay(start: number, data: Uint8Array): Uint8Array {
    this.#opened.overlay(start, data);
    return data;
  }

  write(writes: readonly SectorWrite[]): DriveSizes {
    for (const { start, data } of writes) this.#opened.write(start, data);
    return this.#sizes;
  }

  flush(): void {
    this.#opened.flush();
  }

  clusters(bytes: number): Float64Array {
    return this.#opened.clusters(bytes);
  }

  save(limit: number): SectorWrite[] {
    const { written, head } = this.#opened;
    if (written > limit) {
      const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;
      throw new DriveError(
        `the guest has written ${mib(written)} to ${head.name}, and a snapshot holds at most ${mib(limit)} of a drive`,
        "unreadable",
      );
    }
    return [...this.#opened.writes()];
  }

  /** @throws what keeps them from being written; all is as it was then. */
  async replace(writes: Iterable<SectorWrite>): Promise<DriveSizes> {
    const before = this.#opened;
    const stem = this.#name.slice(0, this.#name.lastIndexOf("."));
    const name = `${stem}.${generationOf(this.#name) + 1}`;
    const file = await this.#file(name);
    try {
      this.#log = SectorLog.create(file, before.head, writes);
    } catch (error) {
      file.close();
      await this.#folder.removeEntry(name).catch(() => undefined); // why it was not written says more
      throw error;
    }
    before.close();
    await this.#folder.removeEntry(this.#name);
    this.#name = name;
    return this.#sizes;
  }

  close(): void {
    this.#log?.close();
    this.#log = undefined;
  }

  get #opened(): SectorLog {
    if (!this.#log) throw new DriveError("this drive was closed", "unreadable");
    return this.#log;
  }

  get #sizes(): DriveSizes {
    return { written: this.#opened.written, stored: this.#opened.fileSize };
  }

  async #file(name: string): Promise<LogFile> {
    const handle = (await this.#folder.getFileHandle(name, { create: true })) as SyncFileHandle;
    try {
      return await opened(handle);
    } catch (cause) {
      const taken = isTaken(cause);
      const why = taken
        ? `whoever had it before has not given it back for ${(ATTEMPTS * WAIT_MS) / 1000} s; close the other tabs of this page`
        : (cause as Error).message;
      throw new DriveError(`the drive ${this.#place?.head.name} cannot be written to: ${why}`, "unreadable", {
        cause,
      });
    }
  }
}
