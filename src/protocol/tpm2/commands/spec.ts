/** How the tables of this folder describe a command (Part 3). */
import type { ConstantDefinition, FieldSpec } from "../schema.ts";

/** Which authorization a handle needs (Part 1, 19): of its user, of its administrator, or to be duplicated. */
type AuthRole = "USER" | "ADMIN" | "DUP";

/** A handle of a command. */
export interface HandleSpec extends FieldSpec {
  readonly type: ConstantDefinition;
  /** Undefined for a handle that needs no authorization. */
  readonly auth?: AuthRole;
}

export interface CommandSpec {
  /** E.g. "Part 3, 22.2". */
  readonly spec: string;
  /** One line for people. */
  readonly meaning: string;
  readonly handles: readonly HandleSpec[];
  readonly parameters: readonly FieldSpec[];
  readonly responseHandles: readonly HandleSpec[];
  readonly response: readonly FieldSpec[];
}

/** A handle; `auth` when it has to be authorized. */
export function h(name: string, type: ConstantDefinition, meaning: string, auth?: AuthRole): HandleSpec {
  return auth ? { name, type, meaning, auth } : { name, type, meaning };
}

/** A command; what it does not have may be left out. */
export function command(
  spec: string,
  meaning: string,
  parts: Partial<Omit<CommandSpec, "spec" | "meaning">> = {},
): CommandSpec {
  return { spec, meaning, handles: [], parameters: [], responseHandles: [], response: [], ...parts };
}
