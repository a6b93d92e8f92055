/**
 * Follows commands through the registers: which accesses put a command in, ran it and took its response, its code
 * and its result. Sees what a logic analyser on the bus would see, so a driver's mistakes show as such.
 */

import { REGISTERS as CRB_REGISTERS, CTRL_REQ, CTRL_START } from "../../device/crb/registers.ts";
import { REGISTERS, STS } from "../../device/tis/registers.ts";
import type { CommandRecord } from "../types.ts";
import { isCrb, isData, isWrite, localityOf, offsetOf, sizeOf } from "./access.ts";

/** Spans kept. */
const MOST_SPANS = 5000;
const HEADER_BYTES = 10;
/** Command code and response code lie at the end of a header. */
const CODE_AT = 6;
/** A tpmGo that is older than this when a command began made none, in milliseconds. */
const STALE_MS = 1000;

/** One command as accesses. */
export interface CommandSpan {
  /** Sequence numbers: of the first byte written, of tpmGo (Start), and of the last byte read so far. */
  first: number;
  go: number;
  last: number;
  /** When that was written; `performance.now()` milliseconds. */
  time: number;
  locality: number;
  /** TPM_CC or ordinal, as it was written; undefined when it was shorter than a header. */
  code: number | undefined;
  /** TPM_RC, once that was read. */
  result: number | undefined;
  /** Of the record that the session made of it. */
  id: number | undefined;
}

/** What an access meant for a command. */
export const NOTHING = 0;
/** tpmGo, or Start, was written for a command that had been put in. */
export const STARTED = 1;
/** The last byte of the result was read. */
export const RESULT_READ = 2;

const WHOLE = 2 ** HEADER_BYTES - 1;

/** The first bytes of a command or response, from whatever pieces. */
class Header {
  readonly #bytes = new Uint8Array(HEADER_BYTES);
  /** Which of them are there, a bit each. */
  #known = 0;
  /** Where the next ones belong that say nothing of it. */
  #end = 0;

  clear(): void {
    this.#known = this.#end = 0;
  }

  /** @param at where the bytes belong: behind those before, if nothing is said. @returns true when it is whole now. */
  add(value: number, size: number, at = this.#end): boolean {
    const before = this.#known;
    for (let i = 0; i < size && at + i < HEADER_BYTES; i++) {
      this.#bytes[at + i] = value >>> (8 * i);
      this.#known |= 1 << (at + i);
    }
    this.#end = at + size;
    return before !== WHOLE && this.#known === WHOLE;
  }

  get code(): number | undefined {
    if (this.#known !== WHOLE) return undefined;
    return new DataView(this.#bytes.buffer).getUint32(CODE_AT);
  }
}

/** Where an access to a data buffer lies in the command or response; the FIFO says nothing of it. */
const placeOf = (word: number) =>
  isCrb(word) ? offsetOf(word) - CRB_REGISTERS.DATA_BUFFER.offset : undefined;

export class CommandSpans {
  /** Oldest first; what was put in and never run is not among them. */
  readonly spans: CommandSpan[] = [];
  readonly #request = new Header();
  readonly #response = new Header();
  #first = -1;
  #locality = -1;
  #running: CommandSpan | undefined;

  /** @returns what the access meant: {@link NOTHING}, {@link STARTED} or {@link RESULT_READ}. */
  access(sequence: number, time: number, word: number, value: number): number {
    if (isData(word))
      return isWrite(word) ? this.#put(sequence, word, value) : this.#take(sequence, word, value);
    if (!isWrite(word)) return NOTHING;
    const offset = offsetOf(word);
    if (isCrb(word)) return this.#control(offset, sequence, time, word, value);
    return offset === REGISTERS.STS.offset ? this.#status(sequence, time, word, value) : NOTHING;
  }

  /** The command that the last access belongs to. */
  get newest(): CommandSpan | undefined {
    return this.spans.at(-1);
  }

  /**
   * A record of the session's belongs to the first command of its code and locality that has none yet: both come in
   * order, but the clocks of two threads may differ by more than a command takes.
   */
  link({ id, startedAt, locality, code, origin }: CommandRecord): CommandSpan | undefined {
    if (origin !== "guest") return undefined;
    const after = this.spans.findLastIndex((span) => span.id !== undefined) + 1;
    const found = this.spans
      .slice(after)
      .find((span) => span.locality === locality && span.code === code && span.time > startedAt - STALE_MS);
    if (found) found.id = id;
    return found;
  }

  byId(id: number): CommandSpan | undefined {
    return this.spans.findLast((span) => span.id === id);
  }

  /** Another machine, whose records count anew. */
  forget(): void {
    this.spans.length = 0;
    this.reset();
  }

  /** The command that an access is part of. */
  at(sequence: number): CommandSpan | undefined {
    const span = this.spans.findLast(({ first }) => first <= sequence);
    return span && sequence <= span.last ? span : undefined;
  }

  /** The machine was reset: what was under way is over. */
  reset(): void {
    this.#first = -1;
    this.#running = undefined;
  }

  #put(sequence: number, word: number, value: number): number {
    const locality = localityOf(word);
    if (this.#first < 0 || locality !== this.#locality) {
      this.#first = sequence;
      this.#locality = locality;
      this.#request.clear();
    }
    this.#request.add(value, sizeOf(word), placeOf(word));
    return NOTHING;
  }

  #take(sequence: number, word: number, value: number): number {
    const span = this.#running;
    if (!span || span.locality !== localityOf(word)) return NOTHING;
    span.last = sequence;
    if (!this.#response.add(value, sizeOf(word), placeOf(word))) return NOTHING;
    span.result = this.#response.code;
    return RESULT_READ;
  }

  #status(sequence: number, time: number, word: number, value: number): number {
    if (value & STS.RESPONSE_RETRY) this.#response.clear();
    if (value & STS.COMMAND_READY) this.#over(sequence, word);
    return value & STS.TPM_GO ? this.#go(sequence, time, word) : NOTHING;
  }

  /** The control area of a CRB interface. */
  #control(offset: number, sequence: number, time: number, word: number, value: number): number {
    if (offset === CRB_REGISTERS.CTRL_REQ.offset && value & (CTRL_REQ.CMD_READY | CTRL_REQ.GO_IDLE))
      this.#over(sequence, word);
    if (offset !== CRB_REGISTERS.CTRL_START.offset) return NOTHING;
    if (value & CTRL_START.RSP_RETRY) this.#response.clear();
    return value & CTRL_START.START ? this.#go(sequence, time, word) : NOTHING;
  }

  /** The driver is done with the response, or gives the command up. */
  #over(sequence: number, word: number): void {
    if (this.#running?.locality === localityOf(word)) this.#running.last = sequence;
    this.reset();
  }

  #go(sequence: number, time: number, word: number): number {
    if (this.#first < 0 || localityOf(word) !== this.#locality) return NOTHING;
    this.#running = {
      first: this.#first,
      go: sequence,
      last: sequence,
      time,
      locality: this.#locality,
      code: this.#request.code,
      result: undefined,
      id: undefined,
    };
    this.#first = -1;
    this.#response.clear();
    this.spans.push(this.#running);
    if (this.spans.length > MOST_SPANS) this.spans.shift();
    return STARTED;
  }
}
