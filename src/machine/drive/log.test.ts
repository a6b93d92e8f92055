import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LogFile, SectorLog } from "./log.ts";
import { SECTOR } from "./written.ts";

const RUNS = Number(process.env.WEBTPM_RUNS ?? 50);
const HEAD = { slot: "hda", name: "disk.img", identity: "one", size: 2 ** 30 };

/** A disk whose writes are safe from a power cut only when it was flushed. */
class Disk implements LogFile {
  safe: Uint8Array = new Uint8Array();
  now: Uint8Array = new Uint8Array();
  unsafe: { at: number; bytes: Uint8Array }[] = [];
  room = Number.POSITIVE_INFINITY;

  getSize = () => this.now.length;

  read(into: Uint8Array, { at }: { at: number }) {
    const found = this.now.subarray(at, at + into.length);
    into.set(found);
    return found.length;
  }

  write(bytes: Uint8Array, { at }: { at: number }) {
    const taken = bytes.slice(0, Math.max(0, this.room - at));
    this.now = placed(this.now, taken, at);
    this.unsafe.push({ at, bytes: taken });
    return taken.length;
  }

  truncate(size: number) {
    this.now = this.now.slice(0, size);
    this.safe = this.safe.slice(0, size);
  }

  flush() {
    this.safe = this.now;
    this.unsafe = [];
  }

  close() {}

  /** Power fails: of what was not flushed, each write is there whole, in part, or not at all. */
  cut(kept: (write: number) => number): Disk {
    const after = new Disk();
    after.now = this.safe;
    this.unsafe.forEach(({ at, bytes }, index) => {
      const length = Math.floor(bytes.length * kept(index));
      if (length) after.now = placed(after.now, bytes.subarray(0, length), at);
    });
    after.safe = after.now;
    return after;
  }
}

function placed(file: Uint8Array, bytes: Uint8Array, at: number): Uint8Array {
  const longer = new Uint8Array(Math.max(file.length, at + bytes.length));
  longer.set(file);
  longer.set(bytes, at);
  return longer;
}

const read = (log: SectorLog, sector: number) => {
  const data = new Uint8Array(SECTOR);
  log.overlay(sector * SECTOR, data);
  return data[7];
};

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ sector: fc.nat(40), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.constant("flush" as const) },
);

describe("a log of sectors", () => {
  it("has after a power cut whatever was flushed, and of each sector nothing older", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 30 }),
        fc.array(fc.constantFrom(0, 0.5, 0.99, 1), { minLength: 1, maxLength: 20 }),
        (steps, fates) => {
          const disk = new Disk();
          const log = SectorLog.create(disk, HEAD);
          /** Of each sector, all values that it may have: the flushed one and those since. */
          const may = new Map<number, number[]>();
          steps.forEach((what, index) => {
            if (what === "flush") {
              log.flush();
              for (const [sector, values] of may) may.set(sector, values.slice(-1));
              return;
            }
            const value = index + 1;
            log.write(what.sector * SECTOR, new Uint8Array(what.count * SECTOR).fill(value));
            for (let sector = what.sector; sector < what.sector + what.count; sector++) {
              expect(read(log, sector)).toBe(value);
              may.set(sector, [...(may.get(sector) ?? [0]), value]);
            }
          });
          const after = SectorLog.open(disk.cut((write) => fates[write % fates.length] as number));
          for (const [sector, values] of may) expect(values).toContain(read(after, sector));
          // What was cut off does not come back, and what is written now stays.
          after.write(0, new Uint8Array(SECTOR).fill(200));
          after.flush();
        },
      ),
      { numRuns: RUNS },
    );
  });

  it("goes on after a power cut, and is read again", () => {
    const disk = new Disk();
    const log = SectorLog.create(disk, HEAD);
    log.write(0, new Uint8Array(2 * SECTOR).fill(1));
    log.flush();
    log.write(0, new Uint8Array(2 * SECTOR).fill(2));
    const after = disk.cut(() => 0.9);
    const again = SectorLog.open(after);
    expect(read(again, 1)).toBe(1);
    again.write(SECTOR, new Uint8Array(SECTOR).fill(3));
    again.flush();
    const last = SectorLog.open(after.cut(() => 0));
    expect([read(last, 0), read(last, 1), read(last, 2)]).toEqual([1, 3, 0]);
    expect(last.written).toBe(2 * SECTOR);
    expect(last.head).toEqual(HEAD);
  });

  it("is written anew with what it has, and none while it is not whole", () => {
    const log = SectorLog.create(new Disk(), HEAD);
    for (let round = 0; round < 5; round++) log.write(3 * SECTOR, new Uint8Array(SECTOR).fill(round));
    log.write(5000 * SECTOR, new Uint8Array(SECTOR).fill(9));
    const disk = new Disk();
    const anew = SectorLog.create(disk, HEAD, log.writes());
    expect([read(anew, 3), read(anew, 5000), read(anew, 4)]).toEqual([4, 9, 0]);
    expect(anew.fileSize).toBeLessThan(log.fileSize);
    const cut = new Disk();
    cut.room = 5000;
    expect(() => SectorLog.create(cut, HEAD, log.writes())).toThrow(
      expect.objectContaining({ name: "QuotaExceededError" }),
    );
    expect(() => SectorLog.open(cut)).toThrow("cannot be read");
  });

  it("takes a write that did not fit again, when there is room", () => {
    const disk = new Disk();
    const log = SectorLog.create(disk, HEAD);
    log.write(0, new Uint8Array(SECTOR).fill(1));
    disk.room = log.fileSize + 300;
    expect(() => log.write(0, new Uint8Array(SECTOR).fill(2))).toThrow();
    expect(read(log, 0)).toBe(1);
    disk.room = Number.POSITIVE_INFINITY;
    log.write(0, new Uint8Array(SECTOR).fill(2));
    expect(read(log, 0)).toBe(2);
    log.flush();
    expect(read(SectorLog.open(disk), 0)).toBe(2);
  });

  it("takes whole sectors alone: what ends within one is not there when it is read again", () => {
    const disk = new Disk();
    const log = SectorLog.create(disk, HEAD);
    const before = log.fileSize;
    expect(() => log.write(0, new Uint8Array(8 * SECTOR + 100))).toThrow(RangeError);
    expect(() => log.write(100, new Uint8Array(SECTOR))).toThrow(RangeError);
    expect([log.written, log.fileSize]).toEqual([0, before]);
  });

  it("says of a damaged sector that it is", () => {
    const disk = new Disk();
    const log = SectorLog.create(disk, HEAD);
    log.write(SECTOR, new Uint8Array(SECTOR).fill(1));
    log.flush();
    log.flush();
    disk.now[log.fileSize - 100] = 7;
    expect(() => read(SectorLog.open(disk), 1)).toThrow(/written to disk\.img is damaged .*sector 1/);
  });
});
