import { beforeAll, describe, expect, it } from "vitest";
import {
  checkResult,
  keyOf,
  keyText,
  type LessonResult,
  makeResultKey,
  ResultError,
  signResult,
} from "./result.ts";

const RESULT: LessonResult = {
  name: "Ada",
  class: "7B",
  made: Date.UTC(2026, 10, 27, 9),
  lessons: [{ lesson: "why", title: "Watch a measured boot", done: 4, steps: 5 }],
};

let key: CryptoKeyPair;
beforeAll(async () => {
  key = await makeResultKey();
});

describe("a result", () => {
  it("that was signed is checked, and says of which browser it is", async () => {
    const first = await checkResult(await signResult(RESULT, key));
    expect(first).toEqual({ ...RESULT, browser: expect.stringMatching(/^[0-9a-f]{16}$/) });
    const again = await keyOf(await keyText(key));
    expect((await checkResult(await signResult({ ...RESULT, name: "Bob" }, again))).browser).toBe(
      first.browser,
    );
    expect((await checkResult(await signResult(RESULT, await makeResultKey()))).browser).not.toBe(
      first.browser,
    );
  });

  it("that was changed is refused, wherever it was", async () => {
    const file = await signResult(RESULT, key);
    await expect(checkResult(file.replace("Ada", "Eve"))).rejects.toThrow(
      "it was changed after it was signed",
    );
    const signature = JSON.parse(file).signature as string;
    const other = signature.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
    await expect(checkResult(file.replace(signature, other))).rejects.toThrow(ResultError);
    await expect(checkResult(file.replace(signature, "00"))).rejects.toThrow(ResultError);
    await expect(checkResult(file.replace(/"key": "../, '"key": "ff'))).rejects.toThrow(
      "key or its signature is none",
    );
  });

  it("is not anything else", async () => {
    const wrong = { ...RESULT, lessons: [{ lesson: "why", title: "x", done: 6, steps: 5 }] };
    for (const text of [
      "",
      "[]",
      "null",
      '{"result":1}',
      '{"__proto__":{"result":"","key":"","signature":""}}',
    ])
      await expect(checkResult(text), text).rejects.toThrow("it is no result of the lessons");
    await expect(checkResult(await signResult(wrong, key))).rejects.toThrow("what was signed is no result");
    const early = { ...RESULT, made: 1e300 };
    await expect(checkResult(await signResult(early, key))).rejects.toThrow(ResultError);
  });
});
