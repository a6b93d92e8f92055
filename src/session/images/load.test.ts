import { createServer, type Server } from "node:http";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ImageLoadError, loadImage, loadManifest } from "./load.ts";
import type { ImageFile } from "./manifest.ts";

const CONTENT = Uint8Array.from({ length: 5000 }, (_, index) => index & 0xff);
const PACKED = gzipSync(CONTENT);
/** `xz --check=crc32` made it. */
const XZ = Buffer.from(
  [
    "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4BOHAQVdAAAAUlAKhPmbsoAhqWnWJ+A+BlpfBI1T1AS6OVcFCcFVJN6duHFZMWChn/lv",
    "SXPyyOqMuhqLKWkhgP4zg2avRm3snomKC4PwPA6Jjj/tX+eekNkc/zL0suA5UbLSFBW0xXG62wbjeZqfuzjBsACskwuqBhkDEggV",
    "W5vISPAyLv4toIfI8KTg0lHrjWdWkrJNhMXxhjHfamJbwnkt2fc8c7p0dAfYPKlWIiShZvhahF8wZ9L2S0kufyDr2/gQDpR4d8c/",
    "a++0zZXib/ZEbgbPC4Iay9t68FeNmP+QwD7mwRJBde4DKJbrE/unKMyvMrukDiXyWLDe2FYcZvDiGzl2+ZeD++6FAAAAAADhljnS",
    "AAGdAognAACRTIINPjANiwIAAAAAAVla",
  ].join(""),
  "base64",
);
/** A million zeros, which come in many parts. */
const ZEROS = Buffer.from(
  [
    "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj70I/ANFdAABv/f//o7f/Rz5IFXI5YVG4kijmo4YH+e7kHoLTL8U6PAFLsX7JiopNL6MN",
    "2X+m44wjEVPgWRjFdYrid/i2lH8MasDedElk4ulcU7IE2PdEDKtfDW1G6eXDdoi3llestk3haR1v+0uIEGxCy4g/XACP0E6vJiiU",
    "cR89jyThcJ6nI1/sKMuF0ZWYin4qkfIndfcZwAaYTZj92K/VkA/EJVP49ZE2MQWlsO5vwXBNRwzRkRGqrWAdus6xJxhcWYbpZlJY",
    "vul2rFnk5VsFCPmTwz82AAAAAJ7LeRIAAekBwIQ9AMOi5zU+MA2LAgAAAAABWVo=",
  ].join(""),
  "base64",
);
/** One byte of what is packed in it. */
const DAMAGED = Uint8Array.from(XZ, (byte, i) => (i === 200 ? byte ^ 1 : byte));
const PATHS: Record<string, Uint8Array | string> = {
  "/images/manifest.json": '{"guest":"a guest"}',
  "/images/broken.json": "<html>",
  "/images/plain": CONTENT,
  "/images/packed.gz": PACKED,
  "/images/cut.gz": PACKED.subarray(0, 20),
  "/images/packed.xz": XZ,
  "/images/cut.xz": XZ.subarray(0, 100),
  "/images/damaged.xz": DAMAGED,
  "/images/zeros.xz": ZEROS,
};

let server: Server;
let base: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    const body = PATHS[request.url ?? ""];
    if (request.url === "/images/sent.gz") {
      // As many servers send such a file.
      response.setHeader("Content-Encoding", "gzip");
      response.end(PACKED);
    } else if (body === undefined) response.writeHead(503).end("The images are not there yet.");
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

  test.each(["gzip", "xz"] as const)(
    "unpacks one packed with %s, and tells how far it is",
    async (packing) => {
      const steps: number[] = [];
      const url = { gzip: "packed.gz", xz: "packed.xz" }[packing];
      const loaded = await loadImage(image(url, packing), base, (done) => steps.push(done));
      expect(new Uint8Array(loaded)).toEqual(CONTENT);
      expect(steps.at(-1)).toBe(CONTENT.length);
    },
  );

  test("takes a packed one that the server sends as what is in it", async () => {
    expect(new Uint8Array(await loadImage(image("sent.gz", "gzip"), base))).toEqual(CONTENT);
  });

  test("refuses a file that is too short, too long or cut off", async () => {
    await expect(loadImage(image("plain", "none", 6000), base)).rejects.toThrow(/5000 bytes arrived of 6000/);
    await expect(loadImage(image("plain", "none", 4000), base)).rejects.toThrow(/more than the 4000 bytes/);
    await expect(loadImage(image("cut.gz", "gzip"), base)).rejects.toThrow(ImageLoadError);
    await expect(loadImage(image("cut.xz", "xz"), base)).rejects.toThrow(ImageLoadError);
  });

  test("refuses a file that was damaged on its way", async () => {
    await expect(loadImage(image("damaged.xz", "xz"), base)).rejects.toThrow(/did not arrive whole/);
  });

  test("unpacks the next one after one that was refused half-way", async () => {
    await expect(loadImage(image("zeros.xz", "xz", 4000), base)).rejects.toThrow(/more than the 4000 bytes/);
    expect(new Uint8Array(await loadImage(image("packed.xz", "xz"), base))).toEqual(CONTENT);
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
