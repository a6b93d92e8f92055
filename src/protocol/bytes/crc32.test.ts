import { crc32 as zlib } from "node:zlib";
import fc from "fast-check";
import { expect, it } from "vitest";
import { crc32 } from "./crc32.ts";

it("is the checksum that others compute", () => {
  expect(crc32(new TextEncoder().encode("123456789"))).toBe(0xcbf4_3926);
  if (zlib) fc.assert(fc.property(fc.uint8Array(), (bytes) => crc32(bytes) === zlib(bytes)));
});
