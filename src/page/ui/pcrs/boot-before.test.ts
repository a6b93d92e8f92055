import { expect, test } from "vitest";
import type { PageState } from "../../model/model.ts";
import { changedSinceBefore } from "./boot-before.ts";

const value = (fill: number) => new Uint8Array(32).fill(fill);
const log = (...pcrs: number[]) => ({ events: pcrs.map((pcr) => ({ pcr })) });

/** PCR 0 and 4 were measured once each in the boot before, PCR 10 by something that keeps no log. */
function state(now: { log?: object; tape?: undefined }): PageState {
  const before = [value(1), value(0), value(0), value(0), value(4), ...Array(5).fill(value(0)), value(10)];
  return {
    previous: { log: log(0, 4), pcrs: [{ algorithm: "sha256", values: before }] },
    pcrs: [],
    commands: [],
    tape: "tape" in now ? undefined : { start: 0, serial: [], log: [] },
    log: now.log && { log: now.log },
  } as unknown as PageState;
}
const bank = (values: Record<number, number>) => ({
  algorithm: "sha256",
  values: Array.from({ length: 11 }, (_, pcr) => value(values[pcr] ?? 0)),
});

test("a boot under way differs only where it has measured as much as the one before", () => {
  expect(changedSinceBefore(state({ log: log(0) }), bank({ 0: 9 }))).toEqual([0]);
  expect(changedSinceBefore(state({ log: log(0, 4) }), bank({ 0: 1, 4: 9 }))).toEqual([4]);
  expect(changedSinceBefore(state({ log: log(0, 4) }), bank({ 0: 1, 4: 4, 10: 9 }))).toEqual([10]);
  expect(changedSinceBefore(state({}), bank({}))).toEqual([]);
});

test("a TPM on the bench has no boot to compare", () => {
  expect(changedSinceBefore(state({ tape: undefined }), bank({}))).toBeUndefined();
});
