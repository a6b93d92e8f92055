/** What the lessons pane shows, and what its reader can ask for. */
import type { Finding, Notes, Offer } from "../lessons/index.ts";

/** How far the machine is that a lesson needs. */
export type StageState = "ready" | "coming" | "absent";

export interface OpenLesson {
  lesson: string;
  /** Index of the step in sight. */
  step: number;
  /** One for each goal; undefined until it was first checked. */
  findings: readonly (Finding | undefined)[];
  stage: StageState;
  /** Whether the guest's shell takes lines. */
  shell: boolean;
  /** The line that was typed for the reader, while the shell is busy with it. */
  typing?: string | undefined;
  notes: Notes;
}

export interface LessonsState {
  open?: OpenLesson | undefined;
  /** Ids of the steps done, by lesson. */
  done: Readonly<Record<string, readonly string[]>>;
  /** The class, as its link names it; empty without one. */
  group: string;
  /** What came of handing in, in words. */
  handedIn?: string | undefined;
}

export interface LessonActions {
  /** Shows a step of a lesson; by default the first that is not done. */
  open(lesson: string, step?: number): void;
  /** Back to the list. */
  close(): void;
  /** Does what a step offers to do for the reader. */
  take(offer: Offer): void;
  /** Brings up what the open lesson needs: the bench, or a guest. */
  prepare(): void;
  /** Forgets the progress of a lesson. */
  forget(lesson: string): void;
  /** Saves a signed file of what was done. @param group the class */
  handIn(name: string, group: string): void;
  /** Forgets all progress, for the next person at this browser. */
  startOver(): void;
}
