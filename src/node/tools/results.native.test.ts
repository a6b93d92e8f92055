import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type LessonResult, makeResultKey, signResult } from "../../page/lessons/result.ts";

const TOOL = fileURLToPath(new URL("results.ts", import.meta.url));
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "webtpm-results-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What the command prints, and how it ends. */
const results = (...args: string[]) =>
  new Promise<{ code: number; out: string; error: string }>((resolve) => {
    execFile(process.execPath, ["--import", "tsx", TOOL, ...args], (error, out, errors) =>
      resolve({ code: error ? Number(error.code) : 0, out, error: errors }),
    );
  });

async function handIn(file: string, change: Partial<LessonResult>, key: CryptoKeyPair): Promise<string> {
  const done = { lesson: "why", title: "Watch", done: 5, steps: 5 };
  const result = { name: "Ada", class: "7B", made: Date.UTC(2026, 10, 27, 9, 5), lessons: [done], ...change };
  const path = join(folder, file);
  await writeFile(path, await signResult(result, key));
  return path;
}

it("lists what was handed in, and refuses what was changed, is of another class, or comes twice", async () => {
  const [one, two] = [await makeResultKey(), await makeResultKey()];
  const ada = await handIn("ada.json", {}, one);
  const eve = await handIn("eve.json", { name: "Eve\u001b[2J" }, one);
  const bob = await handIn("bob.json", { name: "Bob", class: "8A" }, two);
  const good = await results(ada, "--class", "7B");
  expect(good).toMatchObject({ code: 0, error: "" });
  expect(good.out).toMatch(
    /ada\.json: Ada, 7B: 1 lesson \(Watch\)\. 2026-11-27 09:05 UTC, browser [0-9a-f]{16}\n$/,
  );
  const all = await results(ada, eve, bob, join(folder, "none.json"), "--class", "7B");
  expect(all.code).toBe(1);
  const lines = all.out.split("\n");
  expect(lines[0]).toMatch(/^ {2}/);
  expect(lines[1]).toMatch(/^! .*Eve\?\[2J, 7B.*; the same browser as Ada's$/);
  expect(lines[2]).toMatch(/^! .*refused: it is of the class “8A”$/);
  expect(lines[3]).toMatch(/^! .*none\.json: refused: ENOENT/);
});

it("says how it is used", async () => {
  expect(await results("--help")).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^Usage: webtpm-results/),
  });
  expect((await results()).code).toBe(2);
  expect((await results("--nonsense")).code).toBe(2);
});
