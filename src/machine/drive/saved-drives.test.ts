/** A saved machine is given to an emulator only where the machine has its drives: seen with states of v86's own. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { V86, type V86Options } from "v86";
import { expect, it } from "vitest";
import { Drive } from "./drive.ts";
import { mustHaveDrives, savedDrives } from "./saved-drives.ts";
import type { DriveSource } from "./source.ts";

const WASM = createRequire(import.meta.url).resolve("v86/build/v86.wasm");

/** What v86 saves of a machine with these drives. */
async function saved(drives: { hda?: Drive; cdrom?: Drive }): Promise<Uint8Array> {
  const wasm = readFileSync(WASM);
  const options = {
    wasm_fn: async (imports: WebAssembly.Imports) =>
      (await WebAssembly.instantiate(wasm, imports)).instance.exports,
    memory_size: 4 << 20,
    vga_memory_size: 1 << 20,
    autostart: false,
    ...drives,
  };
  const emulator = await new Promise<V86>((resolve) => {
    const made = new V86(options as object as V86Options);
    made.add_listener("emulator-loaded", () => resolve(made));
  });
  try {
    return new Uint8Array(await emulator.save_state());
  } finally {
    await emulator.destroy();
  }
}

const source = (name: string, identity: string, size = 1 << 20): DriveSource => ({
  name,
  size,
  identity,
  read: async (_, length) => new Uint8Array(length),
});
const drive = (name: string, identity: string, size?: number) =>
  new Drive(source(name, identity, size)).open();

it("finds disk and CD in v86's saved state, and misses the one that is not there or has changed", async () => {
  const hda = await drive('a "disk".img', "file:1");
  const cdrom = await drive("a.iso", "file:2", 1 << 21);
  const state = await saved({ hda, cdrom });
  expect(savedDrives(state)).toEqual([
    { identity: "file:1", name: 'a "disk".img', size: 1 << 20 },
    { identity: "file:2", name: "a.iso", size: 1 << 21 },
  ]);
  expect(() => mustHaveDrives([cdrom, hda], state)).not.toThrow();
  expect(() => mustHaveDrives([cdrom], state)).toThrow(/drive a "disk"\.img, .* choose that file again/);
  const changed = await drive("a.iso", "file:3", 1 << 21);
  expect(() => mustHaveDrives([hda, changed], state)).toThrow(/drive is a\.iso, .* has changed since/);
  const longer = await drive("a.iso", "file:2", 1 << 22);
  expect(() => mustHaveDrives([hda, longer], state)).toThrow("changed since");
});

it("wants no drive for a machine without one, nor for what is no state at all", async () => {
  const none = await saved({});
  expect(none.length).toBeGreaterThan(1 << 20);
  expect(savedDrives(none)).toEqual([]);
  expect(savedDrives(none.subarray(0, 15))).toEqual([]);
  expect(savedDrives(none.subarray(0, 100))).toEqual([]);
  expect(savedDrives(new Uint8Array(200).fill(0x5b))).toEqual([]);
});
