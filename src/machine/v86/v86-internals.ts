/**
 * The parts of v86 that this adapter uses and v86 does not document: their shapes, and the check that they are
 * there. Every name below is one that v86's release build keeps.
 */

import type { IdeController } from "./ide-registers.ts";
import type { TimerChip } from "./timer-chip.ts";
import type { Translating } from "./translator.ts";

/** The version of the npm package `v86` with which all of this was tried. */
export const TRIED_V86_VERSION = "0.5.462";

/** The public side of `new V86(...)`, as far as it is used here. */
export interface V86Emulator {
  run(): Promise<void>;
  stop(): Promise<void>;
  restart(): void;
  is_running(): boolean;
  read_memory(offset: number, length: number): Uint8Array;
  write_memory(bytes: Uint8Array, offset: number): void;
  // biome-ignore lint/suspicious/noExplicitAny: v86 types each event's argument; here they carry none.
  add_listener(event: any, listener: (argument: any) => void): void;
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  remove_listener(event: any, listener: (argument: any) => void): void;
}

/** A file that v86 serves through fw_cfg (ports 0x510 and 0x511). */
export interface OptionRom {
  name: string;
  data: Uint8Array;
}

/** A serial port; see serial-chip.ts. */
export interface SerialChip {
  /** What has arrived and was not read yet, the oldest first. */
  input: number[];
  /** Line status and interrupt enable registers. */
  lsr: number;
  ier: number;
}

type Read = (address: number) => number;
type Write = (address: number, value: number) => void;

/** `emulator.v86.cpu.io`. */
export interface V86Io {
  /** What answers at each port. */
  ports: { read8(this: object): number; write8(this: object, value: number): void }[];
  mmap_register(base: number, size: number, r8: Read, w8: Write, r32: Read, w32: Write): void;
  register_read(
    port: number,
    device: object,
    r8: (() => number) | undefined,
    r16?: () => number,
    r32?: () => number,
  ): void;
  register_write(
    port: number,
    device: object,
    w8: ((value: number) => void) | undefined,
    w16?: (value: number) => void,
    w32?: (value: number) => void,
  ): void;
}

/** `emulator.v86.cpu`. */
export interface V86Cpu extends Translating {
  io: V86Io;
  option_roms: OptionRom[];
  memory_size: Int32Array;
  /** Instructions so far, modulo 2^32; code that was translated counts with it too, and leaves its loops by it. */
  instruction_counter: Uint32Array;
  /** Address of the next instruction, while one is interpreted. */
  instruction_pointer: Int32Array;
  /** EFLAGS, but for the arithmetic ones, which are worked out when they are asked for. */
  flags: Int32Array;
  /** `acpi` only in a machine made with that option. It remembers the highest time that its timer has shown. */
  devices: {
    acpi?: { timer_last_value: number; timer_imprecision_offset: number; gpe: Uint8Array };
    uart0?: SerialChip;
    pit?: TimerChip;
    ide?: IdeController;
  };
  /** Runs a slice of guest code; gives the milliseconds that the machine may then sleep. */
  main_loop(): number;
  /** Called from within a slice, with the time that v86 was told last: raises what is due, each timer once. */
  run_hardware_timers(acpi: boolean, now: number): number;
  /** Where every kind of reset ends up. */
  reboot_internal(): void;
  /** The guest is interrupted at once if EFLAGS lets it, whatever it does at that moment. */
  device_raise_irq(line: number): void;
  device_lower_irq(line: number): void;
}

/** `emulator.v86`. */
export interface V86Machine {
  cpu: V86Cpu;
  run(): void;
  stop(): void;
  /** Looks after the machine in so many milliseconds: runs a slice, or notices that it is to stop. */
  next_tick(milliseconds: number): void;
  /** The class; its static `microtick` is the clock of all of v86's devices, in every machine of the page. */
  constructor: { microtick: () => number };
}

/** This v86 lacks something the adapter stands on. */
export class V86VersionError extends Error {
  override name = "V86VersionError";
  constructor(
    /** Paths of the missing members, from the emulator on. */
    readonly missing: readonly string[],
  ) {
    super(
      `this v86 has no ${missing.join(", ")}; WebTPM was tried with v86 ${TRIED_V86_VERSION}: ` +
        "install that version (its release build, libv86.mjs, will do)",
    );
  }
}

/** How v86 gives its thread back; see quick-yield.ts. */
export interface YieldingMachine {
  yield?: (milliseconds: number, tick: number) => void;
  yield_callback?: (tick: number) => void;
  unregister_yield?: () => void;
}

/** `emulator.screen_adapter`; see screen-in-sight.ts. */
export interface ScreenAdapter {
  /** Asks for the next drawing. */
  timer?: () => void;
  /** Draws, and calls `timer`. */
  update_screen?: () => void;
  destroy?: () => void;
  /** Called when the machine stands still, after which `update_screen` draws nothing; and when it goes on. */
  pause?: () => void;
  continue?: () => void;
  set_mode?: (graphical: boolean) => void;
  /** Rows, as they are now. */
  get_text_screen?: () => string[];
  put_char?: (
    row: number,
    column: number,
    character: number,
    flags: number,
    background: number,
    colour: number,
  ) => void;
}

/** Members without which a machine works all the same, by path from the emulator on: what is lost with each. */
export const DISPENSABLE: Readonly<Record<string, string>> = {
  "v86.yield": "v86 wakes itself through its own worker, late on a busy host (quick-yield.ts)",
  "v86.yield_callback": "as with v86.yield",
  "v86.unregister_yield": "a machine that has ended is told nothing, and its worker ends with the page",
  "v86.cpu.devices.uart0.input":
    "what was typed before a reset is read by what comes after it (serial-chip.ts)",
  "screen_adapter.timer": "the screen is drawn in each frame, in sight or not (screen-in-sight.ts)",
  "screen_adapter.update_screen": "as with screen_adapter.timer",
  "screen_adapter.destroy": "as with screen_adapter.timer",
};

/** What only the hidden machine uses, which cannot be made without it. */
export const HIDDEN_ONLY: Readonly<Record<string, string>> = {
  "cpu.mem8": "object",
  "cpu.devices.virtio_console": "object",
  "cpu.devices.virtio_console.SendEvent": "function",
  "cpu.devices.virtio_console.virtio.queues": "object",
};

/** What only a machine with UEFI uses, which cannot be made without it; its changes to v86.wasm are in module-patch.ts. */
export const UEFI_ONLY: Readonly<Record<string, string>> = {
  "cpu.mem8": "object",
  "cpu.apic_enabled": "object",
  "cpu.load_bios": "function",
  "cpu.io.ports": "object",
  "cpu.full_clear_tlb": "function",
  "cpu.wm.exports.allocate_memory": "function",
  "cpu.wm.exports.read8": "function",
  "cpu.wm.exports.read32s": "function",
  "cpu.wm.exports.write8": "function",
  "cpu.wm.exports.write32": "function",
  "cpu.devices.pci.device_spaces": "object",
  "cpu.devices.pci.devices": "object",
  "cpu.devices.pci.pci_write8": "function",
  "cpu.devices.pci.pci_write16": "function",
  "cpu.devices.pci.pci_write32": "function",
  "cpu.devices.vga.svga_memory": "object",
  "cpu.devices.vga.port1CF_read": "function",
  "cpu.devices.vga.port1CF_write": "function",
};

/** What every machine with a TPM stands on, by path from `emulator.v86` on. */
const EXPECTED: Record<string, string> = {
  run: "function",
  stop: "function",
  next_tick: "function",
  "constructor.microtick": "function",
  "cpu.main_loop": "function",
  "cpu.run_hardware_timers": "function",
  "cpu.reboot_internal": "function",
  "cpu.device_raise_irq": "function",
  "cpu.device_lower_irq": "function",
  "cpu.devices": "object",
  "cpu.memory_size": "object",
  "cpu.instruction_counter": "object",
  "cpu.instruction_pointer": "object",
  "cpu.flags": "object",
  "cpu.wm.exports.set_jit_config": "function",
  "cpu.wm.wasm_table": "object",
  "cpu.wasm_memory": "object",
  "cpu.jit_clear_cache": "function",
  "cpu.jit_imports": "object",
  "cpu.codegen_finalize": "function",
  "cpu.codegen_finalize_finished": "function",
  "cpu.option_roms": "object",
  "cpu.io.mmap_register": "function",
  "cpu.io.register_read": "function",
  "cpu.io.register_write": "function",
};

function member(root: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], root);
}

/**
 * The machine inside a loaded emulator.
 * @param more members that are needed besides, e.g. {@link HIDDEN_ONLY}.
 * @throws {V86VersionError} naming every member that is not there.
 */
export function v86Machine(emulator: V86Emulator, more: Readonly<Record<string, string>> = {}): V86Machine {
  const machine = member(emulator, "v86");
  const expected = { ...EXPECTED, ...more };
  const missing = Object.entries(expected).filter(([path, type]) => typeof member(machine, path) !== type);
  if (missing.length) throw new V86VersionError(missing.map(([path]) => `v86.${path}`));
  return machine as V86Machine;
}

/**
 * Resolves when the emulator has made its devices (`emulator-loaded`), at once if it already has.
 * v86 creates `cpu.devices` in the same step as `cpu.io`, so either of them says "loaded" even if the other was renamed.
 */
export function whenLoaded(emulator: V86Emulator): Promise<void> {
  if (member(emulator, "v86.cpu.io") ?? member(emulator, "v86.cpu.devices")) return Promise.resolve();
  return new Promise((resolve) => {
    const loaded = () => {
      emulator.remove_listener("emulator-loaded", loaded);
      resolve();
    };
    emulator.add_listener("emulator-loaded", loaded);
  });
}
