/**
 * A guest of a few bytes for tests of the machine itself: a 64 KiB "BIOS" that enters 32-bit mode with flat
 * segments, runs the given code and halts. It needs no image and starts in a millisecond.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { V86, type V86Options } from "v86";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { createV86 } from "../v86/create-v86.ts";
import { createUefiV86 } from "../v86/uefi/uefi-machine.ts";
import type { V86Bus } from "../v86/v86.ts";

const BIOS_SIZE = 0x1_0000;
const BIOS_BASE = 0xf_0000;
const CODE_AT = 0x100;
const RESET_VECTOR = 0xfff0;
/** RAM that the code may use for its results. */
export const RESULTS = 0x1000;

export type Code = number[];

const u32 = (value: number): Code => [
  value & 0xff,
  (value >>> 8) & 0xff,
  (value >>> 16) & 0xff,
  value >>> 24,
];

/** The few instructions that tests need, by what they do. */
export const asm = {
  /** EAX, AX or AL from memory. */
  load: (address: number, size: 1 | 2 | 4): Code => [
    ...(size === 1 ? [0xa0] : size === 2 ? [0x66, 0xa1] : [0xa1]),
    ...u32(address),
  ],
  /** EAX, AX or AL to memory. */
  store: (address: number, size: 1 | 2 | 4): Code => [
    ...(size === 1 ? [0xa2] : size === 2 ? [0x66, 0xa3] : [0xa3]),
    ...u32(address),
  ],
  set: (value: number): Code => [0xb8, ...u32(value)],
  in8: (port: number): Code => [0xba, ...u32(port), 0xec],
  in16: (port: number): Code => [0xba, ...u32(port), 0x66, 0xed],
  in32: (port: number): Code => [0xba, ...u32(port), 0xed],
  out8: (port: number, value: number): Code => [0xba, ...u32(port), 0xb0, value, 0xee],
  out16: (port: number, value: number): Code => [0xba, ...u32(port), 0xb8, ...u32(value), 0x66, 0xef],
  out32: (port: number, value: number): Code => [0xba, ...u32(port), 0xb8, ...u32(value), 0xef],
  /** Low half of the time-stamp counter to EAX. */
  rdtsc: (): Code => [0x0f, 0x31],
  /** Runs `body` (up to 120 bytes, not using ECX) `count` times. */
  times: (count: number, body: Code): Code => [
    0xb9,
    ...u32(count),
    ...body,
    0x49,
    0x75,
    -(body.length + 3) & 0xff,
  ],
  /** AL to memory. */
  poke: (address: number, value: number): Code => [0xb0, value, ...asm.store(address, 1)],
  /** Repeats `body`, which leaves a value in AL, until that is not zero. */
  until: (body: Code): Code => [...body, 0x84, 0xc0, 0x74, -(body.length + 4) & 0xff],
  /** One byte to the serial port: a sign of life for the test to wait for. */
  say: (character: string): Code => asm.out8(0x3f8, character.charCodeAt(0)),
  /** One more in memory, 32 bits. */
  increment: (address: number): Code => [0xff, 0x05, ...u32(address)],
  cli: (): Code => [0xfa],
  sti: (): Code => [0xfb],
  halt: (): Code => [0xf4, 0xeb, 0xfd],
};

const IDT_AT = 0x2000;
const IDT_LIMIT = 0x7ff;
const IDT_POINTER_AT = 0x1ff0;
const STACK_TOP = 0x8000;
/** The first vector of the interrupt controller. */
const FIRST_VECTOR = 0x20;

/** Has `handler`, which keeps all registers, called by an interrupt line (1 to 7) that goes by level, and lets it interrupt. */
export function interruptedBy(line: number, handler: Code): Code {
  const endOfInterrupt = [0x50, 0xb0, 0x20, 0xe6, 0x20, 0x58];
  const whole = [...handler, ...endOfInterrupt, 0xcf];
  const gate = IDT_AT + 8 * (FIRST_VECTOR + line);
  /** EAX from EBX, these bits of it. */
  const part = (mask: number, more: number): Code => [0x89, 0xd8, 0x25, ...u32(mask), 0x0d, ...u32(more)];
  return [
    ...[0x11, FIRST_VECTOR, 0x04, 0x01].flatMap((word, i) => asm.out8(i ? 0x21 : 0x20, word)),
    ...[...asm.out8(0x21, 0xff & ~(1 << line)), ...asm.out8(0x4d0, 1 << line)],
    ...[0xbc, ...u32(STACK_TOP)],
    // A call over the handler leaves its address on the stack, for EBX.
    ...[0xe8, ...u32(whole.length), ...whole, 0x5b],
    ...[...part(0xffff, 0x08_0000), ...asm.store(gate, 4)],
    ...[...part(0xffff_0000, 0x8e00), ...asm.store(gate + 4, 4)],
    ...[...asm.set(IDT_LIMIT | (IDT_AT << 16)), ...asm.store(IDT_POINTER_AT, 4)],
    ...[...asm.set(IDT_AT >>> 16), ...asm.store(IDT_POINTER_AT + 4, 4)],
    ...[0x0f, 0x01, 0x1d, ...u32(IDT_POINTER_AT)],
    ...asm.sti(),
  ];
}

/** ds = es = ss = 0x10 */
const FLAT: Code = [0xb8, 0x10, 0, 0, 0, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0];

/** The BIOS image with `code` in it. */
export function tinyBios(code: Code): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(BIOS_SIZE);
  const gdt = new ByteWriter()
    .zeros(8)
    .u32le(0x0000_ffff)
    .u32le(0x00cf_9a00)
    .u32le(0x0000_ffff)
    .u32le(0x00cf_9200);
  const gdtAt = 0x40;
  const start = [
    ...[0xfa, 0x2e, 0x66, 0x0f, 0x01, 0x16, 0x38, 0x00], // cli; lgdt cs:[0x38]
    ...[0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0], // cr0 |= 1
    ...[0x66, 0xea, ...u32(BIOS_BASE + CODE_AT), 0x08, 0x00], // jmp 8:code
  ];
  image.set(start, 0);
  image.set(
    new ByteWriter()
      .u16le(gdt.length - 1)
      .u32le(BIOS_BASE + gdtAt)
      .finish(),
    0x38,
  );
  image.set(gdt.finish(), gdtAt);
  image.set([...FLAT, ...code, ...asm.halt()], CODE_AT);
  image.set([0xea, 0x00, 0x00, 0x00, 0xf0], RESET_VECTOR); // jmp F000:0000
  return image;
}

const wasm = readFileSync(createRequire(import.meta.url).resolve("v86/build/v86.wasm"));

const MEMORY = 2 ** 20 * 2;
const OPTIONS: V86Options = {
  vga_memory_size: 2 ** 20,
  disable_keyboard: true,
  disable_mouse: true,
  disable_speaker: true,
};

/**
 * A machine that will run `code`, with its bus; not started yet.
 * @param drives e.g. `hda`, of the kind that v86 takes
 */
export async function tinyMachine(code: Code, drives: Record<string, object> = {}) {
  // v86 takes drives of any kind, which its types do not say.
  const machine = { ...OPTIONS, bios: { buffer: tinyBios(code).buffer }, memory_size: MEMORY };
  const options = { ...machine, ...drives } as V86Options;
  const { emulator, bus } = await createV86(V86, options, new Uint8Array(wasm));
  return guestOf(emulator, bus);
}

const CODE_FLASH_SIZE = 0x2_0000;
const VARIABLES_SIZE = 0x1_0000;
/** Where the flash chip with the variables is in {@link tinyUefiMachine}. */
export const VARIABLES_AT = 2 ** 32 - CODE_FLASH_SIZE - VARIABLES_SIZE;

/** A machine with flash that will run `code` where it lies there, right below 4 GiB; not started yet. */
export async function tinyUefiMachine(code: Code) {
  const firmware = new Uint8Array(CODE_FLASH_SIZE);
  // From below 1 MiB, where the CPU begins, to the same place in the flash: behind `flat` and this jump itself.
  const jump = [0xea, ...u32(2 ** 32 - BIOS_SIZE + CODE_AT + FLAT.length + 7), 0x08, 0x00];
  firmware.set(tinyBios([...jump, ...code]), CODE_FLASH_SIZE - BIOS_SIZE);
  const image = { code: firmware, variables: new Uint8Array(VARIABLES_SIZE).fill(0xff) };
  const parts = { image, memorySize: MEMORY };
  const { emulator, bus, uefi } = await createUefiV86(V86, OPTIONS, new Uint8Array(wasm), parts);
  return { ...guestOf(emulator, bus), uefi };
}

function guestOf(emulator: V86, bus: V86Bus) {
  let said = "";
  const listeners = new Set<() => void>();
  emulator.add_listener("serial0-output-byte", (byte: number) => {
    said += String.fromCharCode(byte);
    for (const listener of listeners) listener();
  });
  return {
    emulator,
    bus,
    /** What the guest has said so far. */
    said: () => said,
    /** Resolves when the guest has said `text`. */
    hears: (text: string) =>
      new Promise<void>((resolve) => {
        const check = () => {
          if (!said.includes(text)) return;
          listeners.delete(check);
          resolve();
        };
        listeners.add(check);
        check();
      }),
    /** The `index`th 32-bit result. */
    result: (index: number) => {
      const bytes = emulator.read_memory(RESULTS + 4 * index, 4);
      return new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
    },
  };
}
