import { expect, it, vi } from "vitest";
import { PendingCalls } from "./pending-calls.ts";

it("settles as the calls do, as long as somebody answers", async () => {
  const pending = new PendingCalls();
  await expect(pending.wait(async () => 7)).resolves.toBe(7);
  await expect(pending.wait(() => Promise.reject(new Error("refused")))).rejects.toThrow("refused");
});

it("rejects what waits and what comes once nobody does, with the first reason", async () => {
  const pending = new PendingCalls();
  const waiting = pending.wait(() => new Promise(() => undefined));
  pending.fail(new Error("the worker is dead"));
  pending.fail(new Error("shut down"));
  await expect(waiting).rejects.toThrow("the worker is dead");
  const call = vi.fn(async () => undefined);
  await expect(pending.wait(call)).rejects.toThrow("the worker is dead");
  expect(call).not.toHaveBeenCalled();
});
