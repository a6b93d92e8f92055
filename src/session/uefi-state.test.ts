import { describe, expect, it } from "vitest";
import { EmulatorStateError } from "../machine/snapshot.ts";
import type { UefiState } from "../machine/v86/uefi/uefi-machine.ts";
import { isUefiState, packUefiState, unpackUefiState } from "./uefi-state.ts";

const uefi: UefiState = {
  variables: {
    bytes: Uint8Array.from({ length: 4096 }, (_, at) => at & 0xff),
    mode: "program",
    status: 0x80,
  },
  code: { mode: "status", status: 0x10 },
  fwCfg: { key: 0x19, at: 77, dmaHigh: 3 },
  frameBuffer: 0x8000_0000,
};
const emulator = Uint8Array.of(1, 2, 3);

describe("the state of a machine with UEFI", () => {
  it("comes back as it was", () => {
    const packed = packUefiState(uefi, emulator);
    expect(isUefiState(packed)).toBe(true);
    expect(unpackUefiState(packed)).toEqual({ uefi, emulator });
  });

  it("is told from a BIOS machine's", () => {
    expect(isUefiState(emulator)).toBe(false);
    expect(() => unpackUefiState(emulator)).toThrow("with a BIOS");
  });

  it("is refused in words where it is damaged, cut off, or newer", () => {
    const packed = packUefiState(uefi, emulator);
    for (const length of [8, 12, 20, 100, 4100])
      expect(() => unpackUefiState(packed.subarray(0, length))).toThrow(EmulatorStateError);
    expect(() => unpackUefiState(packed.with(8, 2))).toThrow("newer page");
    expect(() => unpackUefiState(packed.with(12, 9))).toThrow("no mode 9");
  });
});
