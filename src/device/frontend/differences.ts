/** Where a device wants to differ from QEMU's of the same kind, and why. */

export interface Difference {
  /** What QEMU does. */
  readonly qemu: string;
  /** What this device does. */
  readonly here: string;
  readonly reason: string;
  /** Where the specifications speak of it, by section title. */
  readonly spec: string;
  /**
   * How the comparison deals with it: `registers` differ and both values are predicted; `unsafe` would hang or corrupt
   * QEMU, or leave the two TPMs apart, so that it is left out, and shown by tests of this device alone; `behind` shows on
   * the TPM's side, not in registers.
   */
  readonly seenIn: "registers" | "unsafe" | "behind";
}
