import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pace } from "../ui/parts/pace.ts";
import { Store } from "./store.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A store whose drawings take `cost` milliseconds each, and what its listeners were told and when. */
function drawn(cost: number) {
  let done: () => void = () => undefined;
  const pace = new Pace({ now: () => Date.now(), painted: (callback) => (done = callback) });
  const schedule = (callback: () => void) => void setTimeout(callback, 1);
  const store = new Store({ value: 0 }, { schedule, pace });
  const told: { value: number; at: number }[] = [];
  const began = Date.now();
  store.subscribe(({ value }) => {
    told.push({ value, at: Date.now() - began });
    setTimeout(() => done(), cost);
  });
  return { store, told };
}

test("news of a busy guest are told as seldom as drawing them asks for, and the last is never missed", () => {
  const { store, told } = drawn(6);
  for (let value = 1; value <= 1000; value++) {
    store.news({ value });
    expect(store.state.value).toBe(value);
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(1000);
  expect(told[0]!.at).toBe(1);
  expect(told.length).toBeLessThanOrEqual(5);
  expect(told.at(-1)!.value).toBe(1000);
});

test("what people do does not wait for that, and takes the news along", () => {
  const { store, told } = drawn(6);
  store.news({ value: 1 });
  vi.advanceTimersByTime(20);
  store.news({ value: 2 });
  vi.advanceTimersByTime(20);
  expect(told.map(({ value }) => value)).toEqual([1]);
  store.update({ value: 3 });
  vi.advanceTimersByTime(1);
  expect(told.map(({ value }) => value)).toEqual([1, 3]);
  vi.advanceTimersByTime(2000);
  expect(told).toHaveLength(2);
});
