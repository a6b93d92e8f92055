/** Where the page's disks and CDs come from: memory, a picked file, an address whose server gives out pieces. */
import { DriveError, type DriveSource, memorySource } from "../machine/drive/source.ts";
import { sha256Hex } from "../vault/digest.ts";

/** An image that was loaded as a whole. */
export async function loadedDrive(name: string, image: ArrayBuffer): Promise<DriveSource> {
  const bytes = new Uint8Array(image);
  return memorySource(name, bytes, `sha256:${await sha256Hex(bytes)}`);
}

/** A file that the user has picked, read as the guest asks for it. */
export function fileDrive(file: File): DriveSource {
  return {
    name: file.name,
    size: file.size,
    identity: `file:${file.name}:${file.lastModified}`,
    async read(start, length) {
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
    },
  };
}

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
