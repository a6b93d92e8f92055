import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { Drive } from "./drive.ts";
import type { SectorWrite } from "./log.ts";
import type { DriveLayer } from "./queue.ts";
import { DriveError, type DriveSource, memorySource } from "./source.ts";
import { SECTOR, WrittenSectors } from "./written.ts";

const RUNS = Number(process.env.WEBTPM_RUNS ?? 25);
const SECTORS = 60_000;
const image: DriveSource = {
  name: "disk.img",
  size: SECTORS * SECTOR,
  identity: "one",
  read: async (_, length) => new Uint8Array(length),
};

/** A layer that answers each call in its order, after some turns of the event loop, as a worker does. */
class SlowLayer implements DriveLayer {
  readonly sectors = new WrittenSectors();
  readonly calls: string[] = [];
  failures = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #turns: () => number;

  constructor(turns: () => number = () => 1) {
    this.#turns = turns;
  }

  #next<T>(call: string, work: () => T): Promise<T> {
    const done = this.#tail.then(async () => {
      for (let turn = this.#turns(); turn > 0; turn--) await new Promise((go) => setImmediate(go));
      this.calls.push(call);
      return work();
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }

  get written() {
    return this.sectors.sectors * SECTOR;
  }

  overlay = (start: number, data: Uint8Array) =>
    this.#next("overlay", () => {
      this.sectors.overlay(start, data);
      return data;
    });

  write = (writes: readonly SectorWrite[]) =>
    this.#next("write", () => {
      if (this.failures-- > 0) throw new DOMException("no room", "QuotaExceededError");
      for (const { start, data } of writes) this.sectors.write(start, data);
    });

  clusters = (bytes: number) =>
    this.#next("clusters", () => {
      const [numbers] = this.sectors.save();
      return Float64Array.from(new Set(numbers.map((number) => Math.floor((number * SECTOR) / bytes))));
    });

  flush = () => this.#next("flush", () => undefined);
  close = () => this.#next("close", () => undefined);

  save = (limit: number) =>
    this.#next("save", () => {
      if (this.written > limit) throw new DriveError("too much", "unreadable");
      const [numbers, bytes] = this.sectors.save();
      return Array.from(numbers, (number, index) => ({
        start: number * SECTOR,
        data: bytes.slice(index * SECTOR, (index + 1) * SECTOR),
      }));
    });

  replace = (writes: readonly SectorWrite[]) =>
    this.#next("replace", () => {
      this.sectors.clear();
      for (const { start, data } of writes) this.sectors.write(start, data);
    });
}

const read = (drive: Drive, sector: number, count: number) =>
  new Promise<Uint8Array>((resolve) => drive.get(sector * SECTOR, count * SECTOR, resolve));
const write = (drive: Drive, sector: number, value: number, count = 1) =>
  new Promise<void>((done) => drive.set(sector * SECTOR, new Uint8Array(count * SECTOR).fill(value), done));

const access = fc.record({
  what: fc.constantFrom("write", "read", "read and go on", "flush"),
  sector: fc.oneof(fc.nat(SECTORS - 301), fc.nat(400)),
  count: fc.integer({ min: 1, max: 300 }),
  value: fc.integer({ min: 1, max: 255 }),
  turns: fc.nat(3),
});

describe("a drive with a layer that lasts", () => {
  it("reads what was written last, whatever is under way, and so does the next drive over that layer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(access, { maxLength: 40 }), async (accesses) => {
        let turn = 0;
        const layer = new SlowLayer(() => accesses[turn++ % accesses.length]?.turns ?? 0);
        const drive = new Drive(image, layer);
        const model = new Map<number, number>();
        const reads: Promise<void>[] = [];
        for (const { what, sector, count, value } of accesses) {
          if (what === "flush") await drive.flush();
          else if (what === "write") {
            await write(drive, sector, value, count);
            for (let i = 0; i < count; i++) model.set(sector + i, value);
          } else {
            const expected = Array.from({ length: count }, (_, i) => model.get(sector + i) ?? 0);
            const check = read(drive, sector, count).then((data) => {
              // A guest does not write where it reads at the same time; here it is one of both.
              if (what === "read") for (let i = 0; i < count; i++) expect(data[i * SECTOR]).toBe(expected[i]);
            });
            if (what === "read") await check;
            else reads.push(check);
          }
        }
        await Promise.all(reads);
        await drive.close();
        const next = new Drive(image, layer);
        for (const [sector, value] of model) expect((await read(next, sector, 1))[3]).toBe(value);
      }),
      { numRuns: RUNS },
    );
  });

  it("is flushed only when all that was written before is with the layer, and the layer has said so", async () => {
    const layer = new SlowLayer();
    const drive = new Drive(image, layer);
    await write(drive, 1, 1);
    await write(drive, 2, 2);
    expect(layer.written).toBe(0);
    await drive.flush();
    expect(layer.written).toBe(2 * SECTOR);
    expect(layer.calls.at(-1)).toBe("flush");
  });

  it("makes the guest wait for each write while its write cache is off", async () => {
    const layer = new SlowLayer();
    const drive = new Drive(image, layer);
    drive.writeThrough = true;
    await write(drive, 1, 1);
    expect(layer.calls).toEqual(["write", "flush"]);
  });

  it("makes the guest wait when much is under way", async () => {
    const drive = new Drive(image, new SlowLayer());
    let done = 0;
    for (let mib = 0; mib < 10; mib++) drive.set(mib << 20, new Uint8Array(1 << 20), () => done++);
    expect(done).toBe(8);
    await vi.waitUntil(() => done === 10);
  });

  it("tells of what cannot be kept, keeps it, and gives it again in its order", async () => {
    const layer = new SlowLayer();
    layer.failures = 2;
    const drive = new Drive(image, layer);
    const told: string[] = [];
    drive.onTrouble = (error, retry) => {
      told.push(error.message);
      setImmediate(retry);
    };
    await write(drive, 1, 1);
    await write(drive, 1, 2);
    await drive.flush();
    expect(told).toHaveLength(2);
    expect(told[0]).toMatch(/no room left .* disk\.img/);
    expect((await read(new Drive(image, layer), 1, 1))[0]).toBe(2);
  });

  it("closes when what it was told could not be kept cannot be kept now either, and says that it is lost", async () => {
    const layer = new SlowLayer();
    layer.failures = Number.POSITIVE_INFINITY;
    const drive = new Drive(image, layer);
    const trouble = vi.fn();
    const loss = vi.fn();
    drive.onTrouble = trouble; // nobody tries again
    drive.onLoss = loss;
    await write(drive, 1, 1);
    await vi.waitUntil(() => trouble.mock.calls.length > 0);
    drive.flush().then(() => expect.unreachable());
    await expect(drive.close()).rejects.toThrow(/no room left .* disk\.img/);
    expect(layer.calls).toEqual(["write", "write", "close"]);
    expect(loss).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ name: "DriveError", message: expect.stringMatching(/no room left/) }),
    );
  });

  it("keeps as it closes what could not be kept before, when there is room by then", async () => {
    const layer = new SlowLayer();
    layer.failures = 1;
    const drive = new Drive(image, layer);
    const trouble = vi.fn();
    drive.onTrouble = trouble;
    await write(drive, 1, 1);
    await write(drive, 2, 2);
    await vi.waitUntil(() => trouble.mock.calls.length > 0);
    await drive.close();
    expect(layer.calls).toEqual(["write", "write", "write", "flush", "close"]);
    const next = await read(new Drive(image, layer), 1, 2);
    expect([next[0], next[SECTOR]]).toEqual([1, 2]);
  });

  it("goes into a snapshot and comes out of it, into a layer that had something else", async () => {
    const drive = new Drive(image, new SlowLayer());
    await write(drive, 7, 7, 300);
    expect(() => drive.get_state()).toThrow("not made ready");
    await drive.prepareSave();
    const state = drive.get_state();
    drive.saved();
    const layer = new SlowLayer();
    const other = new Drive(image, layer);
    await write(other, 5, 5);
    await other.flush();
    await read(other, 5, 1);
    other.set_state(state);
    const after = read(other, 5, 3);
    // The rest of the machine may refuse its state still.
    expect(layer.written).toBe(SECTOR);
    expect((await read(new Drive(image, layer), 5, 1))[0]).toBe(5);
    await other.restored();
    expect((await after)[0]).toBe(0);
    expect((await after)[2 * SECTOR]).toBe(7);
    expect(layer.written).toBe(300 * SECTOR);
  });

  it("takes v86's own state of an image that ends within a sector, to its end", async () => {
    const layer = new SlowLayer();
    const replace = vi.spyOn(layer, "replace");
    const odd = new Uint8Array(3 * SECTOR + 100);
    const drive = new Drive(memorySource("odd.img", odd, "odd"), layer);
    drive.set_state([odd.length, odd.slice().fill(3)]);
    await drive.restored();
    expect(replace.mock.calls[0]?.[0][0]?.data).toHaveLength(4 * SECTOR);
    expect((await read(drive, 3, 1))[99]).toBe(3);
  });
});
