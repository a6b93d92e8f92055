/**
 * What a lesson is: a few steps, each with goals that are checked against what machine and TPM really did. Text is
 * plain, with `code` between backquotes.
 */
import type { InterfaceName } from "../../device/interfaces/interfaces.ts";
import type { World } from "./world.ts";

/** What earlier steps of a lesson have kept for later ones, e.g. a key as hex. */
export type Notes = Readonly<Record<string, string>>;

/** What a check has found. */
export interface Finding {
  met: boolean;
  /** What was found, or what is still missing, in a sentence. */
  text: string;
  /** To be kept for later steps; only looked at when the goal is met. */
  keep?: Notes;
}

export interface Goal {
  /** What is to be reached, in a few words. */
  text: string;
  check(world: World): Finding | Promise<Finding>;
}

/** What the page offers to do for the reader. */
export type Offer =
  /** A line for the guest's shell. Undefined: an earlier step is still missing. */
  | { kind: "type"; line: string | ((notes: Notes) => string | undefined); note?: string }
  /** Sends a command through the registers of a locality, as the driver panel does step by step. */
  | { kind: "send"; label: string; locality: number; hex: string; note?: string }
  /** One write to a locality's TPM_ACCESS. */
  | { kind: "access"; label: string; locality: number; value: number }
  /** Shows another pane. */
  | { kind: "pane"; pane: string; label: string }
  /** Puts a TPM on the bench, without a machine. */
  | { kind: "bench"; label: string }
  /** Boots; `extra` is added to the standard command line, which otherwise is used as it is. */
  | {
      kind: "boot";
      label: string;
      tpm: "2.0" | "1.2";
      extra?: string;
      /** The guest is told of the TPM's interrupt line. */
      interrupt?: boolean;
      /** A BIOS if not given. */
      firmware?: "uefi";
      /** None if not given. */
      signature?: "signed" | "tampered";
    }
  /** Changes UEFI's variables; a machine that runs is switched off for it, and boots again. */
  | { kind: "variables"; label: string; change: "enroll" | "clear" | "revoke" }
  /** Machine and TPM off and on again. */
  | { kind: "reset"; label: string }
  | { kind: "reload"; label: string };

export interface Step {
  /** Part of the address; unique in its lesson. */
  id: string;
  title: string;
  text: readonly string[];
  offers?: readonly Offer[];
  goals: readonly Goal[];
  hint?: string;
  /** What the hint speaks of; offered with it. */
  remedies?: readonly Offer[];
}

/** What has to be there before the first step makes sense. */
export type Stage = "bench" | "guest" | "guest-1.2" | "any";

export interface Lesson {
  /** Part of the address. */
  id: string;
  title: string;
  /** What one knows afterwards, in a line. */
  about: string;
  minutes: number;
  stage: Stage;
  /** The registers that it is about; those of TIS by default. */
  interface?: InterfaceName;
  /** Notes to begin with, e.g. a nonce. @param random gives that many random bytes as hex. */
  begin?(random: (bytes: number) => string): Notes;
  steps: readonly Step[];
}

export const met = (text: string, keep?: Notes): Finding => ({ met: true, text, ...(keep && { keep }) });
export const missing = (text: string): Finding => ({ met: false, text });
