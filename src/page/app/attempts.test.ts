import { expect, test } from "vitest";
import { Attempts } from "./attempts.ts";

test("whoever waits is told how the last attempt went, not one that was overtaken", async () => {
  const attempts = new Attempts();
  const first = attempts.next();
  attempts.expectReady();
  const { ready } = attempts;
  const second = attempts.next();
  attempts.expectReady();
  expect(attempts.ready).toBe(ready);
  attempts.settle(new Error("the first"), first);
  attempts.settle(undefined, second);
  await expect(ready).resolves.toBeUndefined();
  expect(attempts.isLast(first)).toBe(false);
});

test("a later attempt has a promise of its own, which may fail without a handler", async () => {
  const attempts = new Attempts();
  attempts.next();
  attempts.expectReady();
  attempts.settle(undefined);
  const before = attempts.ready;
  attempts.next();
  attempts.expectReady();
  expect(attempts.ready).not.toBe(before);
  attempts.settle(new Error("no TPM"));
  await expect(attempts.ready).rejects.toThrow("no TPM");
});
