import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SECTOR } from "../../machine/drive/written.ts";
import { KeptLog } from "./serve.ts";
import { TestStorage } from "./testing.ts";

const MIB = 2 ** 20;
const head = { slot: "hda", name: "disk.img", identity: "it", size: 64 * MIB };
const place = { machineId: "one", head };

let storage: TestStorage;
beforeEach(() => {
  storage = new TestStorage();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

async function opened(): Promise<KeptLog> {
  const log = new KeptLog();
  await log.open(place);
  return log;
}

const full = (value: number, sectors = 1) => new Uint8Array(sectors * SECTOR).fill(value);
const read = (log: KeptLog, sector: number) => log.overlay(sector * SECTOR, new Uint8Array(SECTOR))[0];
const sizes = async () => Array.from((await storage.files("one")).values(), ({ bytes }) => bytes.length);

describe("a log of which most was written over", () => {
  const SECTORS = 4096;

  beforeEach(async () => {
    const log = await opened();
    for (let round = 1; round <= 17; round++) log.write([{ start: 0, data: full(round, SECTORS) }]);
    // What stands before the last mark but one is not looked at when it is opened.
    log.flush();
    log.flush();
    log.close();
  });

  it("is written anew when it is opened", async () => {
    const log = await opened();
    expect(read(log, SECTORS - 1)).toBe(17);
    expect(await sizes()).toEqual([expect.closeTo(2 * MIB, -6)]);
  });

  it("is opened as it is where there is no room for another, of which nothing stays", async () => {
    storage.room = MIB;
    const log = await opened();
    expect(read(log, 0)).toBe(17);
    const [size, ...others] = await sizes();
    expect(size).toBeGreaterThan(32 * MIB);
    expect(others).toEqual([]);
    expect(storage.room).toBe(MIB);
    log.write([{ start: SECTOR, data: full(18) }]);
    log.flush();
    log.close();
    expect(read(await opened(), 1)).toBe(18);
  });

  it("is opened as it is when a sector of it is damaged, which alone cannot be read", async () => {
    const [file] = (await storage.files("one")).values();
    if (!file) expect.unreachable();
    file.bytes[file.bytes.length - 1000] = 1;
    const log = await opened();
    expect(() => read(log, SECTORS - 1 - 1)).toThrow("sector 4094");
    expect([read(log, 0), read(log, SECTORS - 1)]).toEqual([17, 17]);
    expect(await sizes()).toHaveLength(1);
  });
});
