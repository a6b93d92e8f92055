/**
 * The hidden TPM machine, booted once to the point before swtpm starts, and saved: a page restores it in a tenth of a
 * second. No TPM and no secret is in it; the kernel's random pool is, which is why every start credits fresh entropy.
 */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { V86 } from "v86";
import { type HiddenImages, HiddenMachine } from "../../backend/hidden/machine.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";

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
  const [kernel, initrd] = await Promise.all([read(parts.kernel), read(parts.initrd)]);
  return start({ ...(await firmware(parts)), kernel, initrd });
}

async function firmware(parts: HiddenParts): Promise<Pick<HiddenImages, "bios" | "vgaBios">> {
  return { bios: await read(parts.bios), vgaBios: await read(parts.vgaBios) };
}

async function start(images: HiddenImages): Promise<HiddenMachine> {
  return HiddenMachine.boot({ V86, wasm: await read(WASM), images });
}

/**
 * Boots the machine and writes its state to `path`, once a machine restored from it has started a TPM.
 * @throws {HiddenMachineError}, or why swtpm does not start: an initrd that was damaged in memory boots all the same.
 */
export async function buildHiddenState(parts: HiddenParts, path: string): Promise<void> {
  const machine = await bootHiddenMachine(parts);
  const state = await machine.saveState().finally(() => machine.stop());
  const packed = await promisify(gzip)(new Uint8Array(state), { level: 9 });
  const restored = await start({ ...(await firmware(parts)), state });
  try {
    const backend = new SwtpmBackend(await restored.start({ version: "2.0" }), {
      version: "2.0",
      owned: true,
    });
    await backend.start();
  } finally {
    await restored.stop();
  }
  await writeFile(path, packed);
}
