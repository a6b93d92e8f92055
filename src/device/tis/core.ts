/**
 * The device's state and the few primitive steps that change it: moves between states, interrupts, and the effects
 * that wait until the state has settled.
 */
import type { LaunchStep } from "../frontend/port.ts";
import type { TracedAccess } from "../frontend/trace.ts";
import {
  ACCESS_BITS,
  INT_ENABLE_BITS,
  INT_STATUS_BITS,
  LOCALITY_WORDS,
  mapMemory,
  NONE,
  OWED_ANSWER,
  OWED_NOTHING,
  STATE,
  STS_BITS,
  TPM_12,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { type AccessSize, LOCALITIES, type TisSink } from "./ports.ts";
import { accessMask, INT_ENABLE, REGISTERS } from "./registers.ts";
import { EXECUTION, IDLE, STATES, stateNumber, type TisEvent, transition } from "./states.ts";
import type { TisTrace } from "./trace.ts";

/** Effects, lowest bit first in the order in which the sink is told of them. */
const EFFECT_IRQ = 1;
const EFFECT_RESET_ESTABLISHMENT = 2;
const EFFECT_EXECUTE = 4;
const EFFECT_CANCEL = 8;
const EFFECT_LAUNCH = 16;

/** Interrupt sources, as bits. */
const INTERRUPTS = accessMask(REGISTERS.INT_STATUS, "w1c");

export class TisCore {
  readonly words: Int32Array;
  readonly fifo: Uint8Array;
  onTrace: ((event: TisTrace) => void) | undefined;
  /** Counts the commands; an answer that names an older one is stale. */
  ticket = 0;
  readonly #sink: TisSink;
  #effects = 0;
  /** Locality of `EFFECT_RESET_ESTABLISHMENT`. */
  #establishmentLocality = 0;
  /** Of `EFFECT_LAUNCH`, in order. */
  #launchSteps: LaunchStep[] = [];
  #access: TracedAccess | undefined;

  constructor(memory: ArrayBufferLike, sink: TisSink) {
    const { words, fifo } = mapMemory(memory);
    this.words = words;
    this.fifo = fifo;
    this.#sink = sink;
  }

  // --- what a power cycle leaves ---

  /** Everything to its reset value but the version, buffer size, interrupt number and establishment flag. */
  reset(): void {
    const { words } = this;
    this.ticket++;
    this.#effects = 0;
    this.#launchSteps = [];
    if (words[WORD.IRQ_LEVEL]) this.#setIrq(0);
    words[WORD.INTERFACE_LOCKED] = 0;
    words[WORD.SELF_TEST_DONE] = 0;
    words[WORD.ACTIVE] = NONE;
    words[WORD.ABORTING] = NONE;
    words[WORD.NEXT] = NONE;
    words[WORD.OFFSET] = 0;
    words[WORD.PACKET_LENGTH] = 0;
    words[WORD.OWED] = OWED_NOTHING;
    for (let locality = 0; locality < LOCALITIES; locality++) {
      const first = locality * LOCALITY_WORDS;
      words[STATE + first] = IDLE;
      words[ACCESS_BITS + first] = 0;
      words[STS_BITS + first] = 0;
      words[INT_ENABLE_BITS + first] = REGISTERS.INT_ENABLE.reset["2.0"];
      words[INT_STATUS_BITS + first] = 0;
    }
    // One must not find another's command or response there.
    this.fifo.fill(0);
    this.onTrace?.({ kind: "reset" });
  }

  // --- states ---

  state(locality: number): number {
    return this.words[STATE + locality * LOCALITY_WORDS]!;
  }

  sts(locality: number): number {
    return this.words[STS_BITS + locality * LOCALITY_WORDS]!;
  }

  /** The locality whose command runs, or waits for its turn; `NONE` when there is none. */
  executing(): number {
    for (let locality = 0; locality < LOCALITIES; locality++) {
      if (this.state(locality) === EXECUTION) return locality;
    }
    return NONE;
  }

  /** Moves a locality as `TRANSITIONS` says; nothing happens where the event means nothing in its state. */
  move(locality: number, event: TisEvent): void {
    const { words } = this;
    const first = locality * LOCALITY_WORDS;
    const from = words[STATE + first]!;
    const row = transition(from, event);
    if (!row) return;
    words[STATE + first] = stateNumber(row.to);
    if (row.sts !== undefined) words[STS_BITS + first] = row.sts;
    for (const interrupts of row.interrupts ?? []) this.raise(locality, interrupts);
    if (this.onTrace) {
      this.onTrace({ kind: "state", locality, event, from: STATES[from]!, to: row.to, access: this.#access });
    }
  }

  /** Tells the trace that the TPM went from one locality to another. */
  traceOwner(from: number, to: number, seized: boolean): void {
    this.onTrace?.({ kind: "owner", from, to, seized: seized && from !== NONE, access: this.#access });
  }

  // --- interrupts ---

  /** All of `interrupts` become pending, and the line rises, if one of them is enabled at that locality. */
  raise(locality: number, interrupts: number): void {
    const { words } = this;
    const first = locality * LOCALITY_WORDS;
    const enabled = words[INT_ENABLE_BITS + first]!;
    if (!(enabled & INT_ENABLE.GLOBAL) || !(enabled & interrupts)) return;
    words[INT_STATUS_BITS + first]! |= interrupts;
    this.#setIrq(1);
  }

  /** Clears pending interrupts; the line drops with the locality's last. */
  acknowledge(locality: number, interrupts: number): void {
    const { words } = this;
    const at = INT_STATUS_BITS + locality * LOCALITY_WORDS;
    const pending = words[at]!;
    words[at] = pending & ~(interrupts & INTERRUPTS);
    if (pending !== 0 && words[at] === 0 && (interrupts & INTERRUPTS) !== 0) this.#setIrq(0);
  }

  #setIrq(level: number): void {
    if (this.words[WORD.IRQ_LEVEL] === level) return;
    this.words[WORD.IRQ_LEVEL] = level;
    this.#effects ^= EFFECT_IRQ;
  }

  /** Takes over another memory's state whole; an interrupt line that differs is told to the sink. */
  replace(memory: ArrayBufferLike): void {
    const { words, fifo } = mapMemory(memory);
    this.ticket++;
    this.#effects = 0;
    this.#launchSteps = [];
    this.#setIrq(words[WORD.IRQ_LEVEL]!);
    this.words.set(words);
    this.fifo.set(fifo);
  }

  // --- effects: told to the sink by `settle`, when the state is consistent again ---

  /** The command in the FIFO is the TPM's from now on. */
  startCommand(): void {
    this.words[WORD.OWED] = OWED_ANSWER;
    this.ticket++;
    this.#effects |= EFFECT_EXECUTE;
  }

  cancelCommand(): void {
    this.#effects |= EFFECT_CANCEL;
  }

  resetEstablishment(locality: number): void {
    this.#establishmentLocality = locality;
    this.#effects |= EFFECT_RESET_ESTABLISHMENT;
  }

  launch(step: LaunchStep): void {
    this.#launchSteps.push(step);
    this.#effects |= EFFECT_LAUNCH;
  }

  /** Notes the access that is under way, for the trace. */
  beginAccess(address: number, size: AccessSize, value: number | undefined): void {
    if (this.onTrace) this.#access = { address, size, value };
  }

  /** Nobody is to be told of what has happened. */
  dropEffects(): void {
    this.#effects = 0;
    this.#launchSteps = [];
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
    else if (effect === EFFECT_RESET_ESTABLISHMENT) {
      this.#sink.resetEstablishment(this.#establishmentLocality);
    } else if (effect === EFFECT_EXECUTE) {
      this.#sink.execute(this.executing(), this.fifo.slice(0, words[WORD.PACKET_LENGTH]!));
    } else if (effect === EFFECT_LAUNCH) this.#tellLaunch();
    else this.#sink.cancel();
  }

  #tellLaunch(): void {
    for (const step of this.#launchSteps.splice(0)) this.#sink.launch?.(step);
  }

  // --- short questions ---

  get isTpm12(): boolean {
    return this.words[WORD.VERSION] === TPM_12;
  }

  get family(): "1.2" | "2.0" {
    return this.isTpm12 ? "1.2" : "2.0";
  }

  get version(): (typeof VERSIONS)[number] {
    return VERSIONS[this.words[WORD.VERSION]!]!;
  }
}
