/** Downloads that are under way at once, told as one. */

/** Says in words what is being done, and how far it is (0 to 1). */
export type Progress = (step: string, fraction: number) => void;

interface Part {
  name: string;
  done: number;
  size: number;
}

/** Names what most is missing of, with how far everything is. */
export class Downloads {
  readonly #progress: Progress;
  readonly #parts: Part[] = [];

  constructor(progress: Progress) {
    this.#progress = progress;
  }

  /**
   * Another one: what to call with the bytes that are there, and with all there will be, 0 where nobody knows.
   * @param name e.g. "the firmware"
   */
  add(name: string): (done: number, size: number) => void {
    const part: Part = { name, done: 0, size: 0 };
    this.#parts.push(part);
    return (done, size) => {
      part.done = done;
      part.size = size;
      this.#tell();
    };
  }

  #tell(): void {
    let done = 0;
    let size = 0;
    let [slowest, most] = ["", -1];
    for (const part of this.#parts) {
      done += part.done;
      size += part.size;
      const missing = part.size - part.done;
      if (missing > most) [slowest, most] = [part.name, missing];
    }
    this.#progress(`loading ${slowest}`, size > 0 ? Math.min(1, done / size) : 0);
  }
}
