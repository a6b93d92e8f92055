/** The lessons' course, loaded with the first lesson that is opened: most visits read none of it. */
import type { Lesson } from "../lessons/index.ts";

let course: typeof import("../lessons/index.ts") | undefined;

/** Runs `work` once the course is here, at once if it is. Rejects when it cannot be loaded. */
export async function withCourse(work: () => void): Promise<void> {
  course ??= await import("../lessons/index.ts");
  work();
}

/** Undefined also before the course is here, when no lesson can be open. */
export const lessonOf = (id: string | undefined): Lesson | undefined => course?.lessonOf(id);
