/** What an access says, in the names of the register table. */
import { fieldValue, type Register, type RegisterField } from "../../device/frontend/registers.ts";
import { type Access, inRegister } from "./access.ts";
import type { TraceRing } from "./ring.ts";

/** How far back an earlier value of a register is looked for, in accesses. */
const LOOK_BACK = 200;

export interface AccessText {
  /** "TPM_STS", or its offset where no register is. */
  register: string;
  /** Fields that were written or read, by name. */
  fields: string;
  /** What differs from the read before of the same register; empty for writes and where nothing does. */
  changes: readonly string[];
}

/** All ones: the locality is not active, or nothing is there. */
function isAbsent({ value, size, write }: Access): boolean {
  return !write && value === (size === 4 ? 0xffff_ffff : 2 ** (8 * size) - 1);
}

/** The fields of which at least one bit was in the access. */
function fieldsOf(register: Register, { offset, size }: Access): readonly RegisterField[] {
  const low = (offset & 3) * 8;
  const high = low + size * 8 - 1;
  return register.fields.filter(({ bits }) => bits[0] >= low && bits[1] <= high);
}

const isBit = ({ bits }: RegisterField) => bits[0] === bits[1];

function fieldText(field: RegisterField, value: number): string {
  return `${field.name} ${field.values?.[value] ?? value}`;
}

export function describeAccess(access: Access, before?: Access): AccessText {
  const { register: key, write, offset, reset, interface: through } = access;
  if (reset) return { register: "reset", fields: "the machine and its TPM were reset", changes: [] };
  if (!key)
    return { register: `+0x${offset.toString(16).padStart(3, "0")}`, fields: "no register", changes: [] };
  const register = through.registers[key]!;
  const name = register.name;
  if (!register.fields.length) return { register: name, fields: "", changes: [] };
  if (isAbsent(access)) return { register: name, fields: "all ones: not this locality's", changes: [] };
  const value = inRegister(access);
  const fields = fieldsOf(register, access)
    .filter((field) => !write || field.access !== "r")
    .flatMap((field) => {
      const now = fieldValue(field, value);
      if (isBit(field)) return now ? [field.name] : [];
      return [fieldText(field, now)];
    })
    .join(" · ");
  return { register: name, fields, changes: before ? changes(register, access, before) : [] };
}

function changes(register: Register, access: Access, before: Access): string[] {
  if (isAbsent(before)) return [];
  const [now, old] = [inRegister(access), inRegister(before)];
  return fieldsOf(register, access).flatMap((field) => {
    const [is, was] = [fieldValue(field, now), fieldValue(field, old)];
    if (is === was) return [];
    if (isBit(field)) return [`${is ? "+" : "−"}${field.name}`];
    return [`${field.name} ${was} → ${is}`];
  });
}

/** The read before of the same register, as far as it is near. */
export function readBefore(ring: TraceRing, access: Access): Access | undefined {
  if (access.write || access.reset) return undefined;
  const { word, start } = { word: ring.word(access.sequence), start: ring.start };
  const least = Math.max(start, access.sequence - LOOK_BACK);
  for (let sequence = access.sequence - 1; sequence >= least; sequence--) {
    if (ring.word(sequence) === word) return ring.access(sequence);
  }
  return undefined;
}
