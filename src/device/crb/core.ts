/**
 * The device's state and the few primitive steps that change it: moves between states, interrupts, and the effects
 * that wait until the state has settled.
 */
import type { TracedAccess } from "../frontend/trace.ts";
import {
  INT_ENABLE_BITS,
  INT_STATUS_BITS,
  LOCALITY_WORDS,
  mapMemory,
  NONE,
  STANDING_BITS,
  WORD,
} from "./layout.ts";
import { type AccessSize, type FrontEndSink, LOCALITIES } from "./ports.ts";
import { INT_ENABLE } from "./registers.ts";
import { type CrbEvent, EXECUTION, IDLE, STATES, stateNumber, transition } from "./states.ts";
import type { CrbTrace } from "./trace.ts";

/** Effects, lowest bit first in the order in which the sink is told of them. */
const EFFECT_IRQ = 1;
const EFFECT_RESET_ESTABLISHMENT = 2;
const EFFECT_EXECUTE = 4;
const EFFECT_CANCEL = 8;

export class CrbCore {
  readonly words: Int32Array;
  readonly data: Uint8Array;
  readonly packet: Uint8Array;
  onTrace: ((event: CrbTrace) => void) | undefined;
  /** Counts the commands; an answer that names an older one is stale. */
  ticket = 0;
  readonly #sink: FrontEndSink;
  #effects = 0;
  /** The command of `EFFECT_EXECUTE`. */
  #command: Uint8Array = new Uint8Array();
  #access: TracedAccess | undefined;

  constructor(memory: ArrayBufferLike, sink: FrontEndSink) {
    const { words, data, packet } = mapMemory(memory);
    this.words = words;
    this.data = data;
    this.packet = packet;
    this.#sink = sink;
  }

  // --- what a power cycle leaves ---

  /** Everything to its reset value but the version, buffer size, kind of interface and establishment flag. */
  reset(): void {
    const { words } = this;
    this.ticket++;
    this.#effects = 0;
    if (words[WORD.IRQ_LEVEL]) this.#setIrq(0);
    words[WORD.CLEARING] = NONE;
    words[WORD.INTERFACE_LOCKED] = 0;
    words[WORD.ACTIVE] = NONE;
    words[WORD.LEAVING] = 0;
    words[WORD.SEIZING] = NONE;
    words[WORD.USER] = NONE;
    words[WORD.STATE] = IDLE;
    words[WORD.CANCEL] = 0;
    for (let locality = 0; locality < LOCALITIES; locality++) {
      const first = locality * LOCALITY_WORDS;
      words[STANDING_BITS + first] = 0;
      words[INT_ENABLE_BITS + first] = 0;
      words[INT_STATUS_BITS + first] = 0;
    }
    this.emptyBuffer();
    this.onTrace?.({ kind: "reset" });
  }

  /** One must not find another's command or response there. */
  emptyBuffer(): void {
    const { words } = this;
    words[WORD.PACKET_LENGTH] = 0;
    words[WORD.OFFSET] = 0;
    this.data.fill(0);
    this.packet.fill(0);
  }

  // --- states ---

  get state(): number {
    return this.words[WORD.STATE]!;
  }

  get executing(): boolean {
    return this.words[WORD.STATE] === EXECUTION;
  }

  /** The locality that has the TPM; `NONE` when none has. */
  get active(): number {
    return this.words[WORD.ACTIVE]!;
  }

  /**
   * Moves the interface as `TRANSITIONS` says.
   * @returns false where the event means nothing in its state: nothing has happened.
   */
  move(event: CrbEvent): boolean {
    const { words } = this;
    const from = words[WORD.STATE]!;
    const row = transition(from, event);
    if (!row) return false;
    words[WORD.STATE] = stateNumber(row.to);
    if (row.interrupt !== undefined) this.raise(words[WORD.ACTIVE]!, row.interrupt);
    if (this.onTrace) {
      const locality = words[WORD.USER]!;
      this.onTrace({ kind: "state", locality, event, from: STATES[from]!, to: row.to, access: this.#access });
    }
    return true;
  }

  /** Tells the trace that the TPM went from one locality to another. */
  traceOwner(from: number, to: number, seized: boolean): void {
    this.onTrace?.({ kind: "owner", from, to, seized: seized && from !== NONE, access: this.#access });
  }

  // --- interrupts ---

  /** An event of a locality's becomes pending, if it is enabled there. */
  raise(locality: number, interrupt: number): void {
    if (locality === NONE) return;
    const { words } = this;
    const first = locality * LOCALITY_WORDS;
    const enabled = words[INT_ENABLE_BITS + first]!;
    if (!(enabled & INT_ENABLE.GLOBAL) || !(enabled & interrupt)) return;
    words[INT_STATUS_BITS + first]! |= interrupt;
    this.#setIrq(1);
  }

  /** Clears pending interrupts of a locality. */
  acknowledge(locality: number, interrupts: number): void {
    this.words[INT_STATUS_BITS + locality * LOCALITY_WORDS]! &= ~interrupts;
    this.updateIrq();
  }

  /** The line is up as long as any locality has something pending that is enabled. */
  updateIrq(): void {
    const { words } = this;
    let level = 0;
    for (let locality = 0; locality < LOCALITIES; locality++) {
      const enabled = words[INT_ENABLE_BITS + locality * LOCALITY_WORDS]!;
      const pending = words[INT_STATUS_BITS + locality * LOCALITY_WORDS]!;
      if (enabled & INT_ENABLE.GLOBAL && enabled & pending) level = 1;
    }
    this.#setIrq(level);
  }

  #setIrq(level: number): void {
    if (this.words[WORD.IRQ_LEVEL] === level) return;
    this.words[WORD.IRQ_LEVEL] = level;
    this.#effects ^= EFFECT_IRQ;
  }

  /** Takes over another memory's state whole; an interrupt line that differs is told to the sink. */
  replace(memory: ArrayBufferLike): void {
    const { words, data, packet } = mapMemory(memory);
    this.ticket++;
    this.#effects = 0;
    this.#setIrq(words[WORD.IRQ_LEVEL]!);
    this.words.set(words);
    this.data.set(data);
    this.packet.set(packet);
  }

  // --- effects: told to the sink by `settle`, when the state is consistent again ---

  startCommand(command: Uint8Array): void {
    this.ticket++;
    this.#command = command;
    this.#effects |= EFFECT_EXECUTE;
  }

  cancelCommand(): void {
    this.#effects |= EFFECT_CANCEL;
  }

  /** @param locality who asks; it is told of the end by an interrupt. */
  resetEstablishment(locality: number): void {
    this.words[WORD.CLEARING] = locality;
    this.#effects |= EFFECT_RESET_ESTABLISHMENT;
  }

  /** Notes the access that is under way, for the trace. */
  beginAccess(address: number, size: AccessSize, value: number): void {
    if (this.onTrace) this.#access = { address, size, value };
  }

  /** Nobody is to be told of what has happened. */
  dropEffects(): void {
    this.#effects = 0;
  }

  /** Ends an access or an answer: tells the sink what came of it. The sink may call back into the device. */
  settle(): void {
    this.#access = undefined;
    // One at a time: a callback may reset the device, which drops what is left.
    while (this.#effects !== 0) {
      const effect = this.#effects & -this.#effects;
      this.#effects ^= effect;
      this.#tell(effect);
    }
  }

  #tell(effect: number): void {
    const { words } = this;
    if (effect === EFFECT_IRQ) this.#sink.irq(words[WORD.IRQ_LEVEL] !== 0);
    else if (effect === EFFECT_RESET_ESTABLISHMENT) this.#sink.resetEstablishment(words[WORD.CLEARING]!);
    else if (effect === EFFECT_EXECUTE) this.#sink.execute(words[WORD.USER]!, this.#command);
    else this.#sink.cancel();
  }
}
