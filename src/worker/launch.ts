/**
 * A dynamic launch as the register interface tells it, step by step, gathered to be measured by the TPM in one piece: so
 * no command comes between its parts.
 */
import type { LaunchStep } from "../device/frontend/port.ts";

/** Bytes; AMD's SKINIT measures at most 64 KiB, Intel's SENTER less. A launch of more is no launch. */
export const LONGEST_LAUNCH = 1 << 20;

export class LaunchSequence {
  #parts: Uint8Array[] | undefined;
  #length = 0;

  /** @returns everything that is to be measured, when the sequence has ended; undefined before, and without a start. */
  take(step: LaunchStep): Uint8Array | undefined {
    switch (step.kind) {
      case "start":
        this.#parts = [];
        this.#length = 0;
        return undefined;
      case "data":
        this.#length += step.bytes.length;
        if (this.#length > LONGEST_LAUNCH) this.#parts = undefined;
        this.#parts?.push(step.bytes);
        return undefined;
      case "end":
        return this.#end();
    }
  }

  /** A power cycle: what was under way is over. */
  forget(): void {
    this.#parts = undefined;
  }

  #end(): Uint8Array | undefined {
    const parts = this.#parts;
    this.#parts = undefined;
    if (!parts) return undefined;
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}
