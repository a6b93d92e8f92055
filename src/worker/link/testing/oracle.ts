/**
 * Says whether what a device showed is possible. A device whose TPM answers at a time of its own may be in one of
 * several states; the oracle keeps a plain device for each of them, and drops those that a read contradicts.
 */
import { TisDevice } from "../../../device/tis/device.ts";
import type { AccessSize, TisSink, TpmVersion } from "../../../device/tis/ports.ts";

const NOTHING: TisSink = {
  execute: () => undefined,
  cancel: () => undefined,
  resetEstablishment: () => undefined,
  irq: () => undefined,
};

/** One of the states that the device may be in. */
class Candidate {
  readonly device: TisDevice;
  /** The command that the TPM has. */
  #command: Uint8Array | undefined;

  constructor(version: TpmVersion, from?: Candidate) {
    this.device = new TisDevice({
      version,
      sink: {
        ...NOTHING,
        execute: (_locality, command) => {
          this.#command = command;
        },
      },
    });
    if (!from) return;
    this.device.restore(from.device.snapshot());
    this.#command = from.#command;
  }

  get command(): Uint8Array | undefined {
    return this.device.executing ? this.#command : undefined;
  }

  /** Everything that decides what comes later, as text. */
  get key(): string {
    return `${new Uint8Array(this.device.memory).join()}|${this.command?.join()}`;
  }
}

/** More states than this at a time mean that something is wrong with the test. */
const MOST_CANDIDATES = 64;

export class Oracle {
  readonly #version: TpmVersion;
  readonly #answer: (command: Uint8Array) => Uint8Array;
  #candidates: Candidate[];
  /** The most states that were possible at one time. */
  most = 1;

  constructor(version: TpmVersion, answer: (command: Uint8Array) => Uint8Array) {
    this.#version = version;
    this.#answer = answer;
    this.#candidates = [new Candidate(version)];
  }

  /** The TPM has a command for certain, and has not answered. */
  get executing(): boolean {
    return this.#candidates.every(({ command }) => command !== undefined);
  }

  write(address: number, size: AccessSize, value: number): void {
    this.#branch();
    for (const { device } of this.#candidates) device.write(address, size, value);
  }

  reset(): void {
    for (const { device } of this.#candidates) device.reset();
    this.#merge();
  }

  /** @returns undefined when `value` is possible, else what would have been. */
  read(address: number, size: AccessSize, value: number): number[] | undefined {
    this.#branch();
    const shown = this.#candidates.map(({ device }) => device.read(address, size));
    const possible = this.#candidates.filter((_, i) => shown[i] === value);
    if (possible.length === 0) return Array.from(new Set(shown));
    this.#candidates = possible;
    if (possible.length > 1) this.#merge();
    return undefined;
  }

  /** The TPM may have answered by now, or not; its next command, too. */
  #branch(): void {
    for (const candidate of this.#candidates) {
      const { command } = candidate;
      if (!command) continue;
      const answered = new Candidate(this.#version, candidate);
      answered.device.complete(this.#answer(command));
      this.#candidates.push(answered);
    }
    this.#merge();
  }

  #merge(): void {
    if (this.#candidates.length === 1) return;
    const different = new Map(this.#candidates.map((candidate) => [candidate.key, candidate]));
    this.#candidates = Array.from(different.values());
    this.most = Math.max(this.most, this.#candidates.length);
    if (this.#candidates.length > MOST_CANDIDATES) throw new Error("too many states are possible");
  }
}
