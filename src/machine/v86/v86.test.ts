/** The bus on a real v86 in Node, with guests of a few bytes. */
import { afterEach, describe, expect, it } from "vitest";
import type { AccessSize } from "../../device/tis/ports.ts";
import { asm, type Code, interruptedBy, RESULTS, tinyMachine } from "../testing/tiny-guest.ts";
import { attachV86 } from "./v86.ts";
import { V86VersionError } from "./v86-internals.ts";

const BASE = 0xfed4_0000;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const machines: { emulator: { destroy(): Promise<void> } }[] = [];
async function machine(...code: Code[]) {
  const made = await tinyMachine([...code.flat(), ...asm.say("!")]);
  machines.push(made);
  return made;
}
afterEach(async () => {
  await Promise.all(machines.splice(0).map(({ emulator }) => emulator.destroy()));
});

const keep = (index: number) => asm.store(RESULTS + 4 * index, 4);

/** A device that notes every access; register n reads as n, n+1, ... per byte. */
function recorder() {
  const seen: string[] = [];
  const at = (address: number) => (address - BASE).toString(16);
  return {
    seen,
    read(address: number, size: AccessSize) {
      seen.push(`r${8 * size} ${at(address)}`);
      const byte = (i: number) => (address + i) & 0xff;
      if (size === 1) return byte(0);
      if (size === 2) return byte(0) | (byte(1) << 8);
      return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
    },
    write(address: number, size: AccessSize, value: number) {
      seen.push(`w${8 * size} ${at(address)} ${value.toString(16)}`);
    },
  };
}

describe("device windows", () => {
  it("deliver every access of the guest, aligned and unsigned", async () => {
    const sizes = [1, 2, 4] as const;
    const m = await machine(
      sizes.flatMap((size, i) => [...asm.set(0), ...asm.load(BASE + 0x84, size), ...keep(i)]),
      asm.set(0x89abcdef),
      sizes.flatMap((size) => asm.store(BASE + 0x24, size)),
      [1, 2, 3].flatMap((lane) => [...asm.load(BASE + 0xf80 + lane, 4), ...keep(3 + lane)]),
      asm.set(0x89abcdef),
      [1, 2].flatMap((lane) => asm.store(BASE + 0xf80 + lane, 4)),
    );
    const device = recorder();
    m.bus.attach({ base: BASE, size: 0x5000 }, device);
    m.bus.resume();
    await m.hears("!");
    expect([0, 1, 2].map(m.result)).toEqual([0x84, 0x8584, 0x87868584]);
    expect([4, 5, 6].map(m.result)).toEqual([0x84838281, 0x85848382, 0x86858483]);
    expect(device.seen).toEqual([
      ...["r8 84", "r8 84", "r8 85", "r32 84"],
      ...["w8 24 ef", "w8 24 ef", "w8 25 cd", "w32 24 89abcdef"],
      ...["r8 f81", "r16 f82", "r8 f84", "r16 f82", "r16 f84", "r8 f83", "r16 f84", "r8 f86"],
      ...["w8 f81 ef", "w16 f82 abcd", "w8 f84 89", "w16 f82 cdef", "w16 f84 89ab"],
    ]);
  });

  it("share a block, and read all ones where nobody is", async () => {
    const m = await machine(
      [BASE, BASE + 0x1_0000, BASE + 0x5000, BASE + 0x6000].flatMap((address, i) => [
        ...asm.load(address, 4),
        ...keep(i),
      ]),
    );
    const constant = (value: number) => ({ read: () => value, write() {} });
    m.bus.attach({ base: BASE, size: 0x5000 }, constant(1));
    m.bus.attach({ base: BASE + 0x1_0000, size: 0x1_0000 }, constant(2));
    m.bus.attach({ base: BASE + 0x5000, size: 0x400 }, constant(3));
    m.bus.resume();
    await m.hears("!");
    expect([0, 1, 2, 3].map(m.result)).toEqual([1, 2, 3, 0xffff_ffff]);
    m.bus.detach({ base: BASE + 0x5000, size: 0x400 });
    m.bus.reset();
    await m.hears("!!");
    expect([0, 1, 2].map(m.result)).toEqual([1, 2, 0xffff_ffff]);
  });

  it("are refused where they cannot be", async () => {
    const m = await machine();
    const device = recorder();
    m.bus.attach({ base: BASE, size: 0x5000 }, device);
    const attaching = (base: number, size: number) => () => m.bus.attach({ base, size }, device);
    expect(attaching(BASE + 0x4f00, 0x200)).toThrow(
      "window 0xFED44F00-0xFED450FF overlaps window 0xFED40000-0xFED44FFF",
    );
    expect(attaching(BASE + 0x5010, 0x100)).toThrow("multiples of 256");
    expect(attaching(0x1000, 0x100)).toThrow("end of RAM");
    expect(() => m.bus.detach({ base: BASE, size: 0x1000 })).toThrow("no device");
  });
});

describe("resets", () => {
  const reboots: [string, Code][] = [
    ["the keyboard controller", asm.out8(0x64, 0xfe)],
    ["port 0xCF9", [...asm.out8(0xcf9, 2), ...asm.out8(0xcf9, 6)]],
  ];
  it.each(reboots)("by the guest through %s call each listener once", async (_name, reboot) => {
    const m = await tinyMachine([
      // The device says whether to go on: 0 the first time.
      ...asm.load(BASE, 1),
      ...[0x84, 0xc0, 0x75, reboot.length],
      ...reboot,
      ...asm.say("!"),
    ]);
    machines.push(m);
    let resets = 0;
    m.bus.attach({ base: BASE, size: 0x100 }, { read: () => resets, write() {} });
    m.bus.onReset(() => resets++);
    const unsubscribe = m.bus.onReset(() => expect.unreachable("this listener had left"));
    unsubscribe();
    m.bus.resume();
    await m.hears("!");
    expect(resets).toBe(1);
  });

  it("by restart() and the reset button call it once each, synchronously", async () => {
    const m = await machine();
    let resets = 0;
    m.bus.onReset(() => resets++);
    m.emulator.restart();
    expect(resets).toBe(1);
    m.bus.reset();
    expect(resets).toBe(2);
  });
});

describe("memory", () => {
  const AT = [0, 0x9_fff0, 0xc_8000, 0x10_0000, 0x1f_fff0];
  const MARK = Uint8Array.of(0xde, 0xad, 0xbe, 0xef);

  it("outlives a reset, unless it is cleared right before; firmware is there again", async () => {
    const m = await machine();
    const marks = () => AT.map((at) => Buffer.from(m.emulator.read_memory(at, 4)).equals(MARK));
    let clear = false;
    let before: boolean[] = [];
    m.bus.beforeReset(() => {
      before = marks();
      if (clear) m.bus.clearMemory();
    });
    m.bus.beforeReset(() => expect.unreachable("this listener had left"))();
    m.bus.resume();
    await m.hears("!");
    const press = () => {
      for (const at of AT) m.emulator.write_memory(MARK, at);
      m.bus.reset();
      return marks();
    };
    expect(press()).toEqual(AT.map(() => true));
    await m.hears("!!");
    clear = true;
    expect(press()).toEqual(AT.map(() => false));
    expect(before).toEqual(AT.map(() => true));
    // It runs again, from the firmware's copy in memory.
    await m.hears("!!!");
  });
});

describe("a crash of the emulator", () => {
  const badSegment = [...asm.set(0x1230), 0x8e, 0xd8];

  it("is told, stops the machine, and ends with a reset", async () => {
    // The first time the program loads a selector that is not there, with no handler for the fault.
    const m = await machine(asm.load(BASE, 1), [0x84, 0xc0, 0x75, badSegment.length], badSegment);
    let resets = 0;
    m.bus.attach({ base: BASE, size: 0x100 }, { read: () => resets, write() {} });
    m.bus.onReset(() => resets++);
    const crash = new Promise<Error>((resolve) => m.bus.onCrash(resolve));
    m.bus.resume();
    expect((await crash).message).toContain("the emulator has failed");
    await m.bus.settled();
    expect(m.bus.stopped).toBe(true);
    m.bus.reset();
    m.bus.resume();
    await m.hears("!");
  });
});

describe("firmware files", () => {
  it("are replaced and removed by name, and have short names", async () => {
    const m = await machine();
    const files = () =>
      (m.emulator as unknown as { v86: { cpu: { option_roms: { name: string; data: Uint8Array }[] } } }).v86
        .cpu.option_roms;
    m.bus.setFirmwareFile("acpi/TPM2", Uint8Array.of(1));
    m.bus.setFirmwareFile("acpi/TPM2", Uint8Array.of(2));
    expect(files()).toEqual([{ name: "acpi/TPM2", data: Uint8Array.of(2) }]);
    m.bus.removeFirmwareFile("acpi/TPM2");
    m.bus.removeFirmwareFile("acpi/TPM2");
    expect(files()).toEqual([]);
    expect(() => m.bus.setFirmwareFile("x".repeat(56), Uint8Array.of(1))).toThrow(RangeError);
  });
});

describe("the interrupt line", () => {
  it("reaches the interrupt controller and leaves it", async () => {
    const irr = [...asm.out8(0x20, 0x0a), ...asm.in8(0x20)];
    const m = await machine(
      ...[0x11, 0x08, 0x04, 0x01].map((word, i) => asm.out8(i ? 0x21 : 0x20, word)),
      asm.out8(0x21, 0xff),
      asm.out8(0x4d0, 0x20), // IRQ 5 by level, as a TPM drives it
      ...[1, 0].flatMap((level, i) => [asm.set(level), asm.store(BASE, 4), asm.set(0), irr, keep(i)]),
    );
    m.bus.attach(
      { base: BASE, size: 0x100 },
      { read: () => 0, write: (_a, _s, v) => m.bus.setIrq(5, v === 1) },
    );
    m.bus.resume();
    await m.hears("!");
    expect([m.result(0) & 0x20, m.result(1) & 0x20]).toEqual([0x20, 0]);
  });

  it("interrupts between instructions, never in the middle of the access that moves a line", async () => {
    const COUNT = 200_000;
    const m = await machine(
      interruptedBy(5, [0x50, ...asm.set(2), ...asm.store(BASE, 4), ...asm.increment(RESULTS), 0x58]),
      // Line 5 up; line 6 down, where it is; then a change of EFLAGS.
      asm.times(COUNT, [
        ...[...asm.set(1), ...asm.store(BASE, 4), ...asm.set(3), ...asm.store(BASE, 4)],
        ...[...asm.cli(), ...asm.sti(), ...asm.increment(RESULTS + 4)],
      ]),
      asm.cli(),
    );
    m.bus.attach(
      { base: BASE, size: 0x100 },
      { read: () => 0, write: (_a, _s, v) => m.bus.setIrq(v === 3 ? 6 : 5, v === 1) },
    );
    m.bus.resume();
    await m.hears("!");
    expect([m.result(0), m.result(1)]).toEqual([COUNT, COUNT]);
  });
});

describe("a saved state", () => {
  it("is restored under a newly attached device", async () => {
    // v86 cannot restore IDE base addresses that no firmware has cleared.
    const clearBar = (bar: number) => [...asm.out32(0xcf8, 0x8000_f010 + 4 * bar), ...asm.out32(0xcfc, 0)];
    const program = [
      ...[0, 1].flatMap(clearBar),
      ...asm.load(BASE, 4),
      ...keep(0),
      ...[...asm.rdtsc(), ...keep(2), ...asm.in32(0xb008), ...keep(4)],
      ...asm.until(asm.load(BASE, 1)),
      ...[...asm.rdtsc(), ...keep(3), ...asm.in32(0xb008), ...keep(5)],
      ...asm.load(BASE, 4),
      ...keep(1),
    ];
    const first = await machine(program);
    let polls = 0;
    first.bus.attach(
      { base: BASE, size: 0x100 },
      { read: (_a, size) => (size === 4 ? 0x1100 : polls++ & 0), write() {} },
    );
    first.bus.resume();
    while (polls < 10) await wait(1);
    first.bus.pause();
    await first.bus.settled();
    const state = await first.emulator.save_state();
    const time = first.bus.clock.microtick();
    await wait(300);

    const second = await machine(program);
    second.bus.attach({ base: BASE, size: 0x100 }, { read: () => 0x2201, write() {} });
    second.bus.setTime(time);
    await second.emulator.restore_state(state);
    second.bus.resume();
    await second.hears("!");
    expect([second.result(0), second.result(1)]).toEqual([0x1100, 0x2201]);
    const tsc = ((second.result(3) - second.result(2)) >>> 0) / 1e6;
    const pm = ((second.result(5) - second.result(4)) & 0xff_ffff) / 3579.545;
    expect(Math.max(tsc, pm)).toBeLessThan(250);
  });
});

describe("another v86", () => {
  it("is refused with the names of what is missing", async () => {
    const fake = {
      v86: { run() {}, stop() {}, next_tick() {}, cpu: { io: {}, option_roms: [], memory_size: [1] } },
      add_listener() {},
      remove_listener() {},
      is_running: () => false,
      restart() {},
      read_memory: () => new Uint8Array(),
      write_memory() {},
      run: async () => {},
      stop: async () => {},
    };
    const refusal = await attachV86(fake).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(V86VersionError);
    expect((refusal as V86VersionError).missing).toContain("v86.cpu.io.mmap_register");
    expect((refusal as Error).message).toContain("0.5.462");
  });
});
