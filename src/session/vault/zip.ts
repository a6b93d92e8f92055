/**
 * A zip file, looked into where it lies: the list of its files is read, and of these each when it is asked for, as a
 * stream that ends where more comes out than may. A file of a few kB can hold gigabytes of zeros.
 */
import { BlobReader, configure, type FileEntry, ZipReader } from "@zip.js/zip.js/lib/zip-core-native.js";
import { BUNDLE, beyond } from "../reading/limits.ts";
import { ImportError } from "./errors.ts";
import { joined } from "./gzip.ts";

// Whoever reads a file does so in a worker of this project.
configure({ useWebWorkers: false });

export class ZipFile {
  readonly #entries: ReadonlyMap<string, FileEntry>;

  private constructor(entries: ReadonlyMap<string, FileEntry>) {
    this.#entries = entries;
  }

  /** @throws {ImportError} */
  static async open(file: Blob): Promise<ZipFile> {
    const entries = new Map<string, FileEntry>();
    let listed = 0;
    try {
      for await (const entry of new ZipReader(new BlobReader(file)).getEntriesGenerator()) {
        if (++listed > BUNDLE.entries)
          throw new ImportError(`this zip file is not read: ${beyond(BUNDLE.entries, "files")}`);
        if (entry.directory) continue;
        if (entries.has(entry.filename))
          throw new ImportError(`this zip file is no export of a machine: it has ${entry.filename} twice`);
        entries.set(entry.filename, entry);
      }
    } catch (cause) {
      throw cause instanceof ImportError ? cause : unreadable(cause);
    }
    return new ZipFile(entries);
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /**
   * @param most bytes that the file may have.
   * @param done how many have come out.
   * @throws {ImportError}
   */
  async read(
    path: string,
    most: number,
    done: (bytes: number) => void = () => undefined,
  ): Promise<Uint8Array> {
    const entry = this.#entries.get(path);
    if (!entry) throw new ImportError(`this export is not whole: ${path} is missing`);
    const chunks: Uint8Array[] = [];
    let size = 0;
    const sink = new WritableStream<Uint8Array>({
      write(chunk) {
        size += chunk.length;
        if (size > most) throw new ImportError(`this export is damaged: ${path} has more than ${most} bytes`);
        chunks.push(chunk);
        done(size);
      },
    });
    try {
      await entry.getData(sink);
    } catch (cause) {
      throw cause instanceof ImportError ? cause : unreadable(cause);
    }
    return joined(chunks, size);
  }
}

function unreadable(cause: unknown): ImportError {
  return new ImportError(
    "this zip file cannot be read: it is cut off or damaged. Get the whole file, or export the machine again",
    { cause },
  );
}
