import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { BLOCK_SIZE, Flash } from "../machine/uefi/flash.ts";
import { FlashKeeper } from "./flash-keep.ts";

const PROGRAM = 0x10;

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A chip of one block, and what is saved of it. */
function kept(save = vi.fn((_: Uint8Array) => Promise.resolve())) {
  const flash = new Flash(new Uint8Array(BLOCK_SIZE), { base: 0 });
  const onFailure = vi.fn();
  const keeper = new FlashKeeper(flash, save, onFailure);
  const write = (at: number, value: number) => {
    flash.write(at, 1, PROGRAM);
    flash.write(at, 1, value);
  };
  return { flash, keeper, save, onFailure, write };
}

describe("the keeper of a flash chip", () => {
  it("saves what is written together at once, and nothing where nothing was written", async () => {
    const { keeper, save, write } = kept();
    await vi.advanceTimersByTimeAsync(1000);
    expect(save).not.toHaveBeenCalled();
    for (let at = 0; at < 10; at++) write(at, at + 1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(save).toHaveBeenCalledOnce();
    expect(save.mock.calls[0]![0].subarray(0, 11)).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0));
    write(10, 11);
    await keeper.flush();
    expect(save.mock.lastCall![0][10]).toBe(11);
  });

  it("saves one after the other, and once more what came meanwhile", async () => {
    let resolve = () => {};
    const save = vi.fn((_: Uint8Array) => new Promise<void>((done) => (resolve = done)));
    const { keeper, write } = kept(save);
    write(0, 1);
    await vi.advanceTimersByTimeAsync(1000);
    write(0, 2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(save).toHaveBeenCalledOnce();
    const closed = keeper.close();
    resolve();
    await vi.waitFor(() => expect(save).toHaveBeenCalledTimes(2));
    resolve();
    await closed;
    expect(save.mock.calls.map(([bytes]) => bytes[0])).toEqual([1, 2]);
    write(0, 3);
    await vi.advanceTimersByTimeAsync(1000);
    expect(save).toHaveBeenCalledTimes(2);
  });

  it("tells of a save that failed, and tries again with the next change", async () => {
    const save = vi.fn((_: Uint8Array) => Promise.resolve()).mockRejectedValueOnce(new Error("full"));
    const { keeper, onFailure, write } = kept(save);
    write(0, 1);
    await keeper.flush();
    expect(onFailure).toHaveBeenCalledExactlyOnceWith(new Error("full"));
    write(1, 2);
    await keeper.flush();
    expect(save.mock.lastCall![0].subarray(0, 2)).toEqual(Uint8Array.of(1, 2));
  });
});
