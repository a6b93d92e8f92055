/** Draws a long list some rows a frame, so that the page does everything else meanwhile. */

/** Rows that are added in a frame. */
const STEP = 100;

export class Gradual {
  readonly #draw: () => void;
  #list: unknown;
  #drawn = STEP;
  #asked = false;

  /** @param draw asks for another drawing */
  constructor(draw: () => void) {
    this.#draw = draw;
  }

  /**
   * How many rows to draw now; where that is not all, there will be another drawing soon.
   * @param list begins anew when it is another one
   * @param count of its rows
   */
  take(list: unknown, count: number): number {
    if (list !== this.#list) {
      this.#list = list;
      this.#drawn = STEP;
    }
    if (this.#drawn >= count) return count;
    if (!this.#asked) {
      this.#asked = true;
      requestAnimationFrame(() => {
        this.#asked = false;
        this.#drawn += STEP;
        this.#draw();
      });
    }
    return this.#drawn;
  }
}
