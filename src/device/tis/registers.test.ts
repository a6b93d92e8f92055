import { describe, expect, it } from "vitest";
import { LOCALITIES, TIS_BASE } from "./ports.ts";
import {
  ACCESS,
  accessMask,
  bitMask,
  fieldValue,
  INT,
  INT_ENABLE,
  INTERFACE_ID,
  REGISTERS,
  type Register,
  registerAt,
  STS,
} from "./registers.ts";
import { Bench } from "./testing.ts";

const all: Register[] = Object.values(REGISTERS);

describe("the register table", () => {
  it("has fields that fit their register and do not overlap", () => {
    for (const register of all) {
      let used = 0;
      for (const { bits, name } of register.fields) {
        expect(bits[0], name).toBeGreaterThanOrEqual(bits[1]);
        expect(bits[0], name).toBeLessThan(register.size * 8);
        expect(used & bitMask(bits), `${register.name}.${name} overlaps`).toBe(0);
        used |= bitMask(bits);
      }
    }
  });

  it("has registers that do not overlap", () => {
    const sorted = all.toSorted((a, b) => a.offset - b.offset);
    for (const [i, register] of sorted.slice(1).entries()) {
      const before = sorted[i]!;
      expect(register.offset).toBeGreaterThanOrEqual(before.offset + (before.span ?? 4));
    }
  });

  it("gives the bits that firmware and drivers use", () => {
    expect(ACCESS).toMatchObject({ VALID: 0x80, ACTIVE_LOCALITY: 0x20, BEEN_SEIZED: 0x10, SEIZE: 0x08 });
    expect(ACCESS).toMatchObject({ PENDING_REQUEST: 0x04, REQUEST_USE: 0x02, ESTABLISHMENT: 0x01 });
    expect(STS).toMatchObject({ VALID: 0x80, COMMAND_READY: 0x40, TPM_GO: 0x20, DATA_AVAIL: 0x10 });
    expect(STS).toMatchObject({ EXPECT: 0x08, SELF_TEST_DONE: 0x04, RESPONSE_RETRY: 0x02 });
    expect(STS).toMatchObject({ BURST_COUNT: 0x00ff_ff00, COMMAND_CANCEL: 1 << 24, TPM_FAMILY: 3 << 26 });
    expect(INT_ENABLE.GLOBAL).toBe(0x8000_0000);
    expect(INT).toEqual({ COMMAND_READY: 0x80, LOCALITY_CHANGE: 4, STS_VALID: 2, DATA_AVAIL: 1 });
    expect(INTERFACE_ID.LOCK).toBe(0x0008_0000);
    expect(accessMask(REGISTERS.INT_ENABLE, "rw")).toBe(0x8000_009f);
    expect(accessMask(REGISTERS.INT_STATUS, "w1c")).toBe(0x87);
  });

  it("finds a register by offset, and the value of a field", () => {
    expect(registerAt(0x18)?.key).toBe("STS");
    expect(registerAt(0xbf)?.key).toBe("XDATA_FIFO");
    expect(registerAt(0xc0)).toBeUndefined();
    expect(fieldValue(REGISTERS.STS.fields[0], 0x0410_0000)).toBe(1);
  });

  for (const version of ["2.0", "1.2"] as const) {
    it(`says what a TPM ${version} device reads after reset, at each locality`, () => {
      const { device } = new Bench({ version });
      for (let locality = 0; locality < LOCALITIES; locality++) {
        for (const register of all) {
          const value = device.read(TIS_BASE + locality * 0x1000 + register.offset, 4);
          expect(value, `${register.name} at locality ${locality}`).toBe(register.reset[version]);
        }
      }
    });
  }
});
