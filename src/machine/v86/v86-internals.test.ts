/** The list of v86's internals: it names what is used, and the v86 that is installed has all of it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { asm, tinyMachine } from "../testing/tiny-guest.ts";
import { DISPENSABLE, HIDDEN_ONLY, V86VersionError, v86Machine } from "./v86-internals.ts";

const SRC = join(import.meta.dirname, "../..");

it("is complete in the v86 that is installed, and a member that is gone is named", async () => {
  const { emulator } = await tinyMachine(asm.say("!"));
  try {
    expect(() => v86Machine(emulator)).not.toThrow();
    expect(() => v86Machine(emulator, { "cpu.no_such_part": "function" })).toThrow(V86VersionError);
    expect(() => v86Machine(emulator, { "cpu.no_such_part": "function" })).toThrow("v86.cpu.no_such_part");
  } finally {
    await emulator.destroy();
  }
});

it("is where every member lies that is reached through emulator.v86", () => {
  const listed = readFileSync(join(import.meta.dirname, "v86-internals.ts"), "utf8");
  const used = readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.ts$/.test(name) && !/\.test\.ts$/.test(name) && !name.includes("testing/"))
    .flatMap((name) =>
      Array.from(readFileSync(join(SRC, name), "utf8").matchAll(/\bcpu\.(?!ts\b)(\w+)/g), ([, member]) => ({
        name,
        member: member!,
      })),
    );
  expect(used.length).toBeGreaterThan(20);
  // translator.ts and the list itself declare the shapes.
  const known = listed + readFileSync(join(import.meta.dirname, "translator.ts"), "utf8");
  expect(used.filter(({ member }) => !new RegExp(`\\b${member}\\b`).test(known))).toEqual([]);
  for (const path of Object.keys(HIDDEN_ONLY)) expect(path).toMatch(/^cpu\./);
});

it("says of each member that a machine can do without what is lost, and where it is looked for", () => {
  const users = ["quick-yield.ts", "screen-in-sight.ts", "serial-chip.ts"].map((name) =>
    readFileSync(join(import.meta.dirname, name), "utf8"),
  );
  for (const [path, lost] of Object.entries(DISPENSABLE)) {
    expect(users.some((text) => text.includes(path.split(".").at(-1)!))).toBe(true);
    expect(lost).toMatch(/\w+ \w+/);
  }
});
