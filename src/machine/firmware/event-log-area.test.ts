import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { EventLogArea } from "./event-log-area.ts";

const BASE = 0xfed5_0000;

describe("the event-log area", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("is plain little-endian memory for accesses of every size", () => {
    const area = new EventLogArea();
    area.write(BASE, 4, 0x89abcdef);
    area.write(BASE + 4, 2, 0x1234);
    area.write(BASE + 0xffff, 1, 0x1ff);
    expect(area.read(BASE, 4)).toBe(0x89abcdef);
    expect([0, 1, 2, 3].map((i) => area.read(BASE + i, 1))).toEqual([0xef, 0xcd, 0xab, 0x89]);
    expect(area.read(BASE + 4, 2)).toBe(0x1234);
    expect(area.read(BASE + 0xffff, 1)).toBe(0xff);
    expect(area.bytes().length).toBe(0x1_0000);
    expect(area.bytes().subarray(0, 6)).toEqual(Uint8Array.of(0xef, 0xcd, 0xab, 0x89, 0x34, 0x12));
  });

  it("tells of writes once for many, and again for later ones", () => {
    const area = new EventLogArea();
    const onWrite = vi.fn();
    area.onWrite = onWrite;
    for (let i = 0; i < 0x1_0000; i++) area.write(BASE + i, 1, 0);
    vi.advanceTimersByTime(1000);
    expect(onWrite).toHaveBeenCalledExactlyOnceWith(area.bytes());
    area.write(BASE, 4, 1);
    vi.advanceTimersByTime(1000);
    expect(onWrite).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(1000);
    expect(onWrite).toHaveBeenCalledTimes(2);
  });

  it("is emptied by a reset and filled by a restore", () => {
    const area = new EventLogArea();
    const onWrite = vi.fn();
    area.onWrite = onWrite;
    area.write(BASE + 100, 1, 7);
    area.reset();
    expect(area.bytes().every((byte) => byte === 0)).toBe(true);
    area.restore(Uint8Array.of(1, 2));
    expect(area.read(BASE, 2)).toBe(0x0201);
    expect(() => area.restore(new Uint8Array(0x1_0001))).toThrow(RangeError);
    vi.advanceTimersByTime(1000);
    expect(onWrite).toHaveBeenCalledTimes(1);
  });
});
