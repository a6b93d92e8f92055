import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, expect, it } from "vitest";
import type { ImageFile, ImageManifest } from "../../session/images/manifest.ts";
import { unpacked } from "../../session/images/unpack.ts";
import { Cache } from "./cache.ts";
import { forHosts } from "./for-hosts.ts";

const folder = await mkdtemp(join(tmpdir(), "webtpm-hosts-"));
afterAll(() => rm(folder, { recursive: true }));

it("packs what is packed, with the same in it, and leaves the rest as it is", async () => {
  const content = Buffer.from("what a machine has in its memory, ".repeat(20_000));
  const packed = gzipSync(content);
  const about = { unpackedSize: content.length, sha256: "00", sources: [] };
  const hiddenState: ImageFile = {
    ...about,
    ...{ url: "hidden-state-0a.bin.gz", size: packed.length, compression: "gzip" },
  };
  const bios: ImageFile = { ...about, url: "bios-0b.bin", size: content.length, compression: "none" };
  await writeFile(join(folder, "state.gz"), packed);
  await writeFile(join(folder, "bios.bin"), content);
  const images = {
    manifest: { hiddenState, bios, guest: "a guest" } as ImageManifest,
    files: new Map([
      [hiddenState.url, join(folder, "state.gz")],
      [bios.url, join(folder, "bios.bin")],
    ]),
  };
  const { manifest, files } = await forHosts(images, new Cache(join(folder, "cache")));
  expect(manifest.bios).toEqual(bios);
  expect(manifest.guest).toBe("a guest");
  const state = manifest.hiddenState!;
  const url = "hidden-state-0a.bin.xz";
  const path = files.get(url)!;
  const file = await readFile(path);
  expect(state).toEqual({ ...hiddenState, url, compression: "xz", size: file.length });
  expect(file.length).toBeLessThan(packed.length);
  const stream = await unpacked(new Blob([file]).stream(), state.compression);
  expect(Buffer.from(await new Response(stream).arrayBuffer()).equals(content)).toBe(true);
  expect(files.get(bios.url)).toBe(join(folder, "bios.bin"));
  expect([...files.keys()]).toEqual(expect.arrayContaining([url, bios.url]));
  expect(files.size).toBe(2);
});
