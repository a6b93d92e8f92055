/** What a build has in it: all that the manifest names, the notices of all that, and not too much for the TPM. */
import { createHash } from "node:crypto";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "@playwright/test";
import type { ImageFile, ImageManifest } from "../../src/session/images/manifest.ts";
import { unpacked } from "../../src/session/images/unpack.ts";
import { buildDirectory } from "./build.ts";

/** Bytes that the TPM in the page may add to the download, beside the kernel that it shares with the guest. */
const MOST_FOR_THE_TPM = 7e6;

const inBuild = (...path: string[]) => join(buildDirectory(), ...path);

async function imageFiles(): Promise<ImageFile[]> {
  const text = await readFile(inBuild("images/manifest.json"), "utf8");
  const { bios, vgaBios, initrd, kernels, hiddenState, prepared } = JSON.parse(text) as ImageManifest;
  expect(kernels.small).toBeDefined();
  expect(hiddenState).toBeDefined();
  expect(prepared).toBeDefined();
  return [bios, vgaBios, initrd, kernels.stock, kernels.small!, hiddenState!, prepared!];
}

test("has every image, as the manifest describes it", async () => {
  for (const { url, size, compression, unpackedSize, sha256 } of await imageFiles()) {
    const bytes = await readFile(inBuild("images", url));
    expect(bytes.length, url).toBe(size);
    const stream = await unpacked(new Blob([bytes]).stream(), compression);
    const content = new Uint8Array(await new Response(stream).arrayBuffer());
    expect(content.length, url).toBe(unpackedSize);
    expect(createHash("sha256").update(content).digest("hex"), url).toBe(sha256);
  }
});

test("is built for production, whatever the environment of who builds it", async () => {
  const scripts = (await readdir(inBuild("assets"))).filter((name) => name.endsWith(".js"));
  for (const name of scripts)
    expect(await readFile(inBuild("assets", name), "utf8"), name).not.toContain("Lit is in dev mode");
});

test("has the notices of every package in the images, and the licences that they name", async () => {
  const sources = (await imageFiles()).flatMap((file) => file.sources);
  const names = new Set(sources.map(({ source }) => /\/src\/([^/]+)\//.exec(source)?.[1]));
  for (const name of ["swtpm", "libtpms", "openssl", "linux", "glibc", "seabios"])
    expect(names).toContain(name);
  const shipped = await readdir(inBuild("notices"));
  for (const name of names) {
    expect(shipped).toContain(`${name}.txt`);
    const notice = await readFile(inBuild("notices", `${name}.txt`), "utf8");
    expect(notice, name).toMatch(/copyright/i);
    for (const [, licence] of notice.matchAll(/common-licenses\/([A-Za-z]+-\d+(?:\.\d+)?)/g))
      expect(shipped, name).toContain(`${licence}.txt`);
  }
  const npm = await readFile(inBuild("licences.md"), "utf8");
  for (const name of ["v86", "lit", "comlink", "@xterm/xterm", "@noble/hashes", "valibot"])
    expect(npm).toMatch(new RegExp(`^## ${name} - `, "m"));
  expect(await readFile(inBuild("notices/v86-parts.txt"), "utf8")).toContain("SoftFloat");
});

test("adds at most 7 MB for the TPM in the page", async () => {
  const paths = ["images", "assets"].map(async (folder) =>
    (await readdir(inBuild(folder))).map((name) => join(folder, name)),
  );
  const hidden = (await Promise.all(paths)).flat().filter((path) => /hidden/.test(path));
  // The state and the worker; what the page shares with them counts too.
  for (const part of [/images\/hidden-state/, /assets\/hidden\.worker/]) {
    expect(hidden.filter((path) => part.test(path))).toHaveLength(1);
  }
  const sizes = await Promise.all(hidden.map(async (path) => (await stat(inBuild(path))).size));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  console.log(`the TPM in the page: ${(total / 1e6).toFixed(2)} MB`);
  expect(total).toBeLessThanOrEqual(MOST_FOR_THE_TPM);
});
