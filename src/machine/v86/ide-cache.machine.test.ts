/** A disk's write cache and flush, as the guest's code finds them. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { Drive } from "../drive/drive.ts";
import type { SectorWrite } from "../drive/log.ts";
import type { DriveLayer } from "../drive/queue.ts";
import { memorySource } from "../drive/source.ts";
import { asm, type Code, RESULTS, tinyMachine } from "../testing/tiny-guest.ts";

const SECTOR = 512;
const PORT = {
  DATA: 0x1f0,
  FEATURES: 0x1f1,
  COUNT: 0x1f2,
  LOW: 0x1f3,
  DEVICE: 0x1f6,
  COMMAND: 0x1f7,
  ALT: 0x3f6,
};
const source = () => memorySource("disk.img", new Uint8Array(64 * SECTOR), "disk");

const machines: Awaited<ReturnType<typeof tinyMachine>>[] = [];
afterEach(async () => {
  await Promise.all(machines.splice(0).map(({ emulator }) => emulator.destroy()));
});

/** A layer in memory whose flush ends when the test says so. */
class HeldLayer implements DriveLayer {
  written = 0;
  readonly writes: SectorWrite[] = [];
  readonly flushes: (() => void)[] = [];
  async overlay(_: number, data: Uint8Array) {
    return data;
  }
  async write(writes: readonly SectorWrite[]) {
    this.writes.push(...writes);
  }
  flush() {
    return new Promise<void>((done) => this.flushes.push(done));
  }
  async clusters() {
    return new Float64Array();
  }
  async save() {
    return [];
  }
  async replace() {}
  async close() {}
}

async function run(code: Code, drive: Drive) {
  const machine = await tinyMachine(code, { hda: await drive.open() });
  machines.push(machine);
  machine.bus.resume();
  return machine;
}

const store = (index: number): Code => asm.store(RESULTS + 4 * index, 4);
/** Waits, within the guest, until the device asks for data: bit 3 of its status. */
const dataRequest: Code = asm.until([...asm.in8(PORT.COMMAND), 0x24, 0x08]);
/** ... and until it is not busy: reads the status, inverts, keeps bit 7. */
const notBusy: Code = asm.until([...asm.in8(PORT.COMMAND), 0xf6, 0xd0, 0x24, 0x80]);
const identify: Code = [
  ...asm.out8(PORT.DEVICE, 0xe0),
  ...asm.out8(PORT.COMMAND, 0xec),
  ...dataRequest,
  ...asm.times(82, asm.in16(PORT.DATA)),
  ...asm.in16(PORT.DATA),
  ...store(0),
  ...asm.times(2, asm.in16(PORT.DATA)),
  ...asm.in16(PORT.DATA),
  ...store(1),
  ...asm.say("!"),
];
const WRITE_CACHE = 1 << 5;
const features = (feature: number): Code => [
  ...asm.out8(PORT.DEVICE, 0xe0),
  ...asm.out8(PORT.FEATURES, feature),
  ...asm.out8(PORT.COMMAND, 0xef),
  ...notBusy,
];
const writeSector: Code = [
  ...asm.out8(PORT.DEVICE, 0xe0),
  ...asm.out8(PORT.COUNT, 1),
  ...asm.out8(PORT.LOW, 5),
  ...asm.out8(PORT.LOW + 1, 0),
  ...asm.out8(PORT.LOW + 2, 0),
  ...asm.out8(PORT.COMMAND, 0x30),
  ...dataRequest,
  ...asm.times(256, asm.out16(PORT.DATA, 0x4141)),
];

describe("a disk that lasts", () => {
  it("says that it has a write cache, which is on, until the guest switches it off", async () => {
    const machine = await run(identify, new Drive(source(), new HeldLayer()));
    await machine.hears("!");
    expect([machine.result(0) & WRITE_CACHE, machine.result(1) & WRITE_CACHE]).toEqual([
      WRITE_CACHE,
      WRITE_CACHE,
    ]);
    const off = await run([...features(0x82), ...identify], new Drive(source(), new HeldLayer()));
    await off.hears("!");
    expect([off.result(0) & WRITE_CACHE, off.result(1) & WRITE_CACHE]).toEqual([WRITE_CACHE, 0]);
  });

  it("is busy with a flush until all that was written is safe", async () => {
    for (const command of [0xe7, 0xea, 0xe0]) {
      const layer = new HeldLayer();
      const flush = [...asm.out8(PORT.COMMAND, command), ...asm.in8(PORT.ALT), ...store(0)];
      const code = [...writeSector, ...asm.say("w"), ...flush, ...asm.say("f"), ...notBusy, ...asm.say("!")];
      const machine = await run(code, new Drive(source(), layer));
      await machine.hears("f");
      expect(machine.result(0) & 0xff).toBe(0x80);
      await vi.waitUntil(() => layer.flushes.length === 1);
      expect(layer.writes.map(({ start, data }) => [start, data[0], data.length])).toEqual([
        [5 * SECTOR, 0x41, SECTOR],
      ]);
      expect(machine.said()).toBe("wf");
      layer.flushes[0]!();
      await machine.hears("!");
    }
  });

  it("answers a reset of the channel in the middle of a flush", async () => {
    const layer = new HeldLayer();
    const reset = [...asm.out8(PORT.ALT, 6), ...asm.out8(PORT.ALT, 2), ...notBusy];
    const machine = await run(
      [...asm.out8(PORT.DEVICE, 0xe0), ...asm.out8(PORT.COMMAND, 0xe7), ...reset, ...asm.say("!")],
      new Drive(source(), layer),
    );
    await machine.hears("!");
  });

  it("ends a write only when it is safe, when its cache is off", async () => {
    const layer = new HeldLayer();
    const machine = await run(
      [...features(0x82), ...writeSector, ...asm.say("w"), ...notBusy, ...asm.say("!")],
      new Drive(source(), layer),
    );
    await vi.waitUntil(() => layer.flushes.length === 1);
    layer.flushes[0]!();
    await machine.hears("!");
  });
});

describe("a disk that ends with the machine", () => {
  it("has no write cache, as v86 has it", async () => {
    const machine = await run(identify, new Drive(source()));
    await machine.hears("!");
    expect([machine.result(0) & WRITE_CACHE, machine.result(1) & WRITE_CACHE]).toEqual([0, 0]);
  });
});
