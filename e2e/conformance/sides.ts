/** What is compared: several sides, each a program with a model of what it must answer. */
import type { Interface, Model } from "./interface.ts";

/** Who answers qtest lines. */
export interface Peer {
  send(lines: string[]): void;
  answer(): Promise<string>;
  ask(line: string): Promise<string>;
  readonly irq: boolean;
}

export interface Side {
  name: string;
  model: Model;
  peer: Peer;
  /** What a TPM in the same state answers. */
  respond(locality: number, command: Uint8Array): Promise<Uint8Array>;
}

export interface World {
  readonly registers: Interface;
  sides: Side[];
  /** From now on no TPM answers. */
  hold(): void;
  release(): void;
  /** A power cycle of all sides and TPMs, models excepted. */
  reset(): Promise<void>;
  /** Identifiers that the models have noted since the last call. */
  noted(): Set<string>;
}
