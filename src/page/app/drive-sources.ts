/** Where the page's disks and CDs come from: memory, a picked file, an address whose server gives out pieces. */
import { DriveError, type DriveSource, memorySource } from "../../machine/drive/source.ts";
import { sha256Hex } from "../../session/vault/digest.ts";

/** An image that was loaded as a whole. */
export async function loadedDrive(name: string, image: ArrayBuffer): Promise<DriveSource> {
  const bytes = new Uint8Array(image);
  return memorySource(name, bytes, `sha256:${await sha256Hex(bytes)}`);
}

/** A disk with nothing on it. @param size in bytes */
export function emptyDrive(name: string, size: number): DriveSource {
  return {
    name,
    size,
    identity: `empty:${size}`,
    empty: true,
    read: async (_, length) => new Uint8Array(length),
  };
}

const SNIFFED = 4;

/**
 * A file that the user has picked, raw or qcow2, read as the guest asks for it.
 * @throws {DriveError}
 */
export async function fileDrive(file: File): Promise<DriveSource> {
  const { name, size } = file;
  const identity = `file:${name}:${file.lastModified}`;
  const read = readerOf(file);
  const { Qcow2, qcow2Source } = await import("../../machine/drive/qcow2.ts");
  if (!Qcow2.is(await read(0, Math.min(size, SNIFFED)))) return { name, size, identity, read };
  return qcow2Source(await Qcow2.open(name, size, read), name, identity);
}

/** Reads pieces of a file. */
export const readerOf =
  (file: File): DriveSource["read"] =>
  async (start, length) => {
    try {
      return new Uint8Array(await file.slice(start, start + length).arrayBuffer());
    } catch (cause) {
      // A browser gives out no byte of a file that is not as it was when it was picked.
      throw new DriveError(
        `the file ${file.name} has changed on disk or is gone since it was picked; pick it again`,
        "changed",
        { cause },
      );
    }
  };

/** An address whose server gives out pieces (RFC 9110, section 14). */
export interface RangedUrl {
  name: string;
  url: string;
  size: number;
  /** Its validator: ETag or Last-Modified, as the server gave it; undefined where it gives neither. */
  validator: string | undefined;
}

export const validatorOf = (headers: Headers): string | undefined =>
  headers.get("ETag") ?? headers.get("Last-Modified") ?? undefined;

export function rangedDrive({ name, url, size, validator }: RangedUrl): DriveSource {
  return {
    name,
    size,
    identity: `url:${url}:${validator ?? ""}`,
    async read(start, length) {
      const response = await fetchPiece(url, start, length);
      const now = validatorOf(response.headers);
      if (validator !== undefined && now !== undefined && now !== validator) {
        throw new DriveError(`${url} has changed on its server since this machine was started`, "changed");
      }
      const bytes = await response.arrayBuffer().catch((cause) => {
        throw unreadable(url, "the connection broke off", cause);
      });
      if (bytes.byteLength === length) return new Uint8Array(bytes);
      throw unreadable(url, `the server sent ${bytes.byteLength} bytes where ${length} were asked for`);
    },
  };
}

async function fetchPiece(url: string, start: number, length: number): Promise<Response> {
  let response: Response;
  try {
    // The browser's cache may hold pieces of another version, from an earlier machine.
    response = await fetch(url, {
      headers: { Range: `bytes=${start}-${start + length - 1}` },
      cache: "no-store",
    });
  } catch (cause) {
    throw unreadable(url, "its server does not answer", cause);
  }
  if (response.status === 206) return response;
  await response.body?.cancel();
  throw unreadable(url, `its server answers ${response.status} and gives no piece`);
}

const unreadable = (url: string, why: string, cause?: unknown) =>
  new DriveError(`${url} could not be read: ${why}`, "unreadable", { cause });
