/** What the reader has reached in the lessons, kept in the browser. */
import type { Notes } from "../lessons/index.ts";
import { recall, remember } from "../ui/parts/preferences.ts";

const NAME = "lessons";
/** Where the key is kept that signs what is handed in. */
export const RESULT_KEY = "result-key";

export interface Progress {
  /** Ids of the steps done, by lesson. */
  done: Record<string, string[]>;
  notes: Record<string, Notes>;
}

/** Progress that cannot be read any more counts as none. */
export function recallProgress(): Progress {
  try {
    const kept: unknown = JSON.parse(recall(NAME) ?? "{}");
    if (kept && typeof kept === "object") {
      const { done, notes } = kept as Partial<Progress>;
      return { done: lists(done), notes: notes && typeof notes === "object" ? notes : {} };
    }
  } catch {
    // As below.
  }
  return { done: {}, notes: {} };
}

function lists(done: unknown): Record<string, string[]> {
  if (!done || typeof done !== "object") return {};
  return Object.fromEntries(
    Object.entries(done).flatMap(([lesson, steps]) =>
      Array.isArray(steps) ? [[lesson, steps.filter((step) => typeof step === "string")]] : [],
    ),
  );
}

export function keepProgress(progress: Progress): void {
  remember(NAME, JSON.stringify(progress));
}

/** The next person at this browser begins anew, with a key of their own. */
export function forgetReader(): Progress {
  const none: Progress = { done: {}, notes: {} };
  keepProgress(none);
  remember(RESULT_KEY, "");
  return none;
}
