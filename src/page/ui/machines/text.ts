/** Sizes and times for people. */

const UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];

/** E.g. "10.1 KiB"; three digits are enough. */
export function sizeText(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(value < 1000 ? 3 : 4)} ${UNITS[unit]}`;
}

const FORMAT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
/** The last moment that a calendar has, in milliseconds since 1970. */
const LAST = 8.64e15;
/** 0 stands for a date that is not known. */
export const timeText = (time: number) =>
  time > 0 && time <= LAST ? FORMAT.format(time) : "an unknown date";

const AGES: readonly [number, Intl.RelativeTimeFormatUnit][] = [
  [86_400_000, "day"],
  [3_600_000, "hour"],
  [60_000, "minute"],
];
const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** E.g. "5 minutes ago". */
export function ageText(time: number, now: number): string {
  const age = now - time;
  for (const [length, unit] of AGES)
    if (age >= length) return RELATIVE.format(-Math.floor(age / length), unit);
  return "just now";
}
