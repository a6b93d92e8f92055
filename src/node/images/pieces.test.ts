/** Pieces of a file over HTTP, as a disk's reader asks for them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { answerPiece } from "./pieces.ts";

const CONTENT = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 251));

let folder: string;
let server: Server;
let url: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "webtpm-pieces-"));
  const path = join(folder, "disk.img");
  writeFileSync(path, CONTENT);
  server = createServer((request, response) => void answerPiece(path, request.headers.range, response));
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

async function ask(range?: string) {
  const response = await fetch(url, range === undefined ? {} : { headers: { Range: range } });
  return { response, bytes: Buffer.from(await response.arrayBuffer()) };
}

describe("a file in pieces", () => {
  it("says that it can be had so, how large it is, and which one it is", async () => {
    const { headers } = await fetch(url, { method: "HEAD" });
    expect(headers.get("Accept-Ranges")).toBe("bytes");
    expect(headers.get("Content-Length")).toBe("1000");
    expect(headers.get("ETag")).toBe((await ask("bytes=0-1")).response.headers.get("ETag"));
  });

  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=128-255", 128, 256],
    ["bytes=900-2000", 900, 1000],
    ["bytes=999-", 999, 1000],
  ])("gives what %s asks for", async (range, from, to) => {
    const { response, bytes } = await ask(range);
    expect(response.status).toBe(206);
    expect(response.headers.get("Content-Range")).toBe(`bytes ${from}-${to - 1}/1000`);
    expect(bytes.equals(CONTENT.subarray(from, to))).toBe(true);
  });

  it("gives the whole where no piece is asked for, and says what lies beyond it", async () => {
    expect((await ask()).bytes.equals(CONTENT)).toBe(true);
    const { response } = await ask("bytes=1000-1001");
    expect([response.status, response.headers.get("Content-Range")]).toEqual([416, "bytes */1000"]);
  });
});
