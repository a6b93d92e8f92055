/** The hidden machine in Node, restored from its saved state: what the swtpm and qtest tools, tests and bench start. */
import { V86 } from "v86";
import { HiddenMachine, type HiddenMachineOptions } from "../../backend/hidden/machine.ts";
import { Cache } from "../images/cache.ts";
import { ImageSet, ImagesMissingError, readImage } from "../images/image-set.ts";
import type { OnProgress } from "../images/progress.ts";
import { v86Wasm } from "./node-machine.ts";

/** What the machine boots from, and how large the saved state is on its way. */
export interface HiddenFiles {
  images: HiddenMachineOptions["images"];
  /** Bytes of the compressed state. */
  download: number;
}

/**
 * Reads the saved machine; makes it first (some seconds) where only that is missing.
 * @throws {ImagesMissingError} when the small kernel is missing, saying how to make it.
 */
export async function readHiddenFiles(set = imageSet()): Promise<HiddenFiles> {
  await set.prepareHidden();
  const images = await set.read();
  const { bios, vgaBios, hiddenState } = images.manifest;
  if (!hiddenState)
    throw new ImagesMissingError("the hidden machine has not been made: run `npm run kernel`");
  const load = async (file: typeof bios) => (await readImage(images, file)).buffer;
  return {
    images: { bios: await load(bios), vgaBios: await load(vgaBios), state: await load(hiddenState) },
    download: hiddenState.size,
  };
}

/** Makes what is missing of the saved machine, the small kernel included (some minutes), and reads it. */
export async function makeHiddenFiles(report: OnProgress, signal: AbortSignal): Promise<HiddenFiles> {
  const set = imageSet(report);
  await set.prepare();
  await set.prepareSmallKernel({ signal });
  return readHiddenFiles(set);
}

const imageSet = (report: OnProgress = () => undefined) => new ImageSet(new Cache(), report);

/** Restores the machine; no TPM runs in it yet. */
export async function restoreHiddenMachine(
  files?: HiddenFiles,
  options: Pick<HiddenMachineOptions, "onConsole"> = {},
): Promise<HiddenMachine> {
  const { images } = files ?? (await readHiddenFiles());
  return HiddenMachine.boot({ V86, wasm: v86Wasm(), images, ...options });
}
