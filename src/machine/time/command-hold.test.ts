/** The policy alone, on buses that only count. guest-time.test.ts and hold.test.ts have it on machines. */
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
  it("asks the bus for it in the moment in which the command starts, and calls it off with the answer", () => {
    const calls: string[] = [];
    const policy = new CommandHold({
      hold: () => () => undefined,
      holdAfter(guestMs, reason) {
        calls.push(`${reason} after ${guestMs}`);
        return () => calls.push("over");
      },
    });
    policy.commandFinished();
    expect(calls).toEqual([]);
    policy.commandStarted();
    policy.commandStarted();
    expect(calls).toEqual([`${HOLD_REASON} after ${DEFAULT_GRACE_MS}`]);
    policy.commandFinished();
    policy.commandFinished();
    expect(calls.slice(1)).toEqual(["over"]);
    policy.commandStarted();
    expect(calls).toHaveLength(3);
  });
});

describe("the hold for slow commands, on a bus whose clock is not its own", () => {
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
    expect(bus.held).toBe(0);
    vi.advanceTimersByTime(1);
    expect([bus.held, bus.reasons]).toEqual([1, [HOLD_REASON]]);
    policy.commandStarted();
    vi.advanceTimersByTime(60_000);
    expect(bus.held).toBe(1);
    policy.commandFinished();
    policy.commandFinished();
    expect(bus.held).toBe(0);
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
