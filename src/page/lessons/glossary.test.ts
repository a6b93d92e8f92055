import { describe, expect, it } from "vitest";
import { GLOSSARY, glossed, termOf } from "./glossary.ts";
import { LESSONS } from "./index.ts";

describe("the glossary", () => {
  it("is in the order of the alphabet, with each word once, and says where it is from", () => {
    const words = GLOSSARY.map(({ word }) => word);
    expect(words).toEqual([...words].sort((a, b) => a.localeCompare(b, "en", { sensitivity: "base" })));
    const all = GLOSSARY.flatMap(({ word, also = [] }) => [word, ...also].map((one) => one.toLowerCase()));
    expect(new Set(all).size).toBe(all.length);
    for (const { word, text, spec } of GLOSSARY) {
      expect(text, word).toMatch(/[.]$/);
      expect(spec, word).not.toBe("");
    }
  });

  it("has words for every lesson", () => {
    const without = LESSONS.filter(({ steps }) => {
      const texts = steps.flatMap(({ text }) => text).join("\n");
      return !glossed(texts, new Set()).some((piece) => typeof piece !== "string");
    });
    expect(without.map(({ id }) => id)).toEqual([]);
  });
});

describe("a text", () => {
  const words = (text: string) =>
    glossed(text, new Set()).flatMap((piece) => (typeof piece === "string" ? [] : [piece.word]));

  it("has each word marked at its first place, the longest that fits, and is whole", () => {
    const text = "Extended PCRs: the PCR 7 of a measured boot; measurement, remeasurement, seal-like, a PCR.";
    expect(words(text)).toEqual(["Extended", "PCRs", "measured boot", "measurement"]);
    const whole = glossed(text, new Set()).map((piece) => (typeof piece === "string" ? piece : piece.word));
    expect(whole.join("")).toBe(text);
  });

  it("has no names of objects for words", () => {
    expect(termOf("constructor")).toBeUndefined();
    expect(words("constructor, toString")).toEqual([]);
  });
});
