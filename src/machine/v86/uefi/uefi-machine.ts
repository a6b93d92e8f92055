/**
 * A v86 machine whose firmware is UEFI: edk2's OVMF for 32-bit PCs without SMM. Beside what every machine with a TPM
 * has, it has two flash chips right below 4 GiB, fw_cfg with DMA and ACPI tables of our own, and v86's devices as OVMF
 * expects them. What of v86 that stands on is listed in v86-internals.ts.
 */
import type { WasmSource } from "../../time/clock.ts";
import { Flash, type FlashState } from "../../uefi/flash.ts";
import {
  e820File,
  FW_CFG_PORT,
  FwCfg,
  type FwCfgContent,
  type FwCfgLinux,
  standardItems,
} from "../../uefi/fw-cfg.ts";
import { pcAcpiFiles } from "../../uefi/pc-tables.ts";
import { createV86 } from "../create-v86.ts";
import { patchModule, UEFI_PATCHES } from "../module-patch.ts";
import type { V86Bus } from "../v86.ts";
import { UEFI_ONLY, type V86Cpu, type V86Emulator, v86Machine } from "../v86-internals.ts";
import { flashCode, withRoomBelowRam } from "./executable-flash.ts";
import { type FrameBuffer, repairFrameBuffer, type VgaDevice } from "./frame-buffer.ts";
import { type PciBus, repairPci } from "./pci-repairs.ts";

/** Firmware files of this name's beginning are whole ACPI tables, as SeaBIOS takes them, too. */
const ACPI_PREFIX = "acpi/";
const ADDRESS_SPACE = 2 ** 32;
/** What v86 shows below 1 MiB, where the CPU begins: the end of the flash. */
const SHADOW_SIZE = 0x2_0000;

/** A firmware image in two parts, as edk2 builds them: OVMF_CODE.fd and OVMF_VARS.fd. */
export interface UefiImage {
  code: Uint8Array;
  /** The variables that the machine begins with: the factory's, or those that were kept. */
  variables: Uint8Array;
}

export interface UefiOptions {
  image: UefiImage;
  /** Guest RAM in bytes; the same as in v86's own options. */
  memorySize: number;
  /** A kernel for the firmware to start, in place of what its boot order says. */
  linux?: FwCfgLinux | undefined;
}

/** The firmware image cannot be used. */
export class UefiImageError extends Error {
  override name = "UefiImageError";
}

/** What of a UEFI machine is not in v86's own saved state. */
export interface UefiState {
  variables: FlashState;
  code: Pick<FlashState, "mode" | "status">;
  fwCfg: { key: number; at: number; dmaHigh: number };
  frameBuffer: number;
}

/** The parts of a UEFI machine that are the project's own. */
export class UefiMachine {
  /** The chip with the firmware's variables. */
  readonly variables: Flash;
  readonly #code: Flash;
  readonly #fwCfg: FwCfg;
  readonly #frameBuffer: FrameBuffer;

  constructor(parts: { variables: Flash; code: Flash; fwCfg: FwCfg; frameBuffer: FrameBuffer }) {
    this.variables = parts.variables;
    this.#code = parts.code;
    this.#fwCfg = parts.fwCfg;
    this.#frameBuffer = parts.frameBuffer;
  }

  /** To be taken while the machine stands still. */
  save(): UefiState {
    const { mode, status } = this.#code.save();
    return {
      variables: this.variables.save(),
      code: { mode, status },
      fwCfg: this.#fwCfg.save(),
      frameBuffer: this.#frameBuffer.base,
    };
  }

  /** Before v86's own state is put back. The machine must have the same firmware. */
  restore({ variables, code, fwCfg, frameBuffer }: UefiState): void {
    this.variables.restore(variables);
    this.#code.restore({ ...this.#code.save(), ...code });
    this.#fwCfg.restore(fwCfg);
    this.#frameBuffer.moveTo(frameBuffer);
  }
}

/** `emulator.v86.cpu`, with what only this machine uses; {@link UEFI_ONLY} lists it. */
type UefiCpu = V86Cpu & {
  mem8: Uint8Array;
  apic_enabled: Uint8Array;
  load_bios(): void;
  full_clear_tlb(): void;
  devices: { pci: PciBus; vga: VgaDevice };
};

/** v86's options that are set here. */
type OwnOptions = "bios" | "vga_bios" | "bzimage" | "initrd" | "cmdline" | "memory_size";

/**
 * Makes a machine as `createV86` does, with UEFI in place of a BIOS. Firmware files that are set on its bus and whose
 * names begin with `acpi/` go into its ACPI tables.
 * @throws {UefiImageError} {V86VersionError} and what `createV86` throws.
 */
export async function createUefiV86<E extends V86Emulator, O extends object>(
  V86: new (options: O) => E,
  options: Omit<O, OwnOptions>,
  wasm: WasmSource,
  uefi: UefiOptions,
  host?: () => number,
): Promise<{ emulator: E; bus: V86Bus; uefi: UefiMachine }> {
  const { variables, code } = chips(uefi.image);
  const flash = new Uint8Array(variables.size + code.size);
  flash.set(uefi.image.variables);
  flash.set(uefi.image.code, variables.size);
  const shadow = flash.slice(-SHADOW_SIZE);
  const own = { bios: { buffer: shadow.buffer }, memory_size: uefi.memorySize };
  const { emulator, bus } = await createV86(V86, { ...options, ...own } as unknown as O, wasm, host, {
    code: (module) => patchModule(module, UEFI_PATCHES),
    exports: (exports) => withRoomBelowRam(exports, flash.length, uefi.memorySize),
  });
  const cpu = v86Machine(emulator, UEFI_ONLY).cpu as UefiCpu;
  flashCode(cpu, flash);
  repairPci(cpu.devices.pci);
  const frameBuffer = repairFrameBuffer(cpu);
  // v86 would put a memory of its own over the flash's end.
  cpu.load_bios = () => emulator.write_memory(shadow, 2 ** 20 - SHADOW_SIZE);
  for (const chip of [variables, code]) bus.attach({ base: chip.base, size: chip.size }, chip);
  const fwCfg = attachFwCfg(emulator, cpu, uefi);
  const start = () => {
    // IA32_APIC_BASE.EN is set after a reset (Intel SDM volume 3, table 11-1); v86 clears it.
    cpu.apic_enabled[0] = 1;
  };
  start();
  bus.onReset(() => {
    start();
    for (const chip of [variables, code]) chip.reset();
    fwCfg.reset();
  });
  return { emulator, bus, uefi: new UefiMachine({ variables, code, fwCfg, frameBuffer }) };
}

/** The variables' chip lies below the code's, and that ends at 4 GiB. */
function chips({ code, variables }: UefiImage): { variables: Flash; code: Flash } {
  try {
    const codeAt = ADDRESS_SPACE - code.length;
    return {
      variables: new Flash(variables, { base: codeAt - variables.length }),
      code: new Flash(code, { base: codeAt, readOnly: true }),
    };
  } catch (cause) {
    throw new UefiImageError(`the UEFI firmware cannot be used: ${(cause as Error).message}`, { cause });
  }
}

/** fw_cfg in place of v86's, at the same ports, with the files that were set on the bus. */
function attachFwCfg(emulator: V86Emulator, cpu: UefiCpu, { memorySize, linux }: UefiOptions): FwCfg {
  const content = (): FwCfgContent => {
    const isTable = ({ name }: { name: string }) => name.startsWith(ACPI_PREFIX);
    const files = cpu.option_roms;
    const tables = files.filter(isTable).map(({ data }) => data);
    return {
      items: standardItems(memorySize, linux),
      files: [e820File(memorySize), ...pcAcpiFiles(tables), ...files.filter((file) => !isTable(file))],
    };
  };
  const ram = {
    size: memorySize,
    read: (address: number, length: number) => emulator.read_memory(address, length),
    write: (address: number, bytes: Uint8Array) => emulator.write_memory(bytes, address),
  };
  const fwCfg = new FwCfg(ram, content);
  const { io } = cpu;
  io.register_write(FW_CFG_PORT.SELECTOR, fwCfg, undefined, (key) => fwCfg.select(key));
  io.register_read(FW_CFG_PORT.DATA, fwCfg, () => fwCfg.readData());
  for (const [port, half] of [
    [FW_CFG_PORT.DMA_HIGH, "high"],
    [FW_CFG_PORT.DMA_LOW, "low"],
  ] as const) {
    io.register_read(port, fwCfg, undefined, undefined, () => fwCfg.readDma(half) | 0);
    io.register_write(port, fwCfg, undefined, undefined, (value) => fwCfg.writeDma(half, value >>> 0));
  }
  return fwCfg;
}
