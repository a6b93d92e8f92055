import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Cache, cacheDirectory, contentKey } from "./cache.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "webtpm-cache-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A recipe that counts how often it is built. @param until what a build waits for */
function counting(until?: Promise<void>) {
  const recipe = {
    name: "thing",
    key: "0011",
    builds: 0,
    async build(directory: string) {
      recipe.builds++;
      await until;
      await writeFile(join(directory, "file"), `build ${recipe.builds}`);
    },
  };
  return recipe;
}

describe("Cache", () => {
  test("builds once and then takes what is there", async () => {
    const recipe = counting();
    const first = await new Cache(root).get(recipe);
    expect(await new Cache(root).get(recipe)).toBe(first);
    expect(recipe.builds).toBe(1);
    expect(readFileSync(join(first, "file"), "utf8")).toBe("build 1");
  });

  test("builds once when two want the same at the same time, and tells the second that it waits", async () => {
    let waits = 0;
    let build = () => {};
    const recipe = counting(new Promise((resolve) => (build = resolve)));
    const onWait = () => {
      waits++;
      build();
    };
    const wanted = { ...recipe, onWait, build: recipe.build };
    const [a, b] = await Promise.all([new Cache(root).get(wanted), new Cache(root).get(wanted)]);
    expect(a).toBe(b);
    expect(recipe.builds).toBe(1);
    expect(waits).toBe(1);
  });

  test("keeps nothing of a build that failed, and builds again", async () => {
    const cache = new Cache(root);
    const recipe = counting();
    const failing = {
      ...recipe,
      async build(directory: string) {
        await writeFile(join(directory, "half"), "");
        throw new Error("no space");
      },
    };
    await expect(cache.get(failing)).rejects.toThrow("no space");
    expect(cache.has(recipe)).toBe(false);
    expect(readdirSync(root)).toEqual([]);
    await cache.get(recipe);
    expect(cache.has(recipe)).toBe(true);
  });

  test("takes over the lock of a process that is gone", async () => {
    // No process has the highest number that Linux can give.
    writeFileSync(join(root, ".lock-thing-0011"), "4194304");
    const recipe = counting();
    await new Cache(root).get(recipe);
    expect(recipe.builds).toBe(1);
  });

  test("takes over a lock that nobody has touched for a long time", async () => {
    const lock = join(root, ".lock-thing-0011");
    writeFileSync(lock, String(process.pid));
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(lock, longAgo, longAgo);
    const recipe = counting();
    await new Cache(root).get(recipe);
    expect(recipe.builds).toBe(1);
  });

  test("sweeps drafts of processes that are gone, not those of living ones", async () => {
    const cache = new Cache(root);
    const dead = join(root, ".draft-thing-0011-4194304");
    const alive = join(root, `.draft-thing-0022-${process.pid}`);
    writeFileSync(dead, "");
    writeFileSync(alive, "");
    await cache.sweep();
    expect(existsSync(dead)).toBe(false);
    expect(existsSync(alive)).toBe(true);
  });
  test("sweeps entries that nobody wanted for a month", async () => {
    const cache = new Cache(root);
    const old = await cache.get({ ...counting(), name: "old-thing", key: "00112233445566aa" });
    const used = await cache.get({ ...counting(), key: "00112233445566bb" });
    const longAgo = new Date(Date.now() - 40 * 24 * 3_600_000);
    for (const path of [old, used]) utimesSync(path, longAgo, longAgo);
    await cache.get({ ...counting(), key: "00112233445566bb" });
    await cache.sweep();
    expect(existsSync(old)).toBe(false);
    expect(existsSync(used)).toBe(true);
  });
});

test("contentKey keeps parts apart", () => {
  expect(contentKey(["ab", "c"])).not.toBe(contentKey(["a", "bc"]));
  expect(contentKey(["ab", "c"])).toBe(contentKey([Buffer.from("ab"), "c"]));
  expect(contentKey(["x"])).toMatch(/^[0-9a-f]{16}$/);
});

test("cacheDirectory follows the environment", () => {
  expect(cacheDirectory({ WEBTPM_CACHE: "/a", XDG_CACHE_HOME: "/b" })).toBe("/a");
  expect(cacheDirectory({ XDG_CACHE_HOME: "/b" })).toBe("/b/webtpm");
  expect(cacheDirectory({})).toMatch(/\/\.cache\/webtpm$/);
});
