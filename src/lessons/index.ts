/** Lessons: what there is to do, and checks of what was done. Pure; the app tells them what happens. */
import { BOOT } from "./course/boot.ts";
import { CRB } from "./course/crb.ts";
import { FAMILIES } from "./course/families.ts";
import { KEYS } from "./course/keys.ts";
import { LOCALITIES } from "./course/localities.ts";
import { NV } from "./course/nv.ts";
import { PCRS } from "./course/pcrs.ts";
import { QUOTE } from "./course/quote.ts";
import { RANDOM } from "./course/random.ts";
import { SEAL } from "./course/seal.ts";
import { TAMPER } from "./course/tamper.ts";
import { TIS } from "./course/tis.ts";
import type { Lesson } from "./lesson.ts";

export type { Finding, Goal, Lesson, Notes, Offer, Stage, Step } from "./lesson.ts";
export { SeenCommand } from "./seen.ts";
export type { LogFacts, World } from "./world.ts";

/** In the order in which they build on each other. */
export const LESSONS: readonly Lesson[] = [
  TIS,
  RANDOM,
  PCRS,
  BOOT,
  TAMPER,
  SEAL,
  LOCALITIES,
  KEYS,
  QUOTE,
  NV,
  FAMILIES,
  CRB,
];

export function lessonOf(id: string | undefined): Lesson | undefined {
  return LESSONS.find((lesson) => lesson.id === id);
}
