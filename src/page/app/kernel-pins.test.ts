import { describe, expect, it } from "vitest";
import { KernelPins } from "./kernel-pins.ts";

describe("the kernel that a machine boots again", () => {
  it("is the one that is kept with it, and another where the owner has taken that", () => {
    const pins = new KernelPins();
    const kept = KernelPins.among({ tpm: "2.0" }, "stock");
    expect(pins.of("PC", kept)).toBe("stock");
    pins.set("PC", "small");
    expect(pins.of("PC", kept)).toBe("small");
    expect(pins.of("another", kept)).toBe("stock");
  });

  it("is none for a new machine, and for what is no kernel", () => {
    const pins = new KernelPins();
    for (const settings of [undefined, {}, { "usual-kernel": "huge" }, { "usual-kernel": 1 }])
      expect(pins.of("PC", settings)).toBeUndefined();
    expect(KernelPins.among({ tpm: "1.2" }, undefined)).toEqual({ tpm: "1.2" });
  });
});
