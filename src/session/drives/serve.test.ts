import { beforeEach, describe, expect, it, vi } from "vitest";
import { SECTOR } from "../../machine/drive/written.ts";
import { KeptLog } from "./serve.ts";
import { eachWithStorage } from "./testing.ts";

const MIB = 2 ** 20;
const head = { slot: "hda", name: "disk.img", identity: "it", size: 64 * MIB };
const place = { machineId: "one", head };

const played = eachWithStorage();

async function opened(): Promise<KeptLog> {
  const log = new KeptLog();
  await log.open(place);
  return log;
}

const full = (value: number, sectors = 1) => new Uint8Array(sectors * SECTOR).fill(value);
const read = (log: KeptLog, sector: number) => log.overlay(sector * SECTOR, new Uint8Array(SECTOR))[0];
const sizes = async () =>
  Array.from((await played.storage.files("one")).values(), ({ bytes }) => bytes.length);

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
    played.storage.room = MIB;
    const log = await opened();
    expect(read(log, 0)).toBe(17);
    const [size, ...others] = await sizes();
    expect(size).toBeGreaterThan(32 * MIB);
    expect(others).toEqual([]);
    expect(played.storage.room).toBe(MIB);
    log.write([{ start: SECTOR, data: full(18) }]);
    log.flush();
    log.close();
    expect(read(await opened(), 1)).toBe(18);
  });

  it("is opened as it is when a sector of it is damaged, which alone cannot be read", async () => {
    const [file] = (await played.storage.files("one")).values();
    if (!file) expect.unreachable();
    file.bytes[file.bytes.length - 1000] = 1;
    const log = await opened();
    expect(() => read(log, SECTORS - 1 - 1)).toThrow("sector 4094");
    expect([read(log, 0), read(log, SECTORS - 1)]).toEqual([17, 17]);
    expect(await sizes()).toHaveLength(1);
  });
});

describe("a drive that somebody else has", () => {
  /** The value at the beginning of what is there now. */
  async function kept(): Promise<number | undefined> {
    const log = await opened();
    const value = read(log, 0);
    log.close();
    return value;
  }

  const begin = async (value: number) => {
    const log = await opened();
    log.write([{ start: 0, data: full(value) }]);
    log.flush();
    return log;
  };
  const anew = (log: KeptLog, value: number) => log.replace([{ start: 0, data: full(value) }]);

  /** Runs `first` when a file is next asked for, before it is given. */
  async function beforeNextFile(first: () => Promise<void>): Promise<void> {
    const folder = await played.storage.folder("one");
    const get = folder.getFileHandle.bind(folder);
    vi.spyOn(folder, "getFileHandle").mockImplementationOnce(async (name, options) => {
      await first();
      return get(name, options);
    });
  }

  it("is opened as they left it when they write it anew while it is waited for", async () => {
    const holder = await begin(1);
    const opening = opened();
    const [file] = (await played.storage.files("one")).values();
    const asked = vi.spyOn(file as NonNullable<typeof file>, "createSyncAccessHandle");
    await vi.waitUntil(() => asked.mock.calls.length > 0);
    await anew(holder, 2);
    holder.close();
    expect(read(await opening, 0)).toBe(2);
  });

  it("is opened as they left it when they write it anew after its files were listed", async () => {
    const holder = await begin(1);
    await beforeNextFile(async () => {
      await anew(holder, 2);
      holder.close();
    });
    const log = await opened();
    expect(read(log, 0)).toBe(2);
    log.write([{ start: 0, data: full(3) }]);
    log.flush();
    log.close();
    expect(await kept()).toBe(3);
    expect(await sizes()).toHaveLength(1);
  });

  it.each(["no", "a"])(
    "is opened as they left it when the older file is free for a moment; %s newer one was half made",
    async (half) => {
      const holder = await begin(1);
      const folder = await played.storage.folder("one");
      const [[name, file] = expect.unreachable()] = await played.storage.files("one");
      if (half === "a") await folder.getFileHandle(name.replace(/1$/, "2"), { create: true });
      const handed = vi.spyOn(file, "createSyncAccessHandle");
      const opening = opened();
      await vi.waitUntil(() => handed.mock.calls.length > 0);
      const remove = vi.spyOn(folder, "removeEntry").mockImplementationOnce(async () => {
        const isHanded = () => handed.mock.settledResults.some(({ type }) => type === "fulfilled");
        await vi.waitUntil(isHanded, { timeout: 20_000 });
        throw new DOMException("somebody has it", "NoModificationAllowedError");
      });
      await anew(holder, 2);
      holder.write([{ start: 0, data: full(3) }]);
      holder.flush();
      holder.close();
      const log = await opening;
      expect(remove).toHaveBeenCalledWith(name);
      expect(read(log, 0)).toBe(3);
      log.close();
      expect(await sizes()).toHaveLength(1);
    },
  );

  it("is opened as they left it when they begin it at the same time", async () => {
    await beforeNextFile(async () => (await begin(1)).close());
    expect(await kept()).toBe(1);
    const folder = await played.storage.folder("one");
    for (const name of (await played.storage.files("one")).keys()) await folder.removeEntry(name);
    await beforeNextFile(async () => {
      const holder = await begin(1);
      await anew(holder, 2);
      holder.close();
    });
    expect(await kept()).toBe(2);
    expect(await sizes()).toHaveLength(1);
  });
});
