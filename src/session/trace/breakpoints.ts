/** When to hold the machine: at an access to a register or field, at a command, at a result. */
import { bitMask, type Register } from "../../device/frontend/registers.ts";
import {
  INTERFACES,
  type InterfaceName,
  type RegisterInterface,
  type RegisterKey,
} from "../../device/interfaces/interfaces.ts";
import { interfaceOfWord, isWrite, localityOf, offsetOf } from "./access.ts";
import { type CommandSpan, NOTHING, RESULT_READ, STARTED } from "./commands.ts";

export type Breakpoint =
  | {
      kind: "access";
      /** Whose register it is; the FIFO interface's by default. */
      interface?: InterfaceName | undefined;
      /** Undefined stands for all. */
      locality?: number | undefined;
      register: RegisterKey;
      direction: "read" | "write" | "both";
      /** Name of a field that has to be set, not 0, in what is read or written. */
      field?: string | undefined;
    }
  /** A command of this code was put in, and run; undefined stands for any. */
  | { kind: "command"; code?: number | undefined }
  /** This result was read; undefined stands for any failure. */
  | { kind: "result"; code?: number | undefined };

type AccessBreakpoint = Extract<Breakpoint, { kind: "access" }>;

const READ = 1;
const WRITE = 2;
const WORD_SHIFT = 2;
const LOCALITY_SHIFT = 12;
/** Every interface has the same window. */
const { size: WINDOW_SIZE } = INTERFACES.TIS.frontEnd.window;
const LOCALITY_COUNT = WINDOW_SIZE >>> LOCALITY_SHIFT;

const interfaceFor = ({ interface: name = "TIS" }: Pick<AccessBreakpoint, "interface">): RegisterInterface =>
  INTERFACES[name];

/** The register that a breakpoint is at. */
export const registerFor = (at: Pick<AccessBreakpoint, "interface" | "register">): Register =>
  interfaceFor(at).registers[at.register]!;

export function fieldMask(
  at: Pick<AccessBreakpoint, "interface" | "register" | "field">,
): number | undefined {
  const found = registerFor(at).fields.find(({ name }) => name === at.field);
  return found && bitMask(found.bits);
}

/** Which of some breakpoints an access hits, found by one look at a table where it hits none. */
export class BreakpointSet {
  readonly #table = new Uint8Array(WINDOW_SIZE >>> WORD_SHIFT);
  readonly #accesses: { breakpoint: AccessBreakpoint; mask: number | undefined }[] = [];
  readonly #commands: Exclude<Breakpoint, AccessBreakpoint>[] = [];

  constructor(breakpoints: readonly Breakpoint[]) {
    for (const breakpoint of breakpoints) {
      if (breakpoint.kind === "access") this.#addAccess(breakpoint);
      else this.#commands.push(breakpoint);
    }
  }

  get empty(): boolean {
    return this.#accesses.length + this.#commands.length === 0;
  }

  #addAccess(breakpoint: AccessBreakpoint): void {
    this.#accesses.push({ breakpoint, mask: fieldMask(breakpoint) });
    const { offset, span = 4 } = registerFor(breakpoint);
    const kinds = { read: READ, write: WRITE, both: READ | WRITE }[breakpoint.direction];
    for (let locality = 0; locality < LOCALITY_COUNT; locality++) {
      if (breakpoint.locality !== undefined && breakpoint.locality !== locality) continue;
      const base = (locality << LOCALITY_SHIFT) + offset;
      for (let at = base; at < base + span; at += 4) this.#table[at >>> WORD_SHIFT]! |= kinds;
    }
  }

  /**
   * @param meaning what the access meant for a command, and @param span the command.
   * @returns the first breakpoint that is hit.
   */
  hit(word: number, value: number, meaning: number, span: CommandSpan | undefined): Breakpoint | undefined {
    if (meaning !== NOTHING) {
      const found = this.#commands.find((breakpoint) => hitsCommand(breakpoint, meaning, span));
      if (found) return found;
    }
    const kind = isWrite(word) ? WRITE : READ;
    const locality = localityOf(word);
    const offset = offsetOf(word);
    const interest = this.#table[((locality << LOCALITY_SHIFT) + offset) >>> WORD_SHIFT]!;
    if ((interest & kind) === 0) return undefined;
    return this.#accesses.find(({ breakpoint, mask }) => {
      if (breakpoint.locality !== undefined && breakpoint.locality !== locality) return false;
      if (interfaceFor(breakpoint) !== interfaceOfWord(word)) return false;
      const { offset: first, span: bytes = 4 } = registerFor(breakpoint);
      if (offset < first || offset >= first + bytes) return false;
      if (breakpoint.direction !== "both" && (breakpoint.direction === "write") !== (kind === WRITE))
        return false;
      return mask === undefined || ((value << ((offset & 3) * 8)) & mask) !== 0;
    })?.breakpoint;
  }
}

function hitsCommand(
  breakpoint: Exclude<Breakpoint, AccessBreakpoint>,
  meaning: number,
  span: CommandSpan | undefined,
): boolean {
  if (breakpoint.kind === "command")
    return meaning === STARTED && (breakpoint.code === undefined || breakpoint.code === span?.code);
  if (meaning !== RESULT_READ) return false;
  return breakpoint.code === undefined ? span?.result !== 0 : breakpoint.code === span?.result;
}

/** "locality 0 writes tpmGo (TPM_STS)" */
export function breakpointText(
  breakpoint: Breakpoint,
  names: { command(code: number): string; result(code: number): string },
): string {
  switch (breakpoint.kind) {
    case "access": {
      const { locality, direction, field } = breakpoint;
      const who = locality === undefined ? "any locality" : `locality ${locality}`;
      const does = { read: "reads", write: "writes", both: "reads or writes" }[direction];
      const { name } = registerFor(breakpoint);
      return `${who} ${does} ${field ? `${field} in ${name}` : name}`;
    }
    case "command":
      return breakpoint.code === undefined ? "any command runs" : `${names.command(breakpoint.code)} runs`;
    case "result":
      return breakpoint.code === undefined
        ? "a command fails"
        : `a result is ${names.result(breakpoint.code)}`;
  }
}
