/** Holds the tests to their kinds: what a test needs, the name of its file tells (CONTRIBUTING.md lists the kinds). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = import.meta.dirname;
const tests = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) =>
  name.endsWith(".test.ts"),
);
const kindOf = (name: string) => /\.(native|machine|long)\.test\.ts$/.exec(name)?.[1] ?? "unit";

/** Importing or re-exporting clauses; those of types alone leave nothing behind. */
const IMPORT =
  /^(?:import|export)\s(?!type\b)(?:[^;"']*?\sfrom\s+)?["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/gm;

/** What a file loads, itself or through others: files of this folder by path, all else as it is named. */
function reach(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  for (const [, from, dynamic] of readFileSync(join(SRC, file), "utf8").matchAll(IMPORT)) {
    const target = (from ?? dynamic) as string;
    if (!target.startsWith(".")) seen.add(target);
    else {
      const path = relative(SRC, resolve(SRC, dirname(file), target.split("?", 1)[0] as string));
      if (path.endsWith(".ts") && existsSync(join(SRC, path))) reach(path, seen);
    }
  }
  return seen;
}

/** The programs and the images of this host, by what leads to them. */
const PROGRAMS = "node:child_process";
const IMAGES = "images/image-set.ts";

describe("a test", () => {
  it("of each kind is found at all", () => {
    expect(Array.from(new Set(tests.map(kindOf))).sort()).toEqual(["long", "machine", "native", "unit"]);
    expect(reach("session/tpm.native.test.ts")).toContain(PROGRAMS);
  });

  it("that starts programs says so in its name", () => {
    const pure = tests.filter((name) => ["unit", "long"].includes(kindOf(name)));
    const strays = pure.filter((name) => reach(name).has(PROGRAMS));
    expect(strays, "to be named *.native.test.ts").toEqual([]);
  });

  it("that needs firmware, kernel or guest says so in its name", () => {
    const strays = tests.filter((name) => kindOf(name) !== "machine" && reach(name).has(IMAGES));
    expect(strays, "to be named *.machine.test.ts").toEqual([]);
  });
});
