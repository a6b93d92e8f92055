import { describe, expect, it } from "vitest";
import { VENDOR } from "./guid.ts";
import { factoryFlash, STORE_SIZE } from "./testing.ts";
import {
  efiTime,
  readVariables,
  type UefiVariable,
  VariableStoreError,
  writeVariables,
} from "./variable-store.ts";

const variable = (name: string, data: number[], change: Partial<UefiVariable> = {}): UefiVariable => ({
  vendor: VENDOR.GLOBAL,
  name,
  attributes: 7,
  time: new Uint8Array(16),
  data: Uint8Array.from(data),
  ...change,
});
/** Where the first variable's state is. */
const FIRST = 0x48 + 28;
const STATE = 2;

describe("edk2's store of variables", () => {
  it("leaves the factory empty", () => {
    expect(readVariables(factoryFlash())).toEqual([]);
  });

  it("gives back what was written, of any length", () => {
    const list = [
      variable("A", []),
      variable("Boot0000", [1, 2, 3]),
      variable("db", [4, 5, 6, 7, 8], { vendor: VENDOR.IMAGE_SECURITY, attributes: 0x27, time: efiTime(0) }),
    ];
    const flash = writeVariables(factoryFlash(), list);
    expect(readVariables(flash)).toEqual(list);
    expect(flash.subarray(0x48 + STORE_SIZE).every((byte) => byte === 0xff)).toBe(true);
  });

  it("has bytes as edk2 puts them", () => {
    const flash = writeVariables(factoryFlash(), [variable("A", [0xab])]);
    expect(Buffer.from(flash.subarray(FIRST, FIRST + 65)).toString("hex")).toBe(
      `aa553f0007000000${"00".repeat(28)}0400000001000000${"61dfe48bca93d211aa0d00e098032b8c"}41000000ab`,
    );
  });

  it("leaves out what was deleted, and takes the newer one of two", () => {
    const flash = writeVariables(factoryFlash(), [variable("A", [1]), variable("A", [2])]);
    flash[FIRST + STATE] = 0x3e; // a newer one is being written
    expect(readVariables(flash).map(({ data }) => data[0])).toEqual([2]);
    const second = FIRST + 68;
    expect(flash[second + STATE]).toBe(0x3f);
    flash[second + STATE] = 0x7f; // its header only
    expect(readVariables(flash).map(({ data }) => data[0])).toEqual([1]);
    flash[FIRST + STATE] = 0x3c;
    expect(readVariables(flash)).toEqual([]);
  });

  it.each([
    ["a header without its state", 0xff, []],
    ["a header that ends before its sizes", 0xff, [36]],
    ["a header that ends before its attributes", 0xff, [4]],
    ["a header with a state, without attributes", 0x7f, [4, 8]],
    ["a header with a state, without the name's size", 0x7f, [36, 40]],
    ["a header with a state, without the data's size", 0x7f, [40, 44]],
  ] as const)("goes on behind %s", (_, state, [from, to]) => {
    const list = [variable("A", [1]), variable("Torn", Array(40).fill(2)), variable("B", [3])];
    const flash = writeVariables(factoryFlash(), list.slice(0, 2));
    const torn = FIRST + 68;
    flash[torn + STATE] = state;
    if (from !== undefined) flash.fill(0xff, torn + from, torn + (to ?? 60));
    // At the next power-on edk2 puts what comes then where the name would have gone.
    const next = writeVariables(factoryFlash(), [list[2]!]).subarray(FIRST, FIRST + 65);
    flash.fill(0xff, torn + 60).set(next, torn + 60);
    expect(readVariables(flash)).toEqual([list[0], list[2]]);
    const edited = writeVariables(factoryFlash(), readVariables(flash));
    expect(readVariables(edited)).toEqual([list[0], list[2]]);
  });

  it("ends where nothing was written", () => {
    const flash = writeVariables(factoryFlash(), [variable("A", [1])]);
    const behind = writeVariables(factoryFlash(), [variable("B", [2])]).subarray(FIRST, FIRST + 65);
    flash.set(behind, FIRST + 68 + 60);
    expect(readVariables(flash)).toEqual([variable("A", [1])]);
  });

  it("refuses what has no room", () => {
    const large = variable("Large", Array(STORE_SIZE).fill(1));
    expect(() => writeVariables(factoryFlash(), [large])).toThrow(VariableStoreError);
  });

  it.each([
    ["nothing", new Uint8Array()],
    ["zeros", new Uint8Array(0x8000)],
    ["another kind of store", factoryFlash().fill(0, 0x48, 0x58)],
    ["an unformatted one", factoryFlash().with(0x48 + 20, 0xff)],
    ["a size that is too large", factoryFlash().with(0x48 + 19, 0x7f)],
  ])("is not found in %s", (_, flash) => {
    expect(() => readVariables(flash)).toThrow(VariableStoreError);
  });

  it("reads whatever bytes are in it", () => {
    let state = 7;
    for (let round = 0; round < 300; round++) {
      const flash = writeVariables(factoryFlash(), [variable("A", [1]), variable("Boot0001", [2, 3])]);
      for (let count = 0; count < 20; count++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        flash[FIRST + ((state >>> 16) % 200)] = state >>> 8;
      }
      expect(readVariables(flash).length).toBeLessThan(200);
    }
  });
});
