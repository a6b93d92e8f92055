/** Lessons: what there is to do, and checks of what was done. Pure; the app tells them what happens. */
import { BIOS_UEFI } from "./course/bios-uefi.ts";
import { BOOT } from "./course/boot.ts";
import { CRB } from "./course/crb.ts";
import { FAMILIES } from "./course/families.ts";
import { KEYS } from "./course/keys.ts";
import { LAUNCH } from "./course/launch.ts";
import { LOCALITIES } from "./course/localities.ts";
import { NV } from "./course/nv.ts";
import { PCR7 } from "./course/pcr7.ts";
import { PCRS } from "./course/pcrs.ts";
import { POLLING } from "./course/polling.ts";
import { PRESENCE } from "./course/presence.ts";
import { QUOTE } from "./course/quote.ts";
import { RANDOM } from "./course/random.ts";
import { SEAL } from "./course/seal.ts";
import { SECURE_BOOT } from "./course/secure-boot.ts";
import { TAMPER } from "./course/tamper.ts";
import { TIS } from "./course/tis.ts";
import { UEFI_BOOT } from "./course/uefi-boot.ts";
import { WHY } from "./course/why.ts";
import type { Lesson } from "./lesson.ts";

export type { Finding, Goal, Lesson, Notes, Offer, Stage, Step } from "./lesson.ts";
export { SeenCommand } from "./seen.ts";
export type { LogFacts, World } from "./world.ts";

/** In the order in which they build on each other. */
export const LESSONS: readonly Lesson[] = [
  WHY,
  BOOT,
  RANDOM,
  PCRS,
  TAMPER,
  SEAL,
  TIS,
  LOCALITIES,
  KEYS,
  QUOTE,
  NV,
  FAMILIES,
  CRB,
  POLLING,
  PRESENCE,
  LAUNCH,
  UEFI_BOOT,
  BIOS_UEFI,
  PCR7,
  SECURE_BOOT,
];

export function lessonOf(id: string | undefined): Lesson | undefined {
  return LESSONS.find((lesson) => lesson.id === id);
}
