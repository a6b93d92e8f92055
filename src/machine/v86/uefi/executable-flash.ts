/**
 * Flash that can be executed where it lies, right below 4 GiB. v86 fetches instructions from its RAM only, at `mem8 +
 * address`, without a check; and as WebAssembly's addresses have 32 bits, what lies below `mem8` is found at the end of
 * the guest's address space. So RAM is allocated with room for the flash before it, and `mem8` moved up. Data accesses
 * do not go there but to the devices on the bus.
 *
 * Not needed once v86 has a region of flash itself.
 */
import { V86VersionError } from "../v86-internals.ts";

/** What is needed of the module's exports. */
interface RamExports {
  memory: WebAssembly.Memory;
  /** Allocates guest RAM and sets `mem8`, whatever that was before. */
  allocate_memory(size: number): number;
  /** Physical memory as the emulated CPU sees it. */
  read8(address: number): number;
}

/** What is needed of `emulator.v86.cpu`. */
interface FlashingCpu {
  mem8: Uint8Array;
  wasm_memory: WebAssembly.Memory;
  wm: { exports: object };
  codegen_finalize_finished(index: number, start: number, stateFlags: number): void;
  full_clear_tlb(): void;
}

/** Guest RAM is aligned to pages. */
const PAGE = 0x1000;
const WORD = 4;
/** Where it is looked for whether the CPU's RAM is where it has been moved. */
const PROBE_AT = 0x500;

/**
 * The module's exports, with guest RAM of this size allocated, and so many bytes of room before it.
 * @throws {V86VersionError} when this module keeps its RAM's address otherwise.
 */
export function withRoomBelowRam(
  exports: WebAssembly.Exports,
  room: number,
  size: number,
): WebAssembly.Exports {
  const { memory, allocate_memory } = exports as unknown as RamExports;
  const words = () => new Uint32Array(memory.buffer);
  // The variable is what has the address of RAM now and the next one later: a page is spent on telling it apart.
  const first = allocate_memory(PAGE) >>> 0;
  const candidates = indexesOf(words(), first);
  const block = allocate_memory(size + room) >>> 0;
  const found = candidates.filter((at) => words()[at] === block);
  if (found.length !== 1 || block % WORD) throw new V86VersionError(["v86.wasm's address of guest RAM"]);
  new Uint8Array(memory.buffer, block, size + room).fill(0);
  const ram = block + room;
  words()[found[0]!] = ram;
  return {
    ...exports,
    allocate_memory(asked: number): number {
      if (asked !== size) throw new RangeError(`v86 wants ${asked} bytes of RAM, and ${size} were allocated`);
      return ram;
    },
  };
}

function indexesOf(words: Uint32Array, value: number): number[] {
  const found: number[] = [];
  for (let at = words.indexOf(value); at >= 0; at = words.indexOf(value, at + 1)) found.push(at);
  return found;
}

/**
 * Puts code where the CPU executes it, up to 4 GiB, and has its translation used.
 * @param code at most as long as the room that was made.
 * @throws {V86VersionError} when the CPU's RAM has not moved.
 */
export function flashCode(cpu: FlashingCpu, code: Uint8Array): void {
  checkRam(cpu);
  new Uint8Array(cpu.wasm_memory.buffer, cpu.mem8.byteOffset - code.length, code.length).set(code);
  const flash = 2 ** 32 - code.length;
  const finished = cpu.codegen_finalize_finished;
  cpu.codegen_finalize_finished = (index, start, stateFlags) => {
    finished.call(cpu, index, start, stateFlags);
    // v86 notes in its TLB which pages have translated code, and renews that for pages of RAM only.
    if (start >>> 0 >= flash) cpu.full_clear_tlb();
  };
}

function checkRam({ mem8, wm }: FlashingCpu): void {
  const { read8 } = wm.exports as Partial<RamExports>;
  const before = mem8[PROBE_AT] as number;
  const moved = [0x5a, 0xa5].every((value) => {
    mem8[PROBE_AT] = value;
    return read8?.(PROBE_AT) === value;
  });
  mem8[PROBE_AT] = before;
  if (!moved) throw new V86VersionError(["RAM where v86.wasm was told to have it"]);
}
