/** What a sequence consists of. Any part of a sequence is a sequence, so that a failing one can be shortened. */

export interface AccessStep {
  kind: "access";
  /** Offset within the TIS window. */
  address: number;
  size: 1 | 2 | 4;
  /** What is written; a read where absent. */
  value?: number;
}

export type Step =
  | AccessStep
  /** Commands are not answered from here on ... */
  | { kind: "hold" }
  /** ... until here. */
  | { kind: "settle" }
  /** A power cycle. */
  | { kind: "reset" };

const LETTER = { 1: "b", 2: "w", 4: "l" } as const;
const BASE = 0xfed4_0000;

/** An access in the words of QEMU's qtest protocol. */
export function accessLine({ address, size, value }: AccessStep): string {
  const at = `0x${(BASE + address).toString(16)}`;
  if (value === undefined) return `read${LETTER[size]} ${at}`;
  return `write${LETTER[size]} ${at} 0x${value.toString(16)}`;
}

export function stepText(step: Step): string {
  return step.kind === "access" ? accessLine(step) : step.kind;
}

/** Reads back what `stepText` wrote. @throws {SyntaxError} */
export function parseStep(text: string): Step {
  if (text === "hold" || text === "settle" || text === "reset") return { kind: text };
  const match = /^(?:read|write)([bwl]) 0x([0-9a-f]+)(?: 0x([0-9a-f]+))?$/.exec(text);
  if (!match) throw new SyntaxError(`no step: ${text}`);
  const size = match[1] === "b" ? 1 : match[1] === "w" ? 2 : 4;
  const address = Number.parseInt(match[2]!, 16) - BASE;
  return { kind: "access", address, size, ...(match[3] && { value: Number.parseInt(match[3], 16) }) };
}
