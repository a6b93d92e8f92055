/** The policy alone, with a bus that counts. hold.test.ts has it on a real machine. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CommandHold, DEFAULT_GRACE_MS, HOLD_REASON } from "./command-hold.ts";

function countingBus() {
  const bus = {
    held: 0,
    reasons: [] as string[],
    hold(reason: string) {
      bus.held++;
      bus.reasons.push(reason);
      let mine = true;
      return () => {
        if (mine) bus.held--;
        mine = false;
      };
    },
  };
  return bus;
}

describe("the hold for slow commands", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("does not stop the machine for quick commands", () => {
    const bus = countingBus();
    const policy = new CommandHold(bus);
    for (let i = 0; i < 100; i++) {
      policy.commandStarted();
      vi.advanceTimersByTime(DEFAULT_GRACE_MS - 1);
      policy.commandFinished();
    }
    vi.advanceTimersByTime(1000);
    expect(bus.reasons).toEqual([]);
  });

  it("holds from the grace time to the answer", () => {
    const bus = countingBus();
    const policy = new CommandHold(bus, { graceMs: 5 });
    policy.commandStarted();
    vi.advanceTimersByTime(4);
    expect([bus.held, policy.holding]).toEqual([0, false]);
    vi.advanceTimersByTime(1);
    expect([bus.held, policy.holding, bus.reasons]).toEqual([1, true, [HOLD_REASON]]);
    policy.commandStarted();
    vi.advanceTimersByTime(60_000);
    expect(bus.held).toBe(1);
    policy.commandFinished();
    policy.commandFinished();
    expect([bus.held, policy.holding]).toEqual([0, false]);
  });

  it("holds again for the next slow command", () => {
    const bus = countingBus();
    const policy = new CommandHold(bus, { graceMs: 0 });
    for (const _ of [1, 2]) {
      policy.commandStarted();
      vi.advanceTimersByTime(1);
      expect(bus.held).toBe(1);
      policy.commandFinished();
    }
    expect([bus.held, bus.reasons.length]).toEqual([0, 2]);
  });
});
