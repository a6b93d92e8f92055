/**
 * What a guest has written to a drive, in a file that only grows: a head, then records, each with the sectors of one
 * write and their checksums, and a mark wherever the guest was told that all before it is safe. Nothing is written
 * twice, so that a crash leaves what was there before it, and at most a torn end, which is cut off: that was promised
 * to nobody. Where each sector lies is known in memory: 8 bytes for each of a megabyte that has been written to.
 */
import { crc32 } from "../../protocol/bytes/crc32.ts";
import { DriveError } from "./source.ts";
import { SECTOR } from "./written.ts";

/** A file as `FileSystemSyncAccessHandle` has it. */
export interface LogFile {
  getSize(): number;
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  /** Returns when all of it is on the disk. */
  flush(): void;
  close(): void;
}

/** Which drive a log is of. */
export interface DriveHead {
  /** The drive's place in the machine. */
  slot: string;
  /** Of what it lies over: `DriveSource`. */
  name: string;
  identity: string;
  /** In bytes. */
  size: number;
}

/** Sectors in the order in which they were written, of which each is a whole. */
export interface SectorWrite {
  /** In bytes, of whole sectors. */
  start: number;
  data: Uint8Array;
}

const HEAD_BYTES = 4096;
const MAGIC = "WebTPM drive log 1\n";
const RECORD_BYTES = 32;
/** Little-endian in the file: "WROT", "SAFE". */
const WRITE = 0x544f_5257;
const SAFE = 0x4546_4153;
/** Positions of data are kept in this unit, so that 32 bits reach for 128 GiB. */
const UNIT = 32;
/** The most sectors of one record. */
const MOST_SECTORS = 256;
/** Sectors of which the places are kept together: a megabyte. */
const GROUP = 2048;

/** @throws {DriveError} for a file that is no log. */
export function readHead(bytes: Uint8Array): DriveHead {
  const text = new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES));
  const end = text.indexOf("\n", MAGIC.length);
  try {
    if (!text.startsWith(MAGIC) || end < 0) throw new SyntaxError("its beginning is not that of one");
    const { slot, name, identity, size, check } = JSON.parse(text.slice(MAGIC.length, end));
    const head = { slot, name, identity, size };
    if (check !== checkOf(head)) throw new SyntaxError("its checksum is another");
    return head;
  } catch (cause) {
    throw new DriveError(
      `what was kept of a drive cannot be read: ${(cause as Error).message}`,
      "unreadable",
      {
        cause,
      },
    );
  }
}

const checkOf = ({ slot, name, identity, size }: DriveHead) =>
  crc32(new TextEncoder().encode(JSON.stringify([slot, name, identity, size])));

/** @throws {DriveError} when the names are too long for it. */
function headBytes(head: DriveHead): Uint8Array {
  const text = new TextEncoder().encode(`${MAGIC}${JSON.stringify({ ...head, check: checkOf(head) })}\n`);
  if (text.length > HEAD_BYTES)
    throw new DriveError(`the name of the drive ${head.name} is too long to keep it`, "unreadable");
  const bytes = new Uint8Array(HEAD_BYTES);
  bytes.set(text);
  return bytes;
}

/** Where a megabyte's sectors lie: position of the data in units, 0 for none; and their checksums. */
interface Places {
  at: Uint32Array;
  check: Uint32Array;
}

export class SectorLog {
  readonly head: DriveHead;
  readonly #file: LogFile;
  readonly #places = new Map<number, Places>();
  #sectors = 0;
  #end: number;

  private constructor(file: LogFile, head: DriveHead) {
    this.#file = file;
    this.head = head;
    this.#end = HEAD_BYTES;
  }

  /**
   * A new log, with these sectors in it. It is one when all of it is on the disk, and no sooner.
   * @throws what the file throws, e.g. when there is no room.
   */
  static create(file: LogFile, head: DriveHead, writes: Iterable<SectorWrite> = []): SectorLog {
    file.truncate(0);
    const log = new SectorLog(file, head);
    for (const { start, data } of writes) log.write(start, data);
    log.flush();
    put(file, headBytes(head), 0);
    file.flush();
    return log;
  }

  /** @throws {DriveError} when it is none, or is damaged where it must not be. */
  static open(file: LogFile): SectorLog {
    const head = new Uint8Array(HEAD_BYTES);
    file.read(head, { at: 0 });
    const log = new SectorLog(file, readHead(head));
    log.#scan();
    return log;
  }

  /** Bytes of the drive that were written at least once. */
  get written(): number {
    return this.#sectors * SECTOR;
  }

  /** What the file takes. */
  get fileSize(): number {
    return this.#end;
  }

  /** True when more than half of a large file is of what was written over since. */
  get wasteful(): boolean {
    return this.#end > 32 * 2 ** 20 && this.#end > 2.2 * this.written;
  }

  /**
   * @throws {RangeError} for what is not whole sectors: a record of a part of one would be cut off as a torn one.
   * @throws what the file throws; nothing of it is seen then.
   */
  write(start: number, data: Uint8Array): void {
    if (start % SECTOR || data.length % SECTOR)
      throw new RangeError(`${data.length} bytes at ${start} are no whole sectors of a drive`);
    for (let done = 0; done < data.length; done += MOST_SECTORS * SECTOR) {
      this.#append(start + done, data.subarray(done, done + MOST_SECTORS * SECTOR));
    }
  }

  /** Puts what was written over what `data`, read at `start`, holds. @throws {DriveError} */
  overlay(start: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; ) {
      const number = (start + done) / SECTOR;
      const at = this.#placeOf(number);
      let count = 1;
      if (at) {
        while (
          done + count * SECTOR < data.length &&
          this.#placeOf(number + count) === at + (count * SECTOR) / UNIT
        )
          count++;
        this.#read(number, at, data.subarray(done, done + count * SECTOR));
      }
      done += count * SECTOR;
    }
  }

  /** The sectors that were written, ascending, as runs of at most a megabyte. */
  *writes(): Generator<SectorWrite> {
    for (const group of [...this.#places.keys()].sort((a, b) => a - b)) {
      const { at } = this.#places.get(group) as Places;
      for (let first = 0; first < GROUP; first++) {
        if (!at[first]) continue;
        let end = first;
        while (end < GROUP && at[end]) end++;
        const data = new Uint8Array((end - first) * SECTOR);
        const start = (group * GROUP + first) * SECTOR;
        this.overlay(start, data);
        yield { start, data };
        first = end;
      }
    }
  }

  /** Numbers of the pieces of so many bytes, a multiple of a sector, in which anything was written; ascending. */
  clusters(bytes: number): Float64Array {
    const found = new Set<number>();
    for (const [group, { at }] of this.#places) {
      at.forEach((place, index) => {
        if (place) found.add(Math.floor(((group * GROUP + index) * SECTOR) / bytes));
      });
    }
    return Float64Array.from(found).sort();
  }

  /** Returns when all that was written is on the disk, for good. */
  flush(): void {
    const mark = record(SAFE, 0, 0, new Uint8Array());
    put(this.#file, mark, this.#end);
    this.#end += mark.length;
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }

  #append(start: number, data: Uint8Array): void {
    const count = data.length / SECTOR;
    const checks = new Uint32Array(padded(count));
    for (let sector = 0; sector < count; sector++) {
      checks[sector] = crc32(data.subarray(sector * SECTOR, (sector + 1) * SECTOR));
    }
    const head = record(WRITE, start / SECTOR, count, new Uint8Array(checks.buffer));
    const whole = new Uint8Array(head.length + data.length);
    whole.set(head);
    whole.set(data, head.length);
    put(this.#file, whole, this.#end);
    this.#place(start / SECTOR, this.#end + head.length, checks.subarray(0, count));
    this.#end += whole.length;
  }

  #place(first: number, position: number, checks: Uint32Array): void {
    checks.forEach((check, index) => {
      const number = first + index;
      const group = Math.floor(number / GROUP);
      let places = this.#places.get(group);
      if (!places) {
        places = { at: new Uint32Array(GROUP), check: new Uint32Array(GROUP) };
        this.#places.set(group, places);
      }
      if (!places.at[number % GROUP]) this.#sectors++;
      places.at[number % GROUP] = (position + index * SECTOR) / UNIT;
      places.check[number % GROUP] = check;
    });
  }

  #placeOf(number: number): number {
    return this.#places.get(Math.floor(number / GROUP))?.at[number % GROUP] ?? 0;
  }

  #read(number: number, at: number, into: Uint8Array): void {
    this.#file.read(into, { at: at * UNIT });
    for (let done = 0; done < into.length; done += SECTOR) {
      const sector = number + done / SECTOR;
      const { check } = this.#places.get(Math.floor(sector / GROUP)) as Places;
      if (crc32(into.subarray(done, done + SECTOR)) !== check[sector % GROUP]) {
        throw new DriveError(
          `what was written to ${this.head.name} is damaged where this browser keeps it (sector ${sector})`,
          "unreadable",
        );
      }
    }
  }

  /** Reads all records; what stands behind the last mark but one may be torn, and is looked at closely. */
  #scan(): void {
    const size = this.#file.getSize();
    const records: Found[] = [];
    let end = HEAD_BYTES;
    for (let found = this.#record(end, size); found; found = this.#record(end, size)) {
      records.push(found);
      end = found.end;
    }
    const marks = records.flatMap(({ kind }, index) => (kind === SAFE ? [index] : []));
    const sure = marks.at(-2) ?? -1;
    for (const [index, found] of records.entries()) {
      if (index > sure && !this.#intact(found)) break;
      if (found.kind === WRITE) this.#place(found.first, found.position, found.checks);
      this.#end = found.end;
    }
    if (this.#end < size) this.#file.truncate(this.#end);
  }

  /** The head of a record that begins there, when there is one. */
  #record(at: number, size: number): Found | undefined {
    const head = new Uint8Array(RECORD_BYTES);
    if (at + RECORD_BYTES > size || this.#file.read(head, { at }) < RECORD_BYTES) return undefined;
    const view = new DataView(head.buffer);
    const kind = view.getUint32(0, true);
    const count = view.getUint32(4, true);
    if ((kind !== WRITE && kind !== SAFE) || count > MOST_SECTORS) return undefined;
    const checks = new Uint8Array(padded(count) * 4);
    this.#file.read(checks, { at: at + RECORD_BYTES });
    if (view.getUint32(16, true) !== checkOfRecord(head, checks)) return undefined;
    const position = at + RECORD_BYTES + checks.length;
    const end = position + count * SECTOR;
    if (end > size) return undefined;
    return {
      kind,
      first: view.getFloat64(8, true),
      checks: new Uint32Array(checks.buffer, 0, count),
      position,
      end,
    };
  }

  #intact({ checks, position }: Found): boolean {
    const data = new Uint8Array(checks.length * SECTOR);
    this.#file.read(data, { at: position });
    return checks.every(
      (check, index) => check === crc32(data.subarray(index * SECTOR, (index + 1) * SECTOR)),
    );
  }
}

interface Found {
  kind: number;
  /** Number of the first sector. */
  first: number;
  checks: Uint32Array;
  position: number;
  end: number;
}

/** Checksums in a record, so many that the data begins at a whole unit. */
const padded = (count: number) => Math.ceil((count * 4) / UNIT) * (UNIT / 4);

function record(kind: number, first: number, count: number, checks: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RECORD_BYTES + checks.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind, true);
  view.setUint32(4, count, true);
  view.setFloat64(8, first, true);
  bytes.set(checks, RECORD_BYTES);
  view.setUint32(16, checkOfRecord(bytes.subarray(0, RECORD_BYTES), checks), true);
  return bytes;
}

/** Of a record's head, without the checksum itself, and of the checksums behind it. */
function checkOfRecord(head: Uint8Array, checks: Uint8Array): number {
  const bytes = new Uint8Array(16 + checks.length);
  bytes.set(head.subarray(0, 16));
  bytes.set(checks, 16);
  return crc32(bytes);
}

/** A file that cannot grow may take a part only. */
function put(file: LogFile, bytes: Uint8Array, at: number): void {
  if (file.write(bytes, { at }) < bytes.length) {
    throw new DOMException("the browser took a part of it only", "QuotaExceededError");
  }
}
