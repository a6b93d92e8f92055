/** The parts of a UEFI machine in a real v86 in Node, with firmware of a few bytes. */
import { V86 } from "v86";
import { afterEach, describe, expect, it } from "vitest";
import { asm, type Code, RESULTS, tinyUefiMachine, VARIABLES_AT } from "../../testing/tiny-guest.ts";
import { createUefiV86, UefiImageError } from "./uefi-machine.ts";

const machines: { emulator: { destroy(): Promise<void> } }[] = [];
afterEach(async () => {
  await Promise.all(machines.splice(0).map(({ emulator }) => emulator.destroy()));
});

async function machine(...code: Code[]) {
  const made = await tinyUefiMachine([...code.flat(), ...asm.say("!")]);
  machines.push(made);
  return made;
}

/** Runs code to its end. */
async function ran(...code: Code[]) {
  const made = await machine(...code);
  made.bus.resume();
  await made.hears("!");
  return made;
}

const keep = (index: number) => asm.store(RESULTS + 4 * index, 4);
const pci = (device: number, fn: number, register: number) =>
  asm.out32(0xcf8, 0x8000_0000 + (device << 11) + (fn << 8) + register);
const WHERE_AM_I: Code = [0xbc, 0, 0x20, 0, 0, 0xe8, 0, 0, 0, 0, 0x58]; // esp = 0x2000; call +0; pop eax
const READ_APIC_BASE: Code = [0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32]; // ecx = IA32_APIC_BASE; rdmsr
const VARIABLE = VARIABLES_AT + 0x1234;

describe("flash below 4 GiB", () => {
  it("is executed where it lies, and read through its chip", async () => {
    const { result } = await ran(WHERE_AM_I, keep(0), asm.load(0xffff_fff0, 4), keep(1));
    expect(result(0)).toBeGreaterThan(0xffff_0000);
    expect(result(1) & 0xff).toBe(0xea); // the reset vector's jump
  });

  it("runs translated when it is hot", async () => {
    const { result, emulator } = await machine(
      [0xbb, 0, 0, 0, 0],
      asm.times(3_000_000, [0x43]),
      [0x89, 0xd8],
      keep(0),
    );
    const { cpu } = (emulator as unknown as { v86: { cpu: { full_clear_tlb(): void } } }).v86;
    let cleared = 0;
    const clear = cpu.full_clear_tlb;
    cpu.full_clear_tlb = () => {
      cleared++;
      clear();
    };
    const made = machines.at(-1) as Awaited<ReturnType<typeof machine>>;
    made.bus.resume();
    await made.hears("!");
    expect(result(0)).toBe(3_000_000);
    expect(cleared).toBeGreaterThan(0);
  });

  it("takes variables by the chip's commands, which survive a reset and its mode does not", async () => {
    const made = await ran(
      asm.load(VARIABLE, 1),
      [0x3c, 0xa5], // cmp al, 0xa5
      [0x74, 14], // je: over both writes
      asm.poke(VARIABLE, 0x40),
      asm.poke(VARIABLE, 0xa5),
      asm.set(0),
      asm.load(VARIABLE, 1),
      keep(0),
    );
    expect(made.result(0)).toBe(0x80); // the status register
    expect(made.uefi.variables.content()[0x1234]).toBe(0xa5);
    made.bus.reset();
    await made.hears("!!");
    expect(made.result(0)).toBe(0xa5);
  });
});

describe("the processor", () => {
  it("has its local APIC on and is the one that boots, after a reset too", async () => {
    const made = await ran(asm.set(0), READ_APIC_BASE, keep(0));
    expect(made.result(0)).toBe(0xfee0_0900);
    made.emulator.write_memory(new Uint8Array(4), RESULTS);
    made.bus.reset();
    await made.hears("!!");
    expect(made.result(0)).toBe(0xfee0_0900);
  });
});

describe("fw_cfg", () => {
  it("answers at its ports, by DMA as well, with the files of the bus", async () => {
    const access = [0, 0x20, 0, 0x0a, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0x15, 0]; // select and read etc/e820 to 0x1500
    const made = await machine(
      asm.out16(0x510, 0),
      asm.set(0),
      asm.in8(0x511),
      keep(0),
      asm.in32(0x514),
      keep(1),
      ...access.map((byte, at) => asm.poke(0x1400 + at, byte)),
      asm.out32(0x514, 0),
      asm.out32(0x518, 0x0014_0000),
      asm.load(0x1400, 4),
      keep(2),
      asm.load(0x1500, 4),
      keep(3),
      asm.out16(0x510, 0x19),
      asm.in8(0x511),
      asm.in8(0x511),
      asm.in8(0x511),
      asm.set(0),
      asm.in8(0x511),
      keep(4),
    );
    made.bus.setFirmwareFile("opt/own", Uint8Array.of(1));
    made.bus.setFirmwareFile("acpi/TABLE", new Uint8Array(64));
    made.bus.resume();
    await made.hears("!");
    expect(made.result(0)).toBe("Q".charCodeAt(0));
    expect(made.result(1)).toBe(0x554d_4551);
    expect([made.result(2), made.result(3)]).toEqual([0, 0]); // done, and RAM begins at 0
    expect(made.result(4)).toBe(5); // e820, three of ACPI, and the one that was set
  });
});

describe("the PCI bus", () => {
  it("has the power management function behind the ISA bridge", async () => {
    const { result } = await ran(
      pci(1, 3, 0),
      asm.in32(0xcfc),
      keep(0),
      pci(7, 0, 0),
      asm.in32(0xcfc),
      keep(1),
    );
    expect(result(0)).toBe(0x7113_8086);
    expect(result(1)).toBe(0xffff_ffff);
  });

  it("drops writes to devices that are not there", async () => {
    const { result } = await ran(
      pci(9, 0, 4),
      asm.out8(0xcfc, 7),
      asm.out16(0xcfc, 7),
      asm.out32(0xcfc, 7),
      asm.in32(0xcfc),
      keep(0),
    );
    expect(result(0)).toBe(0xffff_ffff);
  });
});

describe("the graphics card", () => {
  const at = (base: number) => [
    ...pci(0x12, 0, 0x10),
    ...asm.out32(0xcfc, 0xffff_ffff),
    ...asm.out32(0xcfc, base),
  ];

  it("has its frame buffer where the firmware places it, and says so", async () => {
    const { result } = await ran(
      at(0x8000_0000),
      pci(0x12, 0, 0x10),
      asm.in32(0xcfc),
      keep(0),
      asm.set(0x1234_5678),
      asm.store(0x8000_0100, 4),
      asm.poke(0x8000_0103, 0x9a),
      asm.load(0xe000_0100, 4),
      keep(1),
      at(0x9000_0000),
      asm.load(0x9000_0100, 4),
      keep(2),
      asm.load(0x8000_0100, 4),
      keep(3),
    );
    expect(result(0)).toBe(0x8000_0008);
    expect([1, 2, 3].map(result)).toEqual([0x9a34_5678, 0x9a34_5678, 0xffff_ffff]);
  });

  it("has the VBE data register at 0x1D0, too", async () => {
    const { result } = await ran(
      asm.out16(0x1ce, 1),
      asm.out16(0x1d0, 800),
      asm.set(0),
      asm.in16(0x1cf),
      keep(0),
      asm.set(0),
      asm.in16(0x1d0),
      keep(1),
    );
    expect([result(0), result(1)]).toEqual([800, 800]);
  });
});

describe("a saved machine", () => {
  it("goes on with its variables, in the middle of a command of the flash's", async () => {
    const made = await ran(asm.poke(VARIABLE, 0x40));
    const saved = made.uefi.save();
    const other = await machine();
    other.uefi.restore(saved);
    other.uefi.variables.write(VARIABLE, 1, 7);
    expect(other.uefi.variables.content()[0x1234]).toBe(7);
  });
});

it("turns down an image that is no flash's in words", async () => {
  const image = { code: new Uint8Array(100), variables: new Uint8Array(4096) };
  const made = createUefiV86(V86, {}, new Uint8Array(), { image, memorySize: 2 ** 21 });
  await expect(made).rejects.toThrow(UefiImageError);
  await expect(made).rejects.toThrow("whole blocks");
});
