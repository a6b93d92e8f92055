import { createServer, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ImageLoadError, loadImage, loadManifest } from "./load.ts";
import type { ImageFile } from "./manifest.ts";

const CONTENT = Uint8Array.from({ length: 5000 }, (_, index) => index & 0xff);
const PACKED = gzipSync(CONTENT);
const PATHS: Record<string, Uint8Array | string> = {
  "/images/manifest.json": '{"guest":"a guest"}',
  "/images/broken.json": "<html>",
  "/images/plain": CONTENT,
  "/images/packed.gz": PACKED,
  "/images/cut.gz": PACKED.subarray(0, 20),
};

let server: Server;
let base: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const body = PATHS[request.url ?? ""];
    if (body === undefined) response.writeHead(503).end("The images are not there yet.");
    else response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}/images/manifest.json`;
});
afterAll(() => void server.close());

function image(url: string, compression: ImageFile["compression"], unpackedSize = CONTENT.length): ImageFile {
  return { url, size: 0, sha256: "", compression, unpackedSize, sources: [] };
}

describe("loadImage", () => {
  test("fetches a plain file", async () => {
    expect(new Uint8Array(await loadImage(image("plain", "none"), base))).toEqual(CONTENT);
  });

  test("unpacks a packed one and tells how far it is", async () => {
    const steps: number[] = [];
    const loaded = await loadImage(image("packed.gz", "gzip"), base, (done) => steps.push(done));
    expect(new Uint8Array(loaded)).toEqual(CONTENT);
    expect(steps.at(-1)).toBe(CONTENT.length);
  });

  test("refuses a file that is too short, too long or cut off", async () => {
    await expect(loadImage(image("plain", "none", 6000), base)).rejects.toThrow(/5000 bytes arrived of 6000/);
    await expect(loadImage(image("plain", "none", 4000), base)).rejects.toThrow(/more than the 4000 bytes/);
    await expect(loadImage(image("cut.gz", "gzip"), base)).rejects.toThrow(ImageLoadError);
  });

  test("passes on the server's reason", async () => {
    await expect(loadImage(image("missing", "none"), base)).rejects.toThrow(
      /503 The images are not there yet/,
    );
  });
});

describe("loadManifest", () => {
  test("reads it", async () => {
    expect((await loadManifest(base)).guest).toBe("a guest");
  });

  test("says when it is none, or the server is gone", async () => {
    await expect(loadManifest(new URL("broken.json", base))).rejects.toThrow(/not a manifest/);
    await expect(loadManifest("http://127.0.0.1:9/manifest.json")).rejects.toThrow(/still running/);
  });
});
