import { describe, expect, it } from "vitest";
import { ByteWriter } from "../bytes/writer.ts";
import { withFinishedWrite } from "./fault-tolerant-write.ts";
import { guidBytes, VENDOR } from "./guid.ts";
import { factoryFlash } from "./testing.ts";
import { readVariables, writeVariables } from "./variable-store.ts";

/** As in edk2's own layout: the store, the list of writes, the spare area. */
const STORE = 0x3000;
const LIST = 0x4000;
const SPARE = 0x5000;
/** The first byte of the list's headers and records. */
const BEGUN = 0xfc;
const WRITTEN_TO_SPARE = 0xfd;
const DONE = 0xf8;

const VARIABLES = Array.from({ length: 20 }, (_, i) => ({
  vendor: VENDOR.GLOBAL,
  name: `Boot00${i}`,
  attributes: 7,
  time: new Uint8Array(16),
  data: new Uint8Array(200).fill(i),
}));
const WHOLE = writeVariables(factoryFlash(), VARIABLES);

/** One write of the store's three blocks. */
const write = (header: number, record: number, change: { lba?: number; fromSpare?: number } = {}) =>
  new ByteWriter()
    .bytes([header, 0xff, 0xff, 0xff])
    .bytes(guidBytes("cb4a7c80-8df7-43be-a8b5-b11f4ba75b2f"))
    .zeros(4)
    .u64le(1n)
    .u64le(0n)
    .bytes([record, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])
    .u64le(BigInt(change.lba ?? 0))
    .u64le(0x48n)
    .u64le(BigInt(STORE - 0x48))
    .u64le(BigInt.asUintN(64, BigInt(change.fromSpare ?? -SPARE)))
    .finish();

/** A flash whose machine was switched off while the firmware wrote its store anew. */
function cutOff(...writes: Uint8Array[]): Uint8Array {
  const header = new ByteWriter()
    .bytes(guidBytes("9e58292b-7c68-497d-a0ce-6500fd9f1b95"))
    .zeros(8)
    .u64le(0xfe0n)
    .finish();
  const flash = WHOLE.slice();
  flash.copyWithin(SPARE, 0, STORE);
  flash.fill(0xff, 0x400, STORE);
  const list = writes.reduce((before, one) => new ByteWriter().bytes(before).bytes(one).finish(), header);
  flash.set(list, LIST);
  return flash;
}

describe("a fault-tolerant write that was cut off", () => {
  it.each([
    ["in the middle of its blocks", 0x400],
    ["right after they were erased", 0],
  ])("%s is finished from its copy", (_, from) => {
    const flash = cutOff(write(BEGUN, WRITTEN_TO_SPARE)).fill(0xff, from, STORE);
    expect(withFinishedWrite(flash).subarray(0, STORE)).toEqual(WHOLE.subarray(0, STORE));
    expect(readVariables(flash)).toEqual(VARIABLES);
    const edited = writeVariables(factoryFlash(), readVariables(flash));
    expect(readVariables(edited)).toEqual(VARIABLES);
    expect(flash.subarray(from, STORE).every((byte) => byte === 0xff)).toBe(true);
  });

  it("is found behind those that are done", () => {
    const flash = cutOff(write(DONE, DONE), write(DONE, DONE), write(BEGUN, WRITTEN_TO_SPARE));
    expect(readVariables(flash)).toEqual(VARIABLES);
  });

  it.each([
    ["has no whole copy", [write(BEGUN, 0xff)]],
    ["is done", [write(DONE, DONE)]],
    ["is done, but for the word of its header", [write(BEGUN, DONE)]],
    ["was never begun", []],
    ["goes behind the flash", [write(BEGUN, WRITTEN_TO_SPARE, { lba: 0x1000 })]],
    ["has its copy before the flash", [write(BEGUN, WRITTEN_TO_SPARE, { fromSpare: SPARE })]],
  ])("leaves the flash as it is when it %s", (_, writes) => {
    const flash = cutOff(...writes);
    expect(withFinishedWrite(flash)).toBe(flash);
  });

  it("is looked for in whatever bytes there are", () => {
    let state = 11;
    for (let round = 0; round < 300; round++) {
      const flash = cutOff(write(DONE, DONE), write(BEGUN, WRITTEN_TO_SPARE));
      for (let count = 0; count < 10; count++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        flash[LIST + 32 + ((state >>> 16) % 160)] = state >>> 8;
      }
      expect(withFinishedWrite(flash)).toHaveLength(flash.length);
    }
  });
});
