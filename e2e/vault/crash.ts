/**
 * A kept machine whose guest counts in its TPM, for `crash.spec.ts`. It boots once; the next pages start from a
 * snapshot of the guest, with the kept TPM, so that a round takes seconds. What the guest prints goes to the console.
 */
import { V86, type V86Options } from "v86";
import wasmUrl from "v86/build/v86.wasm?url";
import type { TpmKeep } from "../../src/backend/port.ts";
import { DirectBoot } from "../../src/machine/rom/index.ts";
import { createV86 } from "../../src/machine/v86/create-v86.ts";
import { fromHex, toHex } from "../../src/protocol/bytes/hex.ts";
import { loadImage, loadManifest } from "../../src/session/images/load.ts";
import { type ImageFile, MANIFEST_URL } from "../../src/session/images/manifest.ts";
import { measurements, startPrepared, takeSnapshot } from "../../src/session/snapshot.ts";
import { attachTpm } from "../../src/session/tpm.ts";
import { openVault } from "../../src/session/vault/index.ts";
import type { Vault } from "../../src/session/vault/types.ts";

const NAME = "counting PC";
const VGA_MEMORY = 2 * 2 ** 20;

/** @param writeThrough false to keep only what the TPM was when it was new: the harness has to notice. */
async function keepOf(vault: Vault, id: string, writeThrough: boolean): Promise<TpmKeep> {
  let first = (await vault.loadTpm(id)) === undefined;
  return {
    load: async () => (await vault.loadTpm(id))?.state,
    async save(state, description) {
      if (!writeThrough && !first) return;
      first = false;
      await vault.saveTpm(id, { state, version: "2.0", description, time: Date.now() });
    },
  };
}

async function start({ writeThrough }: { writeThrough: boolean }): Promise<void> {
  const vault = openVault();
  const { id } = (await vault.find(NAME)) ?? (await vault.create({ name: NAME, tpmVersion: "2.0" }));
  await vault.lock(id);
  const [prepared] = await vault.listSnapshots(id);
  const manifestUrl = new URL(`/${MANIFEST_URL}`, location.href);
  const manifest = await loadManifest(manifestUrl);
  const load = (file: ImageFile) => loadImage(file, manifestUrl);
  const [bios, vgaBios] = await Promise.all([load(manifest.bios), load(manifest.vgaBios)]);
  const options = {
    bios: { buffer: bios },
    vga_bios: { buffer: vgaBios },
    memory_size: manifest.memorySize,
    vga_memory_size: VGA_MEMORY,
    disable_speaker: true,
  } as V86Options;
  const { emulator, bus } = await createV86(V86, options, wasmUrl);
  let text = "";
  emulator.add_listener("serial0-output-byte", (byte: number) => {
    text += String.fromCharCode(byte);
    if (byte !== 10) return;
    console.log(text.trimEnd());
    text = "";
  });
  window.type = (line) => emulator.serial0_send(line);
  const tpm = attachTpm(bus, { keep: await keepOf(vault, id, writeThrough) });
  const parts = { emulator, bus, tpm };
  tpm.on("notice", (message) => console.log(`notice: ${message}`));
  tpm.on("status", ({ phase, message }) => {
    if (phase === "failed") console.log(`failed: ${message}`);
  });
  if (prepared) {
    await tpm.ready;
    const snapshot = await vault.getSnapshot(id, prepared.id);
    const commands = (snapshot.settings.measured as string[]).map(fromHex);
    const { device } = snapshot.tpm;
    await startPrepared(
      parts,
      { ...snapshot, device, emulator: new Uint8Array(snapshot.emulator) },
      commands,
    );
    bus.resume();
    return;
  }
  const linux = manifest.kernels[manifest.kernel]!;
  const [kernel, initrd] = await Promise.all([load(linux), load(manifest.initrd)]);
  const images = { kernel: new Uint8Array(kernel), initrd: new Uint8Array(initrd), cmdline: linux.cmdline };
  new DirectBoot(bus, emulator, images, { memorySize: manifest.memorySize });
  bus.setFirmwareFile("etc/show-boot-menu", Uint8Array.of(0, 0));
  await tpm.ready;
  bus.resume();
  while (!text.includes(manifest.prompt)) await new Promise((resolve) => setTimeout(resolve, 50));
  const state = await takeSnapshot(parts);
  await vault.putSnapshot(id, {
    name: "booted",
    reason: "hand",
    ...state,
    settings: { measured: measurements(parts).map(toHex) },
  });
}

declare global {
  interface Window {
    start: typeof start;
    /** Types into the guest's serial port. */
    type(line: string): void;
  }
}

window.start = start;
