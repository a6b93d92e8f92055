/**
 * Changes to v86.wasm itself, each as bytes that have to be there exactly once. They belong into v86; until it has
 * them, a module in which those of UEFI are not found is turned down in words. One without those of every machine runs
 * as it is.
 */
import { fromHex } from "../../protocol/bytes/hex.ts";
import { V86VersionError } from "./v86-internals.ts";

export interface ModulePatch {
  /** What of v86 it changes, to be named where it is missing. */
  what: string;
  /** What is lost without it. */
  why: string;
  /** Hex, of equal length. */
  from: string;
  to: string;
}

/**
 * A walk through page tables takes an entry for a large page where CR4.PSE is set; the test (local.get 8, i32.const 16,
 * i32.and) gets CR4.PAE (0x20) beside it.
 */
export const MACHINE_PATCHES: readonly ModulePatch[] = [
  {
    what: "v86.wasm's test of CR4.PSE",
    why: "large pages need no CR4.PSE under PAE (Intel SDM volume 3, section 4.1.1): memtest86+ faults without end",
    from: "2008411071450d00200741800171",
    to: "2008413071450d00200741800171",
  },
];

/**
 * `rdmsr` of IA32_APIC_BASE gives `enabled ? 0xFEE00800 : 0xFEE00000`: both constants (signed LEB128 behind 0x41,
 * i32.const) get bit 8, then 0x41 0x00 0x2d 0x00 0xa4 0x04 (load of `apic_enabled`) and 0x1b (select) stay.
 */
export const UEFI_PATCHES: readonly ModulePatch[] = [
  {
    what: "v86.wasm's constants of IA32_APIC_BASE",
    why: "edk2 takes a processor without the BSP bit for one that has to wait, and waits for ever",
    from: "4180908077418080807741002d00a4041b",
    to: "4180928077418082807741002d00a4041b",
  },
];

/**
 * A module with these changes.
 * @throws {V86VersionError} naming those whose place is not there, or not once.
 */
export function patchModule(code: Uint8Array, patches: readonly ModulePatch[]): Uint8Array<ArrayBuffer> {
  const { changed, missing } = withPatches(code, patches);
  if (missing.length) throw new V86VersionError(missing);
  return changed;
}

/** A module with the changes of every machine, as far as it has their places. */
export const patchMachine = (code: Uint8Array): Uint8Array<ArrayBuffer> =>
  withPatches(code, MACHINE_PATCHES).changed;

function withPatches(code: Uint8Array, patches: readonly ModulePatch[]) {
  const changed = new Uint8Array(code);
  const missing: string[] = [];
  for (const { what, from, to } of patches) {
    const places = occurrences(changed, fromHex(from));
    if (places.length !== 1) missing.push(what);
    else changed.set(fromHex(to), places[0]);
  }
  return { changed, missing };
}

/** Of the module's megabytes, one byte in a pattern's length is looked at (Boyer, Moore and Horspool). */
function occurrences(code: Uint8Array, wanted: Uint8Array): number[] {
  const last = wanted.length - 1;
  const skip = new Uint8Array(256).fill(wanted.length);
  for (let i = 0; i < last; i++) skip[wanted[i] as number] = last - i;
  const found: number[] = [];
  for (let end = last; end < code.length; end += skip[code[end] as number] as number) {
    let same = 0;
    while (same <= last && code[end - same] === wanted[last - same]) same++;
    if (same > last) found.push(end - last);
  }
  return found;
}
