/**
 * The policy that keeps a slow TPM from running into time limits: while a TPM command takes longer than a short
 * grace time, the machine is held, and guest time with it. Ordinary commands, of a few milliseconds, never stop
 * the machine. Firmware allows an extend 750 ms and a self-test 2 s; a far bridge or a busy host may need more.
 */
import type { MachineBus } from "./bus.ts";

/** Grace time in host milliseconds, where no other is asked for. */
export const DEFAULT_GRACE_MS = 20;

/** The reason under which the machine is held. */
export const HOLD_REASON = "TPM command";

export interface CommandHoldOptions {
  /** Host milliseconds for which a command may run before the machine is held. 0 holds at the next turn. */
  graceMs?: number;
}

export class CommandHold {
  readonly #bus: Pick<MachineBus, "hold" | "expectHold">;
  readonly #graceMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #release: (() => void) | undefined;
  #endOfCommand: (() => void) | undefined;

  constructor(
    bus: Pick<MachineBus, "hold" | "expectHold">,
    { graceMs = DEFAULT_GRACE_MS }: CommandHoldOptions = {},
  ) {
    this.#bus = bus;
    this.#graceMs = graceMs;
  }

  /** A TPM command began. One at a time: a second call before `commandFinished` changes nothing. */
  commandStarted(): void {
    if (this.#timer !== undefined || this.#release) return;
    this.#endOfCommand = this.#bus.expectHold?.();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#release = this.#bus.hold(HOLD_REASON);
    }, this.#graceMs);
  }

  /** The command was answered, given up, or the TPM was reset. May be called when none runs. */
  commandFinished(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#release?.();
    this.#release = undefined;
    this.#endOfCommand?.();
    this.#endOfCommand = undefined;
  }

  /** True while this policy holds the machine. */
  get holding(): boolean {
    return this.#release !== undefined;
  }
}
