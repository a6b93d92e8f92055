import { createHash, getHashes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/hex.ts";
import { extend, hash } from "./hash.ts";
import { sm3 } from "./sm3.ts";
import { ascii } from "./testing.ts";

describe("SM3", () => {
  it("gives the standard's examples", () => {
    expect(toHex(sm3(ascii("abc")))).toBe("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0");
    expect(toHex(sm3(ascii("abcd".repeat(16))))).toBe(
      "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
    );
  });

  it.runIf(getHashes().includes("sm3"))("gives what OpenSSL does, whatever the length", () => {
    for (let length = 0; length < 200; length++) {
      const data = Uint8Array.from({ length }, (_, i) => i * 7 + length);
      expect(toHex(sm3(data))).toBe(createHash("sm3").update(data).digest("hex"));
    }
  });

  it("is a bank's hash, by number and by name", () => {
    expect(hash(0x12, ascii("abc"))).toEqual(sm3(ascii("abc")));
    expect(extend("sm3_256", new Uint8Array(32), new Uint8Array(32))).toEqual(sm3(new Uint8Array(64)));
  });
});
