/** What a boot is judged to be. Data only; words.ts has the sentences. */

/** A command in a verdict: its name, and where it stood among the commands of the boot. */
export interface CommandPlace {
  name: string;
  /** From 1, of the commands that the guest has sent in this boot. */
  number: number;
}

/** The firmware stopped using the TPM before the boot was measured. */
export interface GaveUp {
  kind: "firmware gave up";
  /**
   * `disabled`: it switched the TPM off for the boot. `timed out`: it waited longer for an answer than it is willing to.
   * `stopped`: it went on to boot without measuring all of PCR 0 to 7. `absent`: it never sent a command.
   */
  how: "disabled" | "timed out" | "stopped" | "absent";
  /** Where it happened; undefined for `absent`. */
  at?: CommandPlace | undefined;
  /** In words, without a full stop. */
  cause: string;
  /** PCRs below 8 that were extended all the same, in ascending order. */
  extended: readonly number[];
}

/** Log and TPM do not tell the same. */
export interface LogDiffers {
  kind: "log does not replay";
  /** Undefined when the log itself cannot be read to its end, or was changed later. */
  pcr?: number | undefined;
  /** Index of the first event that is not what the TPM was given, where that can be told. */
  event?: number | undefined;
  reason: string;
}

/** The operating system says that its TPM does not work. */
export interface KernelSays {
  kind: "kernel says";
  line: string;
}

/** Nobody goes on. */
export interface GuestDied {
  kind: "guest died";
  /** `oops`: Linux has failed, but may go on for a while. */
  how: "panic" | "oops" | "nothing to boot" | "no shell" | "restarts" | "silent" | "emulator";
  line: string;
}

export type Trouble = GaveUp | LogDiffers | KernelSays | GuestDied;

export type BootVerdict =
  /** Nothing is known. @property why in words. */
  | { kind: "unchecked"; why: string }
  /** The boot goes on. @property missing what has not been seen yet, in words. */
  | { kind: "checking"; missing: string }
  /** Everything that can be checked was. @property checks what, in sentences. */
  | { kind: "measured"; checks: readonly string[] }
  | Trouble;

/** Whether it is about the TPM, and not about the guest alone. */
export function concernsTpm(trouble: Trouble): trouble is Exclude<Trouble, GuestDied> {
  return trouble.kind !== "guest died";
}
