/** Values as people read them. */
import { hexNumber } from "../bytes/hex.ts";
import type { AttributesDefinition, BitSpec, Definition } from "./schema.ts";
import type { BitField } from "./tree.ts";

/** Longest run of bytes that is written out; the rest is only counted. */
const SHOWN_BYTES = 64;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Hex; long runs are cut: "00112233… (300 bytes)". */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length === 0) return "(empty)";
  const shown = Math.min(bytes.length, SHOWN_BYTES);
  let text = "";
  for (let i = 0; i < shown; i++) text += HEX[bytes[i]!];
  return shown < bytes.length ? `${text}… (${bytes.length} bytes)` : text;
}

/** The characters in quotes, zero bytes left out; hex where there are others. */
export function asciiText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    if (byte === 0) continue;
    if (byte < 0x20 || byte > 0x7e) return bytesText(bytes);
    text += String.fromCharCode(byte);
  }
  return `"${text}"`;
}

/** PCRs of a bit map, as ranges: "0-7, 16"; "none". */
export function pcrsText(map: Uint8Array): string {
  const ranges: string[] = [];
  const end = map.length * 8;
  for (let pcr = 0; pcr < end; pcr++) {
    if (!isSelected(map, pcr)) continue;
    const first = pcr;
    while (pcr + 1 < end && isSelected(map, pcr + 1)) pcr++;
    ranges.push(first === pcr ? `${first}` : `${first}-${pcr}`);
  }
  return ranges.join(", ") || "none";
}

/** A number by its definition. */
export function numberText(definition: Definition, value: number | bigint): string {
  if (typeof value === "bigint") return bigText(definition, value);
  if (definition.kind === "constant") {
    return (
      definition.values.get(value)?.name ??
      definition.describe?.(value) ??
      hexNumber(value, definition.size * 2)
    );
  }
  if (definition.kind !== "uint" || definition.show === "decimal") return `${value}`;
  return definition.show === "hex" ? hexNumber(value, definition.size * 2) : definition.show(value);
}

/** What a named value stands for; undefined when it is not in the table. */
export function valueMeaning(definition: Definition, value: number): string | undefined {
  return definition.kind === "constant" ? definition.values.get(value)?.meaning : undefined;
}

/** The bits of an attributes word, each with its value. */
export function bitFields(definition: AttributesDefinition, word: number | bigint): BitField[] {
  return definition.bits.map((bit) => {
    const value = bitValue(bit, word);
    const text = bit.values?.[value] ?? (bit.low === bit.high ? (value ? "SET" : "CLEAR") : `${value}`);
    return { name: bit.name, low: bit.low, high: bit.high, value, meaning: bit.meaning, text };
  });
}

/** The set bits by name, and bits that have no name in hex: "fixedTPM, sign, 0x00000008". */
export function attributesText(definition: AttributesDefinition, word: number | bigint): string {
  if (definition.describe) return definition.describe(Number(word));
  const names: string[] = [];
  let named = typeof word === "number" ? 0 : 0n;
  for (const bit of definition.bits) {
    named = typeof named === "number" ? named | Number(maskOf(bit)) : named | maskOf(bit);
    const text = setText(bit, bitValue(bit, word));
    if (text) names.push(text);
  }
  const unnamed = typeof word === "number" ? (word & ~(named as number)) >>> 0 : word & ~(named as bigint);
  if (unnamed) names.push(`0x${unnamed.toString(16).toUpperCase()}`);
  return names.join(", ") || "none";
}

/** How a bit or run of bits shows in a list of what is set. */
function setText(bit: BitSpec, value: number): string | undefined {
  if (bit.values) return bit.values[value] ?? `${bit.name} ${value}`;
  if (value === 0) return undefined;
  return bit.low === bit.high ? bit.name : `${bit.name} ${value}`;
}

function bitValue(bit: BitSpec, word: number | bigint): number {
  if (typeof word === "number") return (word >>> bit.low) & (2 ** (bit.high - bit.low + 1) - 1);
  return Number((word & maskOf(bit)) >> BigInt(bit.low));
}

const MASKS = new WeakMap<BitSpec, bigint>();

/** The bits of a run, in place. */
function maskOf(bit: BitSpec): bigint {
  let mask = MASKS.get(bit);
  if (mask === undefined) {
    mask = ((1n << BigInt(bit.high - bit.low + 1)) - 1n) << BigInt(bit.low);
    MASKS.set(bit, mask);
  }
  return mask;
}

function bigText(definition: Definition, value: bigint): string {
  return definition.kind === "uint" && definition.show === "hex"
    ? `0x${value.toString(16).toUpperCase().padStart(16, "0")}`
    : value.toString();
}

function isSelected(map: Uint8Array, pcr: number): boolean {
  return (map[pcr >> 3]! & (1 << (pcr & 7))) !== 0;
}
