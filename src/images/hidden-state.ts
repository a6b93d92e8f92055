/**
 * The hidden TPM machine, booted once to the point before swtpm starts, and saved: a page restores it in a tenth of a
 * second. No TPM and no secret is in it; the kernel's random pool is, which is why every start credits fresh entropy.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { V86 } from "v86";
import { HiddenMachine } from "../hidden/machine.ts";

export const HIDDEN_STATE = "hidden-state.bin.gz";

const WASM = fileURLToPath(import.meta.resolve("v86/build/v86.wasm"));

/** Files that the machine is booted from. */
export interface HiddenParts {
  bios: string;
  vgaBios: string;
  kernel: string;
  initrd: string;
}

/** Reads a file, unpacked. */
async function read(path: string): Promise<ArrayBuffer> {
  const bytes = await readFile(path);
  return new Uint8Array(path.endsWith(".gz") ? await promisify(gunzip)(bytes) : bytes).buffer;
}

/** Boots the machine from kernel and initrd, to the point where a TPM can be started. Takes a few seconds. */
export async function bootHiddenMachine(parts: HiddenParts): Promise<HiddenMachine> {
  return HiddenMachine.boot({
    V86,
    wasm: await read(WASM),
    images: {
      bios: await read(parts.bios),
      vgaBios: await read(parts.vgaBios),
      kernel: await read(parts.kernel),
      initrd: await read(parts.initrd),
    },
  });
}

/** Boots the machine and writes its state to `path`. */
export async function buildHiddenState(parts: HiddenParts, path: string): Promise<void> {
  const machine = await bootHiddenMachine(parts);
  try {
    const state = await machine.saveState();
    await writeFile(path, await promisify(gzip)(new Uint8Array(state), { level: 9 }));
  } finally {
    await machine.stop();
  }
}
