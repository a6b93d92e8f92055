/** Loads what a boot needs, from the page's own server, from addresses, and from the user's files. */
import type { HiddenImages } from "../../backend/hidden/machine.ts";
import { fromBase64 } from "../../machine/base64.ts";
import { Drive } from "../../machine/drive/drive.ts";
import type { DriveLayer } from "../../machine/drive/queue.ts";
import type { DriveSource } from "../../machine/drive/source.ts";
import type { UefiImage } from "../../machine/v86/uefi/uefi-machine.ts";
import { attachSignature } from "../../protocol/uefi/authenticode.ts";
import { hiddenStateOf } from "../../session/images/hidden.ts";
import { ImageLoadError, loadImage } from "../../session/images/load.ts";
import type { ImageFile, ImageManifest, PreparedFile } from "../../session/images/manifest.ts";
import { misfit, PreparedError, type PreparedMachine, readPrepared } from "../../session/prepared.ts";
import { uefiKernel, whyNotUefi } from "../model/firmware.ts";
import { bootPlan, imageName } from "../model/image-slots.ts";
import type { BootSettings, ImageChoice, ImageSlot } from "../model/model.ts";
import { whyNotPrepared } from "../model/prepared.ts";
import { Downloads, type Progress } from "./downloads.ts";
import {
  emptyDrive,
  fileDrive,
  loadedDrive,
  type RangedUrl,
  rangedDrive,
  validatorOf,
} from "./drive-sources.ts";
import { imagesInfo, manifestUrl, ownImage } from "./manifest.ts";

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

function loadHiddenState(manifest: ImageManifest, downloads: Downloads): Promise<ArrayBuffer> {
  return loadOwn(hiddenStateOf(manifest), "the hidden TPM machine", downloads);
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

/** UEFI's variables as they leave the factory. @throws {ImageLoadError} when this server has no UEFI firmware. */
export async function loadFactoryVariables({ uefi }: ImageManifest): Promise<Uint8Array> {
  if (!uefi) throw new ImageLoadError("this server has no UEFI firmware yet");
  return new Uint8Array(
    await loadOwn(uefi.vars, "the UEFI firmware's variables", new Downloads(() => undefined)),
  );
}

/** The kernel of this server that UEFI firmware starts, unsigned. @throws {ImageLoadError} when there is none. */
export async function loadUefiKernel(manifest: ImageManifest, settings: BootSettings): Promise<Uint8Array> {
  const { name, file } = chosenKernel(manifest, { ...settings, firmware: "uefi" });
  if (!file) throw new ImageLoadError(`there is no ${name} kernel yet that UEFI firmware can start`);
  return new Uint8Array(await loadOwn(file, `the ${name} kernel`, new Downloads(() => undefined)));
}

/**
 * The kernel as the settings want it.
 * @throws {ImageLoadError} when this server has no signature of it.
 */
function withSignature(kernel: Uint8Array, { signature }: BootSettings, own: string | undefined): Uint8Array {
  if (signature === "none") return kernel;
  if (own === undefined) throw new ImageLoadError("This server has not signed its kernel: start it anew.");
  const signed = attachSignature(kernel, fromBase64(own));
  if (signature === "signed") return signed;
  const at = kernel.length >> 1;
  return signed.with(at, signed[at]! ^ TAMPERED_BIT);
}

const SIGNATURE_WORDS = { none: "", signed: ", signed", tampered: ", signed and changed" };
const TAMPERED_BIT = 0x10;

/** Opens what keeps the writes of a disk; undefined where they end with the machine. */
export type OpenLayer = (source: DriveSource) => Promise<DriveLayer | undefined>;

/**
 * Loads all at once.
 * @param hidden whether the TPM's own machine is needed
 * @param openLayer called last, when everything else is there: who has the images has to close their drives
 * @throws {ImageLoadError} naming the image that could not be had.
 * @throws {DriveError} when a drive cannot be read at all.
 */
export async function loadBootImages(
  manifest: ImageManifest,
  settings: BootSettings,
  hidden: Promise<boolean>,
  openLayer: OpenLayer,
  progress: Progress,
): Promise<BootImages> {
  const downloads = new Downloads(progress);
  const { images } = settings;
  const drives: BootImages["drives"] = {};
  const sources: Partial<Record<(typeof DRIVES)[number], DriveSource>> = {};
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
      if (choice) sources[slot] = await driveSource(manifest, choice, slot, downloads);
    }),
    (async () => {
      // v86's floppy has no way to wait for a piece.
      if (images.fda) drives.fda = { buffer: await loadWhole(images.fda, "fda", downloads) };
    })(),
  ]);
  const { hda, cdrom } = sources;
  if (cdrom) drives.cdrom = await new Drive(cdrom).open();
  if (hda) drives.hda = await openDisk(hda, openLayer);
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

/** For images of which no machine was made. */
export async function closeDrives({ drives: { hda, cdrom } }: BootImages): Promise<void> {
  const ends = await Promise.allSettled([hda?.close(), cdrom?.close()]);
  for (const end of ends) if (end.status === "rejected") console.warn("closing a drive:", end.reason);
}

async function openDisk(source: DriveSource, openLayer: OpenLayer): Promise<Drive> {
  const drive = new Drive(source, await openLayer(source));
  return drive.open().catch(async (error) => {
    await drive.close().catch(() => undefined); // why it cannot be read says more
    throw error;
  });
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
  const uefi = settings.firmware === "uefi";
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
    label: images.kernel
      ? bootPlan(settings)
      : `Linux ${standard!.release} (${name} kernel${SIGNATURE_WORDS[uefi ? settings.signature : "none"]})`,
    image: {
      kernel:
        uefi && !images.kernel
          ? withSignature(new Uint8Array(kernel), settings, standard?.efi?.signature)
          : new Uint8Array(kernel),
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
async function driveSource(
  manifest: ImageManifest,
  choice: ImageChoice,
  slot: ImageSlot,
  downloads: Downloads,
): Promise<DriveSource> {
  if (choice.kind === "file") return fileDrive(choice.file);
  if (choice.kind === "empty") return emptyDrive(imageName(choice), choice.size);
  const own = ownImage(manifest, choice.url);
  if (own) return loadedDrive(imageName(choice), await loadOwn(own, "the disk", downloads));
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
  if (choice.kind === "empty") throw new ImageLoadError(`There is no empty ${slot} image.`);
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
