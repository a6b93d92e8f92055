#!/usr/bin/env node
/** `webtpm-results`, `npm run results`: checks what a class has handed in, and lists it. */
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { type CheckedResult, checkResult, ResultError } from "../../page/lessons/result.ts";

const HELP = `Usage: webtpm-results [options] FILE...

Checks the files that a class has handed in from the lessons, and prints a line for each: whose it is, what was done, and
from which browser it comes. A file that was changed is refused; one browser with two names is pointed out. What it says is
what that browser's page said: a signature cannot show more.

  --class NAME   refuse results of other classes
  --help         show this text

Exit codes: 0 all are in order, 1 some are not, 2 wrong usage.
`;

export interface Line {
  text: string;
  good: boolean;
}

/** @param group the class whose results are wanted; of any, if not given */
export async function resultLines(files: readonly string[], group?: string): Promise<Line[]> {
  const owners = new Map<string, string>();
  const lines: Line[] = [];
  for (const file of files) {
    try {
      const result = await checkResult(await readFile(file, "utf8"));
      if (group !== undefined && result.class !== group)
        throw new ResultError(`it is of the class “${result.class}”`);
      const owner = owners.get(result.browser);
      owners.set(result.browser, owner ?? result.name);
      const same = owner !== undefined && owner !== result.name ? `; the same browser as ${owner}'s` : "";
      lines.push({ text: `${file}: ${inWords(result)}${same}`, good: same === "" });
    } catch (error) {
      lines.push({ text: `${file}: refused: ${(error as Error).message}`, good: false });
    }
  }
  return lines;
}

function inWords({ name, class: group, made, lessons, browser }: CheckedResult): string {
  const whole = lessons.filter(({ done, steps }) => done === steps).map(({ title }) => title);
  const begun = lessons.filter(({ done, steps }) => done > 0 && done < steps);
  const parts = [
    `${whole.length} ${whole.length === 1 ? "lesson" : "lessons"}${whole.length ? ` (${whole.join(", ")})` : ""}`,
    ...begun.map(({ title, done, steps }) => `${done} of ${steps} steps of ${title}`),
  ];
  const when = new Date(made).toISOString().slice(0, 16).replace("T", " ");
  return printable(`${name}${group && `, ${group}`}: ${parts.join("; ")}. ${when} UTC, browser ${browser}`);
}

/** Names come from anybody: no character of theirs moves the cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for.
const printable = (text: string) => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?");

async function main(): Promise<number> {
  const options = { class: { type: "string" }, help: { type: "boolean" } } as const;
  let parsed: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  const { values, positionals } = parsed;
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  if (positionals.length === 0) {
    console.error(HELP);
    return 2;
  }
  const lines = await resultLines(positionals, values.class);
  for (const { text, good } of lines) console.log(`${good ? " " : "!"} ${text}`);
  return lines.every(({ good }) => good) ? 0 : 1;
}

process.exitCode = await main();
