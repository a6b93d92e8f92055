/** What is told of a boot while it happens; nothing here has a time, so that the same events give the same verdict. */
import type { Bank } from "../../protocol/eventlog/index.ts";

/** One TPM command, as the page records it. */
export interface SeenCommand {
  /** E.g. "TPM2_PCR_Extend". */
  readonly name: string;
  /** TPM_CC / ordinal. */
  readonly code: number;
  readonly request: Uint8Array;
  /** Undefined while it runs, and for one that was never answered. */
  readonly response?: Uint8Array;
  readonly responseCode?: number;
  /** E.g. "TPM_RC_FAILURE". */
  readonly responseName?: string;
  readonly origin: "guest" | "page";
}

/**
 * Firmware's and console's lines come at once, commands with some delay: a line may be told before a command that was
 * sent earlier. Commands, `pcrs` and `all told` keep their order.
 */
export type BootEvent =
  /** A machine was made. `saved`: it goes on from where another stood, and does not boot. */
  | { type: "start"; from: "power-on" | "saved" }
  | { type: "reset"; by: "user" | "guest" }
  /** A command began; the same object, completed, comes again with `answered`. */
  | { type: "command"; command: SeenCommand }
  | { type: "answered"; command: SeenCommand }
  /** A line of the firmware's debug log. */
  | { type: "firmware"; line: string }
  /** Output of the guest's serial console, in pieces of any length. */
  | { type: "console"; text: string }
  /** The event-log area was written; it is read when it is looked at. */
  | { type: "log"; bytes: () => Uint8Array }
  /** All PCRs, read after the commands that were told before. */
  | { type: "pcrs"; banks: readonly Bank[] }
  /** Every command that was sent before now has been told; asked for by `BootCheck.wantsAllTold`. */
  | { type: "all told" }
  /** The emulator itself has failed. */
  | { type: "crash"; message: string }
  /** Neither firmware nor guest has done anything that can be seen for so many seconds of the guest's own time. */
  | { type: "silence"; seconds: number };
