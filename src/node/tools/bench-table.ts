/** What was measured, as rows with a median and a spread, and the figures that they are held to. */

/** A figure that a row's median is held to. */
export interface Bar {
  /** The median may be this at most; in the row's unit. */
  atMost: number;
  /** Below, not at. */
  below?: boolean;
}

export interface Row {
  name: string;
  unit: "ns" | "us" | "ms" | "kB" | "MB" | "MB/s" | "x" | "%";
  /** One for each repetition. */
  values: number[];
  bar?: Bar;
}

export interface Summary {
  median: number;
  least: number;
  most: number;
}

/** @throws {RangeError} when nothing was measured. */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError("no median of no values");
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half]!;
  const median = sorted.length % 2 === 1 ? upper : (sorted[half - 1]! + upper) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}

/** How many times `a` each `b` is, repetition by repetition: both were measured one after the other. */
export const ratios = (a: readonly number[], b: readonly number[]): number[] =>
  a.slice(0, b.length).map((value, i) => value / b[i]!);

/** By how many percent each `a` is more than its `b`. */
export const percents = (a: readonly number[], b: readonly number[]): number[] =>
  ratios(a, b).map((ratio) => (ratio - 1) * 100);

/** True when the median keeps to the bar; undefined without one. */
export function keepsBar({ values, bar }: Row): boolean | undefined {
  if (!bar) return undefined;
  const { median } = summarize(values);
  return bar.below ? median < bar.atMost : median <= bar.atMost;
}

const SMALL = 100;
const number = (value: number) =>
  Math.abs(value) >= SMALL ? Math.round(value).toString() : Number(value.toPrecision(3)).toString();

function cells(row: Row): string[] {
  const { median, least, most } = summarize(row.values);
  const kept = keepsBar(row);
  const bar = row.bar ? `${row.bar.below ? "<" : "<="} ${row.bar.atMost} ${row.unit}` : "";
  return [
    row.name,
    `${number(median)} ${row.unit}`,
    `${number(least)} .. ${number(most)}`,
    String(row.values.length),
    bar,
    kept === undefined ? "" : kept ? "kept" : "MISSED",
  ];
}

const HEAD = ["what", "median", "least .. most", "n", "bar", ""];

/** The rows as a table for a terminal; it is Markdown, too. */
export function formatTable(rows: readonly Row[]): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(3, ...lines.map((line) => line[column]!.length)));
  const draw = (line: readonly string[]) =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  return [draw(lines[0]!), rule, ...lines.slice(1).map(draw)].join("\n");
}
