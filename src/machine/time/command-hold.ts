/**
 * The policy that keeps a slow TPM from running into time limits. From the access in which the guest starts a command
 * until the answer is there, the guest's time advances by a small budget at most; then the machine is held, and guest
 * time with it. Commands of a few milliseconds never stop the machine. Firmware allows an extend 750 ms and a
 * self-test 2 s; a far bridge or a busy host may need more.
 *
 * The bound is the clock's (`MachineBus.holdAfter`): no timer and no message of another thread has to come in time.
 */
import type { MachineBus } from "../bus.ts";

/** The budget, in milliseconds of the guest's time, where no other is asked for. */
export const DEFAULT_GRACE_MS = 20;

/** The reason under which the machine is held. */
export const HOLD_REASON = "TPM command";

export interface CommandHoldOptions {
  /**
   * Guest milliseconds for which a command may run before the machine is held. 0 holds at once. By the host's clock,
   * and only about, where the machine's bus has no `holdAfter`.
   */
  graceMs?: number;
}

export class CommandHold {
  readonly #bus: Pick<MachineBus, "hold" | "holdAfter">;
  readonly #graceMs: number;
  #release: (() => void) | undefined;

  constructor(
    bus: Pick<MachineBus, "hold" | "holdAfter">,
    { graceMs = DEFAULT_GRACE_MS }: CommandHoldOptions = {},
  ) {
    this.#bus = bus;
    this.#graceMs = graceMs;
  }

  /**
   * A TPM command began: to be called from within the guest's access. One at a time: a second call before
   * `commandFinished` changes nothing.
   */
  commandStarted(): void {
    this.#release ??= this.#bus.holdAfter?.(this.#graceMs, HOLD_REASON) ?? this.#holdByTimer();
  }

  /** No answer is due any more: it is there, or the TPM was reset. May be called when none was. */
  commandFinished(): void {
    const release = this.#release;
    this.#release = undefined;
    release?.();
  }

  #holdByTimer(): () => void {
    let release: (() => void) | undefined;
    const timer = setTimeout(() => {
      release = this.#bus.hold(HOLD_REASON);
    }, this.#graceMs);
    return () => {
      clearTimeout(timer);
      release?.();
    };
  }
}
