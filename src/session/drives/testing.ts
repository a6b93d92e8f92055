/** The origin's private file system and the workers of drives, without a browser, for tests. */
import { expose } from "comlink";
import { afterEach, beforeEach, vi } from "vitest";
import type { LogFile } from "../../machine/drive/log.ts";
import { throwingFailures } from "../../worker/crossing.ts";
import type { DriveWorkerApi } from "./api.ts";
import { KeptLog } from "./serve.ts";

const failed = (name: string) => new DOMException(name, name);

/** A file that one handle at a time may write to. */
class TestFile {
  readonly kind = "file";
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  held = false;
  gone = false;
  readonly #storage: TestStorage;

  constructor(storage: TestStorage) {
    this.#storage = storage;
  }

  async getFile(): Promise<Blob> {
    return new Blob([this.bytes]); // as it is now
  }

  async createSyncAccessHandle(): Promise<LogFile> {
    if (this.gone) throw failed("NotFoundError");
    if (this.held) throw failed("NoModificationAllowedError");
    this.held = true;
    const resize = (size: number) => {
      this.#storage.room -= size - this.bytes.length;
      const kept = this.bytes.subarray(0, size);
      // With room to grow: a log is made of many small writes.
      const space = size > this.bytes.buffer.byteLength ? new ArrayBuffer(2 * size) : this.bytes.buffer;
      this.bytes = new Uint8Array(space, 0, size);
      this.bytes.set(kept);
      this.bytes.fill(0, kept.length);
    };
    return {
      getSize: () => this.bytes.length,
      read: (into, { at }) => {
        const found = this.bytes.subarray(at, at + into.length);
        into.set(found);
        return found.length;
      },
      write: (bytes, { at }) => {
        const end = at + bytes.length;
        if (end - this.bytes.length > this.#storage.room) throw failed("QuotaExceededError");
        if (end > this.bytes.length) resize(end);
        this.bytes.set(bytes, at);
        return bytes.length;
      },
      truncate: resize,
      flush: () => undefined,
      close: () => {
        this.held = false;
      },
    };
  }
}

class TestFolder {
  readonly kind = "directory";
  readonly #entries = new Map<string, TestFile | TestFolder>();
  readonly #storage: TestStorage;

  constructor(storage: TestStorage) {
    this.#storage = storage;
  }

  #get<T>(name: string, create: boolean | undefined, make: () => T & (TestFile | TestFolder)): T {
    if (!this.#entries.has(name)) {
      if (!create) throw failed("NotFoundError");
      this.#entries.set(name, make());
    }
    return this.#entries.get(name) as T;
  }

  async getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<TestFolder> {
    return this.#get(name, options?.create, () => new TestFolder(this.#storage));
  }

  async getFileHandle(name: string, options?: { create?: boolean }): Promise<TestFile> {
    return this.#get(name, options?.create, () => new TestFile(this.#storage));
  }

  async removeEntry(name: string): Promise<void> {
    const entry = this.#entries.get(name);
    if (!entry) throw failed("NotFoundError");
    if (entry instanceof TestFile) {
      if (entry.held) throw failed("NoModificationAllowedError");
      entry.gone = true;
      this.#storage.room += entry.bytes.length;
    }
    this.#entries.delete(name);
  }

  async *keys(): AsyncGenerator<string> {
    yield* Array.from(this.#entries.keys());
  }

  async *entries(): AsyncGenerator<[string, TestFile | TestFolder]> {
    yield* Array.from(this.#entries);
  }
}

/** What `drive.worker.ts` does, in this thread. It gives its file back when it ends, as a thread does. */
function driveWorker() {
  const { port1, port2 } = new MessageChannel();
  const log = new KeptLog();
  const calls = Object.getOwnPropertyNames(KeptLog.prototype).filter((name) => name !== "constructor");
  expose(throwingFailures<DriveWorkerApi>(log, calls as (keyof DriveWorkerApi)[]), port2);
  const terminate = () => {
    log.close();
    port1.close();
  };
  return Object.assign(port1, { terminate });
}

/** Takes the place of this browser's files, until vitest puts its globals back. */
export class TestStorage {
  /** Bytes that files may still grow by. */
  room = Number.POSITIVE_INFINITY;
  readonly #root = new TestFolder(this);

  constructor() {
    vi.stubGlobal("navigator", { storage: { getDirectory: async () => this.#root } });
    vi.stubGlobal("Worker", vi.fn(driveWorker));
  }

  /** The folder of a machine's drives. */
  async folder(machineId: string): Promise<TestFolder> {
    const drives = await this.#root.getDirectoryHandle("drives", { create: true });
    return drives.getDirectoryHandle(machineId, { create: true });
  }

  /** The files of a machine's drives, by name. */
  async files(machineId: string): Promise<Map<string, TestFile>> {
    const files = new Map<string, TestFile>();
    for await (const [name, entry] of (await this.folder(machineId)).entries())
      if (entry instanceof TestFile) files.set(name, entry);
    return files;
  }
}

/** A storage of its own for each test of a file. */
export function eachWithStorage(): { readonly storage: TestStorage } {
  const now = { storage: undefined as unknown as TestStorage };
  beforeEach(() => {
    now.storage = new TestStorage();
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });
  return now;
}
