/** Loads what a boot needs, from the page's own server, from addresses, and from the user's files. */
import type { HiddenImages } from "../hidden/machine.ts";
import { ImageLoadError, loadImage, loadManifest } from "../images/load.ts";
import { type ImageFile, type ImageManifest, MANIFEST_URL, type PreparedFile } from "../images/manifest.ts";
import { Drive } from "../machine/drive/drive.ts";
import type { DriveSource } from "../machine/drive/source.ts";
import type { UefiImage } from "../machine/v86/uefi/uefi-machine.ts";
import { uefiKernel, whyNotUefi } from "../page-model/firmware.ts";
import { bootPlan, imageName } from "../page-model/image-slots.ts";
import type { BootSettings, ImageChoice, ImageSlot, ImagesInfo } from "../page-model/model.ts";
import { whyNotPrepared } from "../page-model/prepared.ts";
import { misfit, PreparedError, type PreparedMachine, readPrepared } from "../session/prepared.ts";
import { Downloads, type Progress } from "./downloads.ts";
import { fileDrive, loadedDrive, type RangedUrl, rangedDrive, validatorOf } from "./drive-sources.ts";

/** Everything a boot needs, loaded. */
export interface BootImages {
  bios: ArrayBuffer;
  vgaBios: ArrayBuffer;
  /** In place of the BIOS, where the machine is to have UEFI. */
  uefi?: UefiImage;
  /** For a direct boot. */
  linux?: {
    kernel: Uint8Array;
    initrd?: Uint8Array;
    cmdline: string;
    kernelName: string;
    initrdName: string;
  };
  drives: { hda?: Drive; cdrom?: Drive; fda?: { buffer: ArrayBuffer } };
  /** The hidden TPM machine, where the TPM is to run in it. */
  hidden?: HiddenImages;
  /** Where the machine goes on, where it is not to boot. */
  prepared?: PreparedMachine;
  /** What boots, in words. */
  label: string;
}

/** Drives above this size are read piece by piece, where the server can do that. */
const LARGE_DRIVE = 64 * 2 ** 20;
const DRIVES = ["hda", "cdrom"] as const;

const manifestUrl = () => new URL(MANIFEST_URL, document.baseURI);

/** @throws {ImageLoadError} */
export function readManifest(): Promise<ImageManifest> {
  return loadManifest(manifestUrl());
}

/** What the page shows of a manifest. */
export function imagesInfo(manifest: ImageManifest): ImagesInfo {
  const { guest, kernels, kernel, kernelBuild, prepared, uefi, uefiBuild } = manifest;
  const list = (["small", "stock"] as const).flatMap((name) => {
    const image = kernels[name];
    if (!image) return [];
    const { release, size, cmdline, efi } = image;
    return [{ name, release, size, cmdline, efi: efi !== undefined }];
  });
  return {
    guest,
    kernels: list,
    kernel,
    ...(prepared && { prepared: preparedInfo(prepared) }),
    ...(kernelBuild && { build: kernelBuild }),
    ...(uefi && { uefi: { version: uefi.version } }),
    ...(uefiBuild && { uefiBuild }),
  };
}

function preparedInfo({ size, belongsTo }: PreparedFile): NonNullable<ImagesInfo["prepared"]> {
  const { tpmVersion: tpm, memorySize, cmdline } = belongsTo;
  return { tpm, kernel: "small", memory: memorySize / 2 ** 20, cmdline, size };
}

/** @throws {ImageLoadError} {PreparedError} when it cannot be used, or is not what the manifest tells of. */
async function loadPrepared(file: PreparedFile, downloads: Downloads): Promise<PreparedMachine> {
  const machine = readPrepared(new Uint8Array(await loadOwn(file, "the prepared machine", downloads)));
  const other = misfit(machine.belongsTo, file.belongsTo);
  if (other) throw new PreparedError(`The prepared machine does not fit: ${other}.`);
  return machine;
}

function loadOwn(file: ImageFile, name: string, downloads: Downloads): Promise<ArrayBuffer> {
  const tell = downloads.add(name);
  return loadImage(file, manifestUrl(), (done) => tell(done, file.unpackedSize));
}

function loadHiddenState({ hiddenState }: ImageManifest, downloads: Downloads): Promise<ArrayBuffer> {
  if (!hiddenState) {
    throw new ImageLoadError(
      "The hidden machine that would run the TPM has not been made yet: it comes with the small kernel. Start the bridge (`npm start`), or run `npm run kernel`.",
    );
  }
  return loadOwn(hiddenState, "the hidden TPM machine", downloads);
}

async function loadFirmware(
  { bios, vgaBios }: ImageManifest,
  downloads: Downloads,
): Promise<Pick<BootImages, "bios" | "vgaBios">> {
  const load = (file: ImageFile, name: string) => loadOwn(file, name, downloads);
  const [system, vga] = await Promise.all([load(bios, "the firmware"), load(vgaBios, "the VGA firmware")]);
  return { bios: system, vgaBios: vga };
}

/** @throws {ImageLoadError} when these settings and this server have no UEFI firmware to boot. */
async function loadUefi(
  manifest: ImageManifest,
  settings: BootSettings,
  downloads: Downloads,
): Promise<UefiImage> {
  const why = whyNotUefi(settings, imagesInfo(manifest));
  const { uefi } = manifest;
  if (why || !uefi) throw new ImageLoadError(why ?? "This server has no UEFI firmware.");
  const [code, variables] = await Promise.all([
    loadOwn(uefi.code, "the UEFI firmware", downloads),
    loadOwn(uefi.vars, "the UEFI firmware's variables", downloads),
  ]);
  return { code: new Uint8Array(code), variables: new Uint8Array(variables) };
}

/**
 * What the hidden TPM machine is restored from, where nothing else is loaded.
 * @throws {ImageLoadError} when this server does not have it.
 */
export async function loadHiddenMachine(manifest: ImageManifest): Promise<HiddenImages> {
  const downloads = new Downloads(() => undefined);
  const firmware = loadFirmware(manifest, downloads);
  const [state, { bios, vgaBios }] = await Promise.all([loadHiddenState(manifest, downloads), firmware]);
  return { bios, vgaBios, state };
}

/**
 * Loads all at once.
 * @param hidden whether the TPM's own machine is needed
 * @throws {ImageLoadError} naming the image that could not be had.
 * @throws {DriveError} when a drive cannot be read at all.
 */
export async function loadBootImages(
  manifest: ImageManifest,
  settings: BootSettings,
  hidden: Promise<boolean>,
  progress: Progress,
): Promise<BootImages> {
  const downloads = new Downloads(progress);
  const { images } = settings;
  const drives: BootImages["drives"] = {};
  const { prepared: file } = manifest;
  const fits = settings.start === "prepared" && !whyNotPrepared(settings, imagesInfo(manifest));
  const [firmware, uefi, linux, state, prepared] = await Promise.all([
    loadFirmware(manifest, downloads),
    settings.firmware === "uefi" ? loadUefi(manifest, settings, downloads) : undefined,
    startsFromDrive(settings) ? undefined : loadLinux(manifest, settings, downloads),
    hidden.then((needed) => (needed ? loadHiddenState(manifest, downloads) : undefined)),
    fits && file ? loadPrepared(file, downloads) : undefined,
    ...DRIVES.map(async (slot) => {
      const choice = images[slot];
      if (choice) drives[slot] = await new Drive(await driveSource(choice, slot, downloads)).open();
    }),
    (async () => {
      // v86's floppy has no way to wait for a piece.
      if (images.fda) drives.fda = { buffer: await loadWhole(images.fda, "fda", downloads) };
    })(),
  ]);
  return {
    ...firmware,
    drives,
    ...(uefi && { uefi }),
    ...(linux && { linux: linux.image }),
    ...(state && { hidden: { ...firmware, state } }),
    ...(prepared && { prepared }),
    label: `${linux?.label ?? bootPlan(settings)}${uefi ? ", UEFI" : ""}${prepared ? ", prepared" : ""}`,
  };
}

function startsFromDrive({ images, kernel }: BootSettings): boolean {
  return (
    !images.kernel &&
    kernel === "auto" &&
    !images.initrd &&
    (["hda", "cdrom", "fda"] as const).some((slot) => images[slot])
  );
}

async function loadLinux(
  manifest: ImageManifest,
  settings: BootSettings,
  downloads: Downloads,
): Promise<{ image: NonNullable<BootImages["linux"]>; label: string }> {
  const { images } = settings;
  const { name, standard, file } = chosenKernel(manifest, settings);
  if (!standard && !images.kernel) {
    throw new ImageLoadError(
      `The ${name} kernel has not been built yet. Choose another kernel, or wait until the status line says it is there.`,
    );
  }
  const [kernel, initrd] = await Promise.all([
    images.kernel
      ? loadWhole(images.kernel, "kernel", downloads)
      : loadOwn(file!, `the ${name} kernel`, downloads),
    images.initrd
      ? loadWhole(images.initrd, "initrd", downloads)
      : loadOwn(manifest.initrd, "the guest (initrd)", downloads),
  ]);
  return {
    label: images.kernel ? bootPlan(settings) : `Linux ${standard!.release} (${name} kernel)`,
    image: {
      kernel: new Uint8Array(kernel),
      initrd: new Uint8Array(initrd),
      cmdline: settings.cmdline ?? standard?.cmdline ?? manifest.cmdline,
      kernelName: `(direct)/${images.kernel ? imageName(images.kernel) : "vmlinuz"}`,
      initrdName: `(direct)/${images.initrd ? imageName(images.initrd) : "initrd"}`,
    },
  };
}

/** The kernel of this server, and the file of it that the firmware can start. */
function chosenKernel(manifest: ImageManifest, settings: BootSettings) {
  const usual = settings.kernel === "auto" ? manifest.kernel : settings.kernel;
  const uefi = settings.firmware === "uefi";
  const name = uefi ? (uefiKernel(settings, imagesInfo(manifest)) ?? usual) : usual;
  const standard = manifest.kernels[name];
  return { name, standard, file: uefi ? standard?.efi : standard };
}

/** A drive: whole into memory, or, when it is large, by pieces as the guest asks for them. */
async function driveSource(choice: ImageChoice, slot: ImageSlot, downloads: Downloads): Promise<DriveSource> {
  if (choice.kind === "file") return fileDrive(choice.file);
  const ranged = await rangedUrl(new URL(choice.url, document.baseURI).href, imageName(choice));
  if (ranged && ranged.size >= LARGE_DRIVE) return rangedDrive(ranged);
  return loadedDrive(imageName(choice), await loadWhole(choice, slot, downloads));
}

/** What is to be known of a file whose server gives out pieces of it; undefined when it does not, or does not say. */
async function rangedUrl(url: string, name: string): Promise<RangedUrl | undefined> {
  try {
    const { ok, headers } = await fetch(url, { method: "HEAD", cache: "no-store" });
    const size = Number(headers.get("Content-Length"));
    const pieces = ok && headers.get("Accept-Ranges") === "bytes" && size > 0;
    return pieces ? { name, url, size, validator: validatorOf(headers) } : undefined;
  } catch {
    return undefined; // the whole download will say what is wrong
  }
}

async function loadWhole(choice: ImageChoice, slot: ImageSlot, downloads: Downloads): Promise<ArrayBuffer> {
  const name = imageName(choice);
  if (choice.kind === "file") {
    try {
      return await choice.file.arrayBuffer();
    } catch (cause) {
      throw new ImageLoadError(`The file ${name} could not be read; pick it again.`, { cause });
    }
  }
  const response = await fetchImage(new URL(choice.url, document.baseURI), slot);
  const size = Number(response.headers.get("Content-Length"));
  const tell = downloads.add(name);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let done = 0;
  const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    done += part.value.length;
    tell(done, size);
  }
  return new Blob(parts).arrayBuffer();
}

async function fetchImage(url: URL, slot: ImageSlot): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    const foreign = url.origin !== location.origin;
    const advice = foreign
      ? "Its server must allow other pages to read it (CORS); otherwise download it and pick the file."
      : "Is the server that gave this page still running?";
    throw new ImageLoadError(`The ${slot} image ${url} could not be fetched. ${advice}`, { cause });
  }
  const problem = response.ok ? notAnImage(response) : `the server answered ${response.status}`;
  if (problem) throw new ImageLoadError(`The ${slot} image ${url} could not be fetched: ${problem}.`);
  return response;
}

/** Many servers answer with a page of theirs where there is no such file. */
function notAnImage({ headers, body }: Response): string | undefined {
  if (!body) return "the answer was empty";
  return headers.get("Content-Type")?.startsWith("text/html")
    ? "the answer is a web page, not an image"
    : undefined;
}
