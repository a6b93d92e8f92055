/** What a comparison has to know of a register interface: a model of it, what to do to it, and where it shows what. */
import type { Random } from "./random.ts";
import type { AccessStep, Step } from "./steps.ts";

export type Version = "2.0" | "1.2";

/** A command that the interface has handed to the TPM. */
export interface Running {
  locality: number;
  command: Uint8Array;
  /** The TPM's answer, once it is known. */
  response?: Uint8Array;
}

/** Predicts what a program answers. */
export interface Model {
  readonly version: Version;
  /** Level of the interrupt line. */
  irq: boolean;
  /** What the TPM works on; `complete` ends it. */
  running: Running | undefined;
  /** The TPM will never answer: QEMU has sent it less than it reads. */
  wedged: boolean;
  /** Counts what goes to the TPM's control channel, where QEMU waits for swtpm. */
  controlCalls: number;
  reset(): void;
  /** Everything that shows in registers, now or later, by parts: equal parts behave alike. */
  parts(): Record<string, string>;
  /** A copy that tells nobody what it notes. */
  clone(): Model;
  /** True for an access that this model says nothing about. */
  isBeyond(address: number, size: number, value: number | undefined, shortAllowed: boolean): boolean;
  read(address: number, size: number): number;
  write(address: number, size: number, value: number): void;
  /** The TPM has answered. */
  complete(response: Uint8Array): void;
}

export interface Interface<M extends Model = Model> {
  /** QEMU's device, and what the qtest tool calls it. */
  readonly qemu: string;
  readonly qtest: string;
  /**
   * @param quirks the model behaves as QEMU does.
   * @param note told whenever a wanted difference makes itself felt.
   */
  model(version: Version, quirks: boolean, note: (id: string) => void): M;
  /** At least so many accesses, led by what the model expects. */
  sequence(random: Random, model: M, length: number): Generator<Step, void>;
  /** A read for which QEMU asks its TPM for the establishment flag, once. */
  readonly establishment: AccessStep;
  /** A read that never asks the TPM. */
  readonly harmless: AccessStep;
  /** Reads without side effects that may show the end of a command. */
  probes(model: M): AccessStep[];
  /** Writes after which one of them does. */
  reveal(model: M): AccessStep[];
}
