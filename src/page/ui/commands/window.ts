/** Which rows of a long list are in sight, all rows being of one height: only those are drawn. */

/** Rows drawn beyond each edge, so that a fast scroll shows no gap. */
const SPARE = 4;

export interface RowWindow {
  /** First row, and the one after the last. */
  from: number;
  to: number;
}

/** @param scrollTop @param height of the visible part, in pixels. */
export function rowWindow(count: number, rowHeight: number, scrollTop: number, height: number): RowWindow {
  const from = Math.max(0, Math.floor(scrollTop / rowHeight) - SPARE);
  const to = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + SPARE);
  return { from: Math.min(from, Math.max(0, to - 1)), to };
}
