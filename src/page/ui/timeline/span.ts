/** The part of the time axis that is in sight, and how it is moved. All in milliseconds of the boot's clock. */

export interface Span {
  from: number;
  to: number;
}

/** The closest look: this long a stretch fills the axis. */
const SHORTEST = 2;

/** Zooms by a factor (below 1: closer) around a moment, staying within `all`. */
export function zoom(span: Span, all: Span, factor: number, around: number): Span {
  const length = Math.min(all.to - all.from, Math.max(SHORTEST, (span.to - span.from) * factor));
  const share = (around - span.from) / Math.max(1e-9, span.to - span.from);
  return inside({ from: around - share * length, to: around + (1 - share) * length }, all);
}

/** Moves by a share of what is in sight. */
export function pan(span: Span, all: Span, share: number): Span {
  const by = (span.to - span.from) * share;
  return inside({ from: span.from + by, to: span.to + by }, all);
}

/** Moves a span so that it lies in `all`; one that is longer becomes `all`. */
export function inside({ from, to }: Span, all: Span): Span {
  const length = to - from;
  if (length >= all.to - all.from) return { ...all };
  if (from < all.from) return { from: all.from, to: all.from + length };
  if (to > all.to) return { from: all.to - length, to: all.to };
  return { from, to };
}

/** Round values for the axis, at most so many. */
export function ticks({ from, to }: Span, most: number): number[] {
  const rough = (to - from) / Math.max(1, most);
  if (!(rough > 0)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= rough) ?? rough;
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.floor(to / step) - first + 1 }, (_, i) => (first + i) * step);
}
