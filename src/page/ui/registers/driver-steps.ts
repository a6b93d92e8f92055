/** The steps of a driver through a register interface, one after the other: what each does, and which comes next. */

import type { AccessSize } from "../../../device/frontend/port.ts";
import type { Register } from "../../../device/frontend/registers.ts";
import { hexNumber } from "../../../protocol/bytes/hex.ts";
import type { TpmHandle } from "../../../session/types.ts";
import { registerAddress } from "../../model/interface.ts";

export type StepId = "request" | "ready" | "write" | "go" | "read" | "idle" | "release";

/** What a step works with. */
export interface Hand {
  handle: TpmHandle;
  locality: number;
  /** The bytes in the editor; undefined when they are none. */
  command: Uint8Array | undefined;
}

/** What a step did, in words, and what it brought. */
export interface Done {
  said: string;
  response?: Uint8Array;
}

export interface DriverStep {
  readonly id: StepId;
  readonly label: string;
  readonly title: string;
  /** What to say while it is the next one. */
  readonly hint: string;
  /** @returns undefined when there was nothing to do. */
  act(hand: Hand): Done | undefined;
}

export interface DriverSteps {
  readonly steps: readonly DriverStep[];
  /** What a driver would do now, by the state of its locality and what its registers read; "wait" while a command runs. */
  next(handle: TpmHandle, locality: number): StepId | "wait" | undefined;
}

export function writeRegister(
  { handle, locality }: Hand,
  { name, offset }: Register,
  size: AccessSize,
  value: number,
): Done {
  handle.write(registerAddress(locality, offset), size, value);
  return { said: `Wrote ${hexNumber(value, size * 2)} to ${name} of locality ${locality}.` };
}
