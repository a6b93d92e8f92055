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
