import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { describe, expect, it } from "vitest";
import { MACHINE_PATCHES, patchMachine, patchModule, UEFI_PATCHES } from "./module-patch.ts";
import { V86VersionError } from "./v86-internals.ts";

const wasm = readFileSync(createRequire(import.meta.url).resolve("v86/build/v86.wasm"));

describe("the changes to v86.wasm", () => {
  it("fit the one that is installed, and leave a module", () => {
    const changed = patchMachine(patchModule(wasm, UEFI_PATCHES));
    expect(WebAssembly.validate(changed)).toBe(true);
    const differ = wasm.reduce((count, byte, at) => count + Number(byte !== changed[at]), 0);
    expect(differ).toBe(3);
  });

  it("are of equal length, and say what for", () => {
    for (const { what, why, from, to } of [...MACHINE_PATCHES, ...UEFI_PATCHES]) {
      expect(to.length).toBe(from.length);
      expect(`${what}: ${why}`).toMatch(/\w+ \w+/);
    }
  });

  it.each([
    ["is not there", Uint8Array.of(1, 2, 3)],
    ["is there twice", new Uint8Array(Buffer.concat([wasm, wasm]))],
  ])("are refused in words where their place %s", (_, code) => {
    expect(() => patchModule(code, UEFI_PATCHES)).toThrow(V86VersionError);
    expect(() => patchModule(code, UEFI_PATCHES)).toThrow("IA32_APIC_BASE");
    expect(Buffer.compare(patchMachine(code), code)).toBe(0);
  });
});
