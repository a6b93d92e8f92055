/** A machine like the page's, with a TPM or without one, timed from its making to its shell and in raw TPM commands. */
import { V86, type V86Options } from "v86";
import wasmUrl from "v86/build/v86.wasm?url";
import { BusToCome } from "../../src/machine/bus-to-come.ts";
import { DirectBoot } from "../../src/machine/rom/index.ts";
import { createV86 } from "../../src/machine/v86/create-v86.ts";
import { type RawTimes, timeRawCommands } from "../../src/node/tools/bench-raw.ts";
import { OutputWatch } from "../../src/node/tools/bench-watch.ts";
import { loadImage, loadManifest } from "../../src/session/images/load.ts";
import { type ImageFile, type KernelName, MANIFEST_URL } from "../../src/session/images/manifest.ts";
import { attachTpm, type Tpm } from "../../src/session/tpm.ts";

export interface MachineTimes {
  /** Milliseconds from the making of the machine, images loaded, to the shell's prompt. */
  shellMs: number;
  /** With a TPM: microseconds a command. */
  raw: RawTimes | undefined;
  /** The part of it between tpmGo and the response, as the device's worker sees it: median microseconds by command. */
  execution: RawTimes | undefined;
}

const VGA_MEMORY = 8 * 2 ** 20;
const BOOT_LIMIT_MS = 180_000;

async function loadImages(kernel: KernelName) {
  const url = new URL(`/${MANIFEST_URL}`, location.href);
  const manifest = await loadManifest(url);
  const linux = manifest.kernels[kernel];
  if (!linux) throw new Error(`the ${kernel} kernel has not been built`);
  const load = (file: ImageFile) => loadImage(file, url);
  const [bios, vgaBios] = await Promise.all([load(manifest.bios), load(manifest.vgaBios)]);
  const [kernelBytes, initrd] = await Promise.all([load(linux), load(manifest.initrd)]);
  return {
    bios,
    vgaBios,
    linux: { kernel: new Uint8Array(kernelBytes!), initrd: new Uint8Array(initrd!), cmdline: linux.cmdline },
    prompt: manifest.prompt,
    memorySize: manifest.memorySize,
  };
}

/** Boots as the page does; only `withTpm` makes the difference. */
export async function timeMachine(kernel: KernelName, withTpm: boolean): Promise<MachineTimes> {
  const images = await loadImages(kernel);
  const { memorySize, prompt } = images;
  const watch = new OutputWatch();
  const began = performance.now();
  const options = {
    bios: { buffer: images.bios! },
    vga_bios: { buffer: images.vgaBios },
    memory_size: memorySize,
    vga_memory_size: VGA_MEMORY,
    disable_speaker: true,
  } as V86Options;
  const early = new BusToCome();
  const tpm = withTpm ? attachTpm(early) : undefined;
  const { emulator, bus } = await createV86(V86, options, wasmUrl);
  early.become(bus);
  emulator.add_listener("serial0-output-byte", (byte: number) => watch.feed(String.fromCharCode(byte)));
  new DirectBoot(bus, emulator, images.linux, { memorySize });
  bus.setFirmwareFile("etc/show-boot-menu", Uint8Array.of(0, 0));
  try {
    await tpm?.ready;
    bus.resume();
    const [shell] = (await watch.expect([prompt], BOOT_LIMIT_MS)) as [number];
    const send = (text: string) => emulator.serial0_send(text);
    const raw = tpm && (await timeRawCommands(send, watch, prompt));
    return { shellMs: shell - began, raw, execution: tpm && executionTimes(tpm) };
  } finally {
    await tpm?.close();
    await emulator.destroy();
  }
}

function executionTimes(tpm: Tpm): RawTimes {
  const median = (name: string) => {
    const times = tpm.commands
      .filter((record) => record.name === name && record.origin === "guest")
      .map(({ duration = 0 }) => duration * 1000)
      .sort((a, b) => a - b);
    return [times[times.length >> 1] ?? Number.NaN];
  };
  return {
    GetRandom: median("TPM2_GetRandom"),
    PCR_Read: median("TPM2_PCR_Read"),
    PCR_Extend: median("TPM2_PCR_Extend"),
  };
}
