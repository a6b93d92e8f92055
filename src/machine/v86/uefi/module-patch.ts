/**
 * Changes to v86.wasm itself, each as bytes that have to be there exactly once. They belong into v86; until it has
 * them, a module in which they are not found is turned down in words.
 */
import { toHex } from "../../../bytes/hex.ts";
import { V86VersionError } from "../v86-internals.ts";

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
 * `rdmsr` of IA32_APIC_BASE gives `enabled ? 0xFEE00800 : 0xFEE00000`: both constants (signed LEB128 behind 0x41,
 * i32.const) get bit 8, then 0x41 0x00 0x2d 0x00 0xa4 0x04 (load of `apic_enabled`) and 0x1b (select) stay.
 */
export const MODULE_PATCHES: readonly ModulePatch[] = [
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
export function patchModule(code: Uint8Array, patches = MODULE_PATCHES): Uint8Array<ArrayBuffer> {
  const changed = Uint8Array.from(code);
  const missing: string[] = [];
  for (const { what, from, to } of patches) {
    const places = occurrences(changed, from);
    if (places.length !== 1) missing.push(what);
    else changed.set(bytesOf(to), places[0]);
  }
  if (missing.length) throw new V86VersionError(missing);
  return changed;
}

function occurrences(code: Uint8Array, hex: string): number[] {
  const wanted = bytesOf(hex);
  const found: number[] = [];
  for (let at = code.indexOf(wanted[0]!); at >= 0; at = code.indexOf(wanted[0]!, at + 1)) {
    if (toHex(code.subarray(at, at + wanted.length)) === hex) found.push(at);
  }
  return found;
}

const bytesOf = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
