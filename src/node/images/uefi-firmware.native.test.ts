/** What can go wrong before the firmware is compiled, on trees of this test's own. That it boots, its machine test shows. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { SetUpError } from "./set-up-error.ts";
import { applyPatches, checkBuildPackages, PatchError } from "./uefi-firmware.ts";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "webtpm-uefi-"));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

/** A tree with one file. */
function tree(text: string): string {
  const root = join(scratch, "tree");
  mkdirSync(join(root, "Pkg"), { recursive: true });
  writeFileSync(join(root, "Pkg/one.dsc"), text, "latin1");
  return root;
}

const PATCH = `Why it is so.

diff --git a/Pkg/one.dsc b/Pkg/one.dsc
--- a/Pkg/one.dsc
+++ b/Pkg/one.dsc
@@ -1,3 +1,3 @@
 first
-second
+another
 third
`;
function patch(text = PATCH): string {
  const path = join(scratch, "0001-one.patch");
  writeFileSync(path, text);
  return path;
}

it("patches files whose lines end as edk2's do, and keeps all other bytes", async () => {
  const root = tree("first\r\nsecond\r\nthird\r\n\xa9 someone\r\n");
  await applyPatches(root, [patch()]);
  expect(readFileSync(join(root, "Pkg/one.dsc"), "latin1")).toBe("first\nanother\nthird\n\xa9 someone\n");
});

it.each([
  ["of another version", "first\r\nsecond, and more\r\nthird\r\n"],
  ["that has only something alike", "zeroth\r\nsecond\r\nthird\r\n"],
])("says which patch does not fit a source %s", async (_, text) => {
  const path = patch();
  const error = await applyPatches(tree(text), [path]).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(PatchError);
  expect((error as Error).message).toContain(`${path} does not fit the source`);
});

it("says so too when the file is gone", async () => {
  await expect(applyPatches(scratch, [patch()])).rejects.toThrow(PatchError);
});

it("names what is missing to build with, and how to get it", () => {
  const there = { here: scratch };
  expect(() => checkBuildPackages(there)).not.toThrow();
  const some = { ...there, nasm: join(scratch, "nasm"), "uuid-dev": join(scratch, "uuid.h") };
  expect(() => checkBuildPackages(some)).toThrow(SetUpError);
  expect(() => checkBuildPackages(some)).toThrow(
    /nasm, uuid-dev are missing\.[\s\S]*sudo apt-get install nasm uuid-dev/,
  );
});
