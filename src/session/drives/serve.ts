/** A drive's log in the origin's private file system, as its worker has it: files that are written at once, by one only. */
import { type DriveHead, type LogFile, SectorLog, type SectorWrite } from "../../machine/drive/log.ts";
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

/** True for a file that was being written anew when everything ended. */
function isNone(file: LogFile): boolean {
  const first = new Uint8Array(1);
  file.read(first, { at: 0 });
  return first[0] === 0;
}

const stemIn = (name: string) => name.slice(0, name.lastIndexOf("."));

export class KeptLog implements DriveWorkerApi {
  #place: DrivePlace | undefined;
  #folder!: FileSystemDirectoryHandle;
  #name = "";
  #log: SectorLog | undefined;

  async open(place: DrivePlace): Promise<DriveSizes> {
    this.#place = place;
    this.#folder = await machineFolder(place.machineId);
    const stem = await stemOf(place.head);
    for (let attempt = 1; !(await this.#openNewest(stem, place.head)); attempt++) {
      if (attempt < ATTEMPTS) continue;
      throw new DriveError(
        `the drive ${place.head.name} cannot be opened: somebody replaces or removes it again and again; close the other tabs of this page`,
        "unreadable",
      );
    }
    // What keeps it from that, as a lack of room or a damaged sector, keeps nobody from reading what is there.
    const log = this.#opened;
    if (log.wasteful) await this.replace(log.writes()).catch(() => undefined);
    return this.#sizes;
  }

  /**
   * Opens the newest file that is a log, or begins the first.
   * @returns false when what was listed is no longer what is there: who had the drive before has written it anew.
   */
  async #openNewest(stem: string, head: DriveHead): Promise<boolean> {
    const names = await filesOf(this.#folder, stem);
    for (const [index, name] of names.entries()) {
      const file = await this.#unlessGone(name, false);
      if (!file) return false;
      if (isNone(file)) {
        file.close();
        continue;
      }
      if (await this.#overtaken(name, file)) return false;
      this.#use(name, SectorLog.open(file));
      // All of an older one is in this one. One that cannot be removed now goes the next time.
      for (const older of names.slice(index + 1)) await this.#remove(older);
      return true;
    }
    const name = `${stem}.1`;
    const file = await this.#unlessGone(name, true);
    if (!file || (await this.#overtaken(name, file))) return false;
    if (!isNone(file)) {
      file.close(); // somebody else has begun it
      return false;
    }
    this.#use(name, SectorLog.create(file, head));
    return true;
  }

  #use(name: string, log: SectorLog): void {
    this.#name = name;
    this.#log = log;
  }

  /**
   * True when there is a newer log than the file that was opened, which is closed then. Nobody makes one as long as that
   * file is open here.
   */
  async #overtaken(name: string, file: LogFile): Promise<boolean> {
    const names = await filesOf(this.#folder, stemIn(name));
    for (const newer of names.filter((other) => generationOf(other) > generationOf(name))) {
      if (await this.#isHalfMade(newer)) continue;
      file.close();
      return true;
    }
    return false;
  }

  /** Looks at a file that somebody else may have. */
  async #isHalfMade(name: string): Promise<boolean> {
    try {
      const file = await (await this.#folder.getFileHandle(name)).getFile();
      return !new Uint8Array(await file.slice(0, 1).arrayBuffer())[0];
    } catch {
      return false; // it is gone, or is being written to
    }
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
    const older = this.#name;
    const name = `${stemIn(older)}.${generationOf(older) + 1}`;
    const file = await this.#file(name, true);
    try {
      this.#use(name, SectorLog.create(file, before.head, writes));
    } catch (error) {
      file.close();
      await this.#remove(name); // why it was not written says more than why this fails
      throw error;
    }
    before.close();
    // Who waits for the older one may have it by now, and finds this one.
    await this.#remove(older);
    return this.#sizes;
  }

  /** What stays is in nobody's way: only the newest log counts. */
  async #remove(name: string): Promise<void> {
    await this.#folder.removeEntry(name).catch(() => undefined);
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

  /** Undefined for a file that is not there, or no longer when whoever had it has given it back. */
  #unlessGone(name: string, create: boolean): Promise<LogFile | undefined> {
    return this.#file(name, create).catch((error: Error) => {
      if ((error.cause as Error).name === "NotFoundError") return undefined;
      throw error;
    });
  }

  async #file(name: string, create: boolean): Promise<LogFile> {
    try {
      const handle = await this.#folder.getFileHandle(name, { create });
      return await opened(handle as SyncFileHandle);
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
