/** Files made wrong where it matters, for tests: changes that know where records, fields and values are. */
import fc from "fast-check";

// --- bytes ---

/** A file, and where its records begin. */
export interface Seed {
  bytes: Uint8Array;
  starts: readonly number[];
}

/** Numbers at which lengths and counts go wrong. */
const NUMBERS = [
  0, 1, 2, 15, 16, 17, 0x7f, 0xff, 0x100, 0x7fff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff,
];
/** Bytes from a record's begin within which its fields lie. */
const FIELDS = 80;

const part = fc.nat();
const number = fc.oneof(fc.constantFrom(...NUMBERS), fc.nat(600), fc.nat(0xffff_ffff));
const little = fc.boolean();
const byteChange = fc.oneof(
  fc.record({ kind: fc.constant("byte"), at: part, value: fc.nat(255) }),
  fc.record({ kind: fc.constant("field"), at: part, offset: fc.nat(FIELDS), value: number, little }),
  fc.record({ kind: fc.constant("number"), at: part, value: number, little }),
  fc.record({ kind: fc.constant("drop"), at: part }),
  fc.record({ kind: fc.constant("double"), at: part, to: part }),
  fc.record({ kind: fc.constant("insert"), at: part, bytes: fc.uint8Array({ maxLength: 12 }) }),
  fc.record({ kind: fc.constant("cut"), at: part }),
  fc.record({ kind: fc.constant("fill"), value: fc.constantFrom(0, 0xff, 0x20), count: fc.nat(70) }),
);
type ByteChange = typeof byteChange extends fc.Arbitrary<infer T> ? T : never;

/** Some changes of bytes. */
export const byteChanges = (least = 1): fc.Arbitrary<ByteChange[]> =>
  fc.array(byteChange, { minLength: least, maxLength: 6 });

/** Files made of the seeds by some changes each. */
export const mutated = (seeds: readonly Seed[]): fc.Arbitrary<Uint8Array<ArrayBuffer>> =>
  fc.tuple(fc.constantFrom(...seeds), byteChanges()).map(([seed, changes]) => changed(seed, changes));

export const changed = ({ bytes, starts }: Seed, changes: readonly ByteChange[]): Uint8Array<ArrayBuffer> =>
  changes.reduce((all, one) => applied(all, starts, one), new Uint8Array(bytes));

function applied(
  bytes: Uint8Array<ArrayBuffer>,
  starts: readonly number[],
  change: ByteChange,
): Uint8Array<ArrayBuffer> {
  const place = (at: number) => at % (bytes.length + 1);
  /** From one record's begin to the next's. */
  const record = (at: number): [number, number] => {
    const i = starts.length ? at % starts.length : 0;
    return [starts[i] ?? 0, starts[i + 1] ?? bytes.length];
  };
  switch (change.kind) {
    case "byte":
      bytes[place(change.at)] = change.value;
      return bytes;
    case "field":
      return withNumber(bytes, record(change.at)[0] + change.offset, change);
    case "number":
      return withNumber(bytes, place(change.at), change);
    case "drop": {
      const [from, to] = record(change.at);
      return joined(bytes.subarray(0, from), bytes.subarray(to));
    }
    case "double": {
      const [from, to] = record(change.at);
      const [at] = record(change.to);
      return joined(bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at));
    }
    case "insert": {
      const at = place(change.at);
      return joined(bytes.subarray(0, at), change.bytes, bytes.subarray(at));
    }
    case "cut":
      return bytes.slice(0, place(change.at));
    default:
      return joined(bytes, new Uint8Array(change.count).fill(change.value));
  }
}

/** A number of 32 bits, as far as there is room for it. */
function withNumber(
  bytes: Uint8Array<ArrayBuffer>,
  at: number,
  { value, little }: { value: number; little: boolean },
): Uint8Array<ArrayBuffer> {
  for (let i = 0; i < 4 && at + i < bytes.length; i++) bytes[at + i] = value >>> (8 * (little ? i : 3 - i));
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const one of parts) {
    all.set(one, at);
    at += one.length;
  }
  return all;
}

// --- JSON ---

const HOSTILE_NUMBERS = [
  ...[0, -0, -1, 1, 0.5, 1e300, -1e300, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53)],
  ...[8.64e15, 8.64e15 + 1, 253_402_300_800_000, 0x3f_ffff, 50_001],
];
/** What every object has, and what looks like something else. */
export const HOSTILE_TEXTS = [
  ...["", "__proto__", "constructor", "toString", "hasOwnProperty", "prototype", "length", "../x", "\0"],
  ...[
    "0",
    "00",
    "0g",
    "FF",
    "sha1",
    "sha256",
    "0x0099",
    "rsa",
    "2.0",
    "1.2",
    "x".repeat(1001),
    "\u202e",
    "\ud800",
  ],
];
/** JSON as no writer makes it. */
const RAW = [
  "1e999",
  "-1e999",
  "1e-400",
  `${"[".repeat(3000)}${"]".repeat(3000)}`,
  `${'{"a":'.repeat(3000)}0${"}".repeat(3000)}`,
  '{"__proto__":{"x":1}}',
  "0x1",
  "",
  '"\\ud800"',
];
const OTHERS: readonly unknown[] = [
  null,
  true,
  false,
  [],
  {},
  "x",
  7,
  [[]],
  { length: 1 },
  { 0: 1, length: 1 },
];

const place = fc.nat();
const jsonChange = fc.oneof(
  fc.record({ kind: fc.constant("number"), at: place, value: fc.constantFrom(...HOSTILE_NUMBERS) }),
  fc.record({ kind: fc.constant("number"), at: place, value: fc.oneof(fc.integer(), fc.double()) }),
  fc.record({ kind: fc.constant("text"), at: place, value: fc.constantFrom(...HOSTILE_TEXTS) }),
  fc.record({ kind: fc.constant("other"), at: place, value: fc.constantFrom(...OTHERS) }),
  fc.record({ kind: fc.constant("drop"), at: place }),
  fc.record({ kind: fc.constant("named"), at: place, name: fc.constantFrom(...HOSTILE_TEXTS) }),
  fc.record({ kind: fc.constant("double"), at: place }),
  fc.record({ kind: fc.constant("many"), at: place, count: fc.nat(300) }),
  fc.record({ kind: fc.constant("swap"), at: place, with: place }),
  fc.record({ kind: fc.constant("raw"), at: place, text: fc.constantFrom(...RAW) }),
);
type JsonChange = typeof jsonChange extends fc.Arbitrary<infer T> ? T : never;

export const jsonChanges = (least = 1): fc.Arbitrary<JsonChange[]> =>
  fc.array(jsonChange, { minLength: least, maxLength: 4 });

type Holder = Record<string, unknown>;
interface Slot {
  holder: Holder;
  key: string;
}

/** JSON text of the value with the changes. */
export function changedJson(value: unknown, changes: readonly JsonChange[]): string {
  const root: Holder = { root: structuredClone(value) };
  const raw: string[] = [];
  for (const change of changes) {
    const slots = slotsOf(root);
    if (slots.length === 0) break;
    alter(slots, slots[change.at % slots.length]!, change, raw);
  }
  const text = JSON.stringify(root.root) ?? "";
  return text.replace(/"RAW(\d+)"/g, (_, index) => raw[Number(index)] as string);
}

/** Every place that holds a value. */
function slotsOf(root: Holder): Slot[] {
  const slots: Slot[] = [];
  const walk = (holder: Holder) => {
    for (const key of Object.keys(holder)) {
      slots.push({ holder, key });
      const inner = holder[key];
      if (typeof inner === "object" && inner !== null) walk(inner as Holder);
    }
  };
  walk(root);
  return slots;
}

function alter(slots: readonly Slot[], { holder, key }: Slot, change: JsonChange, raw: string[]): void {
  const value = holder[key];
  switch (change.kind) {
    case "drop":
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return;
    case "double":
      if (Array.isArray(holder)) holder.splice(Number(key), 0, structuredClone(value));
      else put(holder, `${key} `, structuredClone(value));
      return;
    case "named":
      put(holder, change.name, value);
      return;
    case "many":
      put(holder, key, Array.isArray(value) ? Array.from({ length: change.count }, () => value[0]) : [value]);
      return;
    case "swap": {
      const other = slots[change.with % slots.length]!;
      const [here, there] = [structuredClone(value), structuredClone(other.holder[other.key])];
      put(holder, key, there);
      put(other.holder, other.key, here);
      return;
    }
    case "raw":
      put(holder, key, `RAW${raw.push(change.text) - 1}`);
      return;
    default:
      put(holder, key, structuredClone(change.value));
  }
}

/** Also what every object has already. */
function put(holder: Holder, key: string, value: unknown): void {
  if (Array.isArray(holder) && !/^\d+$/.test(key)) return;
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}
