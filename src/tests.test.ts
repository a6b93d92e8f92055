/** Holds the tests to their kinds: what a test needs, the name of its file tells (CONTRIBUTING.md lists the kinds). */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const SRC = import.meta.dirname;
const ROOT = dirname(SRC);
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
const IMAGES = "node/images/image-set.ts";

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

/** Files that hold tests, or what only tests use. */
const sources = ["src", "e2e"].flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name}`)
    .filter((name) => /\.(test|spec)\.ts$/.test(name)),
);

/** What makes a test's outcome a matter of how fast the host is. */
const BY_THE_CLOCK = [
  ["sleeps", /waitForTimeout\(|timers\/promises/],
  ["sleeps", /=>\s*setTimeout\(\w+[,)]/],
  ["holds a time to a limit", /expect\([^)]*(performance|Date)\.now\(\)/],
] as const;

/** The tests that may, with the reason. Who only waits for something uses `vi.waitUntil` or `expect.poll`. */
const MAY: Record<string, string> = {
  "src/backend/write-through.native.test.ts": "a store that is slow, and crashes at moments of all kinds",
  "src/machine/time/hold.test.ts":
    "shows that a machine that is held does nothing, and guest time against the host's",
  "src/machine/time/sleeper.test.ts": "the subject is a sleep: that it is not too short",
  "src/machine/v86/v86.test.ts": "the host's time has to go by between a save and a restore",
  "src/session/two-bridges.native.test.ts": "a pause in which the state is fetched, and a command under way",
  "e2e/floods.spec.ts": "minutes of a guest that never stops, looked at from time to time",
  "e2e/starved.spec.ts": "stops its parties for random times",
  "e2e/disk/crash.spec.ts": "crashes at moments that nobody knows",
  "e2e/vault/crash.spec.ts": "crashes at moments that nobody knows",
};

describe("no test goes by the clock", () => {
  const found = sources.flatMap((name) => {
    if (name === "src/tests.test.ts") return [];
    const lines = readFileSync(join(ROOT, name), "utf8").split("\n");
    return lines.flatMap((line, i) => {
      const what = BY_THE_CLOCK.find(([, pattern]) => pattern.test(line))?.[0];
      return what ? [{ name, where: `${name}:${i + 1} ${what}` }] : [];
    });
  });

  it("but those that have a reason", () => {
    expect(found.filter(({ name }) => !MAY[name]).map(({ where }) => where)).toEqual([]);
  });

  it("and each reason is still one", () => {
    expect(Object.keys(MAY).filter((name) => !found.some((line) => line.name === name))).toEqual([]);
  });
});
