/** Which rows of a list of any length a scroll position shows. Browsers end elements at some 17 million pixels. */
import { type RowWindow, rowWindow } from "../commands/window.ts";

/** Pixels that every browser lets an element be high. */
const MOST_PIXELS = 8_000_000;

export class ListPlace {
  readonly #row: number;

  /** @param row height of a row, in pixels. */
  constructor(row: number) {
    this.#row = row;
  }

  /** Height of the element that is scrolled. */
  space(count: number): number {
    return Math.min(count * this.#row, MOST_PIXELS);
  }

  /** Rows in sight, and where in the element the first of them is drawn. */
  shown(count: number, scrollTop: number, height: number): RowWindow & { y: number } {
    const top = this.#top(count, scrollTop, height);
    const { from, to } = rowWindow(count, this.#row, top, height);
    return { from, to, y: scrollTop + from * this.#row - top };
  }

  /** The scroll position with a row just in sight, from a position where it may not be. */
  reveal(count: number, index: number, scrollTop: number, height: number): number {
    const top = this.#top(count, scrollTop, height);
    const row = index * this.#row;
    if (row < top) return this.#scroll(count, row, height);
    if (row + this.#row > top + height) return this.#scroll(count, row + this.#row - height, height);
    return scrollTop;
  }

  /** Pixels of rows above the visible part. */
  #top(count: number, scrollTop: number, height: number): number {
    return Math.max(0, scrollTop * this.#stretch(count, height));
  }

  #scroll(count: number, top: number, height: number): number {
    return top / this.#stretch(count, height);
  }

  #stretch(count: number, height: number): number {
    const total = count * this.#row;
    return total > MOST_PIXELS ? (total - height) / (MOST_PIXELS - height) : 1;
  }
}
