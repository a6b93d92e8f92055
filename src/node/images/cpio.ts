/**
 * Writes cpio archives in the "newc" format, which Linux takes as an initial RAM file system: a 110-byte header of
 * hexadecimal fields, name and data each padded to 4 bytes, closed by an entry "TRAILER!!!".
 * Source: Documentation/driver-api/early-userspace/buffer-format.rst in Linux, and cpio(5).
 */

/** Type bits of a mode, as in inode(7). */
const TYPE = { file: 0o100000, directory: 0o040000, symlink: 0o120000, character: 0o020000 } as const;

interface Common {
  /** Path without a leading slash. A directory must come before what it holds. */
  path: string;
  /** Permission bits; 0o644 for files and devices, 0o755 for directories when left out. */
  mode?: number;
}

export type CpioEntry = Common &
  (
    | { type: "file"; data: Uint8Array }
    | { type: "directory" }
    | { type: "symlink"; target: string }
    | { type: "character"; major: number; minor: number }
  );

/** An archive cannot hold what it was given. */
export class CpioError extends Error {
  override readonly name = "CpioError";
}

const HEADER_SIZE = 110;
const align = (size: number) => (size + 3) & ~3;
const encoder = new TextEncoder();

interface Fields {
  ino: number;
  mode: number;
  nlink: number;
  rdevMajor: number;
  rdevMinor: number;
}

/** One entry: header, name with its closing zero, data; padded. */
function record(path: string, data: Uint8Array, fields: Fields): Uint8Array {
  const name = encoder.encode(`${path}\0`);
  const values = [
    fields.ino,
    fields.mode,
    0, // uid
    0, // gid
    fields.nlink,
    0, // mtime: none, so that equal contents make equal archives
    data.length,
    0, // major and minor of the device that holds the file
    0,
    fields.rdevMajor,
    fields.rdevMinor,
    name.length,
    0, // checksum, used by the "crc" variant only
  ];
  const header = `070701${values.map((value) => value.toString(16).padStart(8, "0")).join("")}`;
  const start = align(HEADER_SIZE + name.length);
  const bytes = new Uint8Array(align(start + data.length));
  bytes.set(encoder.encode(header), 0);
  bytes.set(name, HEADER_SIZE);
  bytes.set(data, start);
  return bytes;
}

function content(entry: CpioEntry): Uint8Array {
  if (entry.type === "file") return entry.data;
  return entry.type === "symlink" ? encoder.encode(entry.target) : new Uint8Array();
}

function permissions(entry: CpioEntry): number {
  if (entry.mode !== undefined) return entry.mode;
  if (entry.type === "symlink") return 0o777;
  return entry.type === "directory" ? 0o755 : 0o644;
}

/**
 * Packs `entries` in their order.
 * @throws {CpioError} for a path with a leading slash, a path that comes twice, or one whose directory is missing.
 */
export function cpio(entries: readonly CpioEntry[]): Uint8Array {
  const seen = new Map<string, CpioEntry["type"]>();
  const parts = entries.map((entry, index) => {
    const { path } = entry;
    if (path === "" || path.startsWith("/"))
      throw new CpioError(`"${path}": a path in the archive is relative`);
    if (seen.has(path)) throw new CpioError(`"${path}" comes twice`);
    const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : undefined;
    if (parent !== undefined && seen.get(parent) !== "directory") {
      throw new CpioError(`"${path}" comes before its directory "${parent}"`);
    }
    seen.set(path, entry.type);
    return record(path, content(entry), {
      ino: index + 1,
      mode: TYPE[entry.type] | permissions(entry),
      nlink: entry.type === "directory" ? 2 : 1,
      rdevMajor: entry.type === "character" ? entry.major : 0,
      rdevMinor: entry.type === "character" ? entry.minor : 0,
    });
  });
  parts.push(
    record("TRAILER!!!", new Uint8Array(), { ino: 0, mode: 0, nlink: 1, rdevMajor: 0, rdevMinor: 0 }),
  );
  const archive = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    archive.set(part, position);
    position += part.length;
  }
  return archive;
}
