/** Lessons: what there is to do, and checks of what was done. Pure; the app tells them what happens. */
import { PCRS } from "./course/pcrs.ts";
import { RANDOM } from "./course/random.ts";
import { TIS } from "./course/tis.ts";
import type { Lesson } from "./lesson.ts";

export type { Finding, Goal, Lesson, Notes, Offer, Stage, Step } from "./lesson.ts";
export { SeenCommand } from "./seen.ts";
export type { LogFacts, World } from "./world.ts";

/** In the order in which they build on each other. */
export const LESSONS: readonly Lesson[] = [TIS, RANDOM, PCRS];

export function lessonOf(id: string | undefined): Lesson | undefined {
  return LESSONS.find((lesson) => lesson.id === id);
}
