/** The decoder against bytes that nobody sent: as decode.test.ts has it, at length. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { badlyCovered, readExchanges } from "./testing/exchanges.ts";
import { POST_QUANTUM } from "./testing/post-quantum.ts";

const ALL = ["tpm20.txt", "tpm12.txt"].flatMap((file) =>
  readExchanges(readFileSync(join(import.meta.dirname, "testdata", file), "utf8")),
);

describe("1,000,000 mutated messages", () => {
  it("never throw, and every byte stays in exactly one leaf", () => {
    expect(badlyCovered(ALL, { seed: 20, messages: 1_000_000 })).toBe(0);
  }, 120_000);
});

describe("100,000 mutated messages of post-quantum algorithms", () => {
  it("never throw, and every byte stays in exactly one leaf", () => {
    expect(badlyCovered(POST_QUANTUM, { seed: 185, messages: 100_000 })).toBe(0);
  }, 120_000);
});
