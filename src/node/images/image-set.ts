/**
 * All images together: makes those that are missing, and describes those that are there as the manifest that the
 * page reads.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type {
  BootDisks,
  DiskImage,
  ImageBuild,
  ImageFile,
  ImageManifest,
  ImageSource,
  KernelImage,
  KernelName,
  SecureBootCertificates,
  UefiFirmware,
} from "../../session/images/manifest.ts";
import type { PreparedFor } from "../../session/prepared.ts";
import { Apt } from "./apt.ts";
import { AptSource } from "./apt-source.ts";
import { type BuildName, readBuild, writeBuild } from "./build-status.ts";
import type { Cache } from "./cache.ts";
import { buildDebianDisk, DEBIAN_DISK, DEBIAN_MEMORY } from "./debian-disk.ts";
import { buildBootDisks, GRUB_DISK, SYSTEMD_DISK } from "./disks/boot-disks.ts";
import { BIOS, buildFirmware, VGA_BIOS } from "./firmware.ts";
import { CMDLINE, MEMORY_SIZE, PROMPT } from "./guest-boot.ts";
import { buildHiddenInitrd, HIDDEN_INITRD } from "./hidden-initrd.ts";
import { buildHiddenState, HIDDEN_STATE, type HiddenParts } from "./hidden-state.ts";
import { keys, type SetPart } from "./image-keys.ts";
import { buildInitrd, INITRD } from "./initrd.ts";
import { PREPARED_START } from "./prepared-key.ts";
import { type Entry, type Produced, type ProduceRecipe, produce, readEntry } from "./produce.ts";
import { type OnProgress, step } from "./progress.ts";
import {
  buildSecureBootKeys,
  privateKeyOf,
  readSecureBootKeys,
  type TeachingKeys,
} from "./secure-boot/keys.ts";
import { signImage } from "./secure-boot/sign.ts";
import { buildVendorKeys, readVendorKeys } from "./secure-boot/vendor-keys.ts";
import { buildSmallKernel, EFI_KERNEL, type KernelBuildOptions } from "./small-kernel.ts";
import { buildStockKernel, DEBIAN_KERNEL, KERNEL } from "./stock-kernel.ts";
import { buildUefiFirmware, UEFI_CODE, UEFI_VARS } from "./uefi-firmware.ts";

/** Images that were asked for have not been made yet. */
export class ImagesMissingError extends Error {
  override readonly name = "ImagesMissingError";
}

export interface Images {
  manifest: ImageManifest;
  /** The file behind each URL of the manifest. */
  files: Map<string, string>;
  /** The disk behind each URL of the manifest: too large to be read whole, and not for static pages. */
  disks: Map<string, string>;
  /** The stock kernel as Debian ships it, compressed: what other machines than the page's are compared with. */
  debianKernel: string;
}

/** Reads an image as the machine wants it, unpacked. */
export async function readImage({ files }: Images, file: ImageFile): Promise<Uint8Array<ArrayBuffer>> {
  const path = files.get(file.url);
  if (!path) throw new ImagesMissingError(`${file.url} is not among the images`);
  return new Uint8Array(await contentOf(await readFile(path), file.compression));
}

/** What is in a file of the cache, where gzip packs what is packed. */
const contentOf = async (bytes: Buffer, compression: ImageFile["compression"]) =>
  compression === "gzip" ? promisify(gunzip)(bytes) : bytes;

/** For what takes minutes. */
export type BackgroundOptions = Omit<KernelBuildOptions, "report">;

export class ImageSet {
  readonly #cache: Cache;
  readonly #apt: Apt;
  readonly #report: OnProgress;

  constructor(cache: Cache, report: OnProgress) {
    this.#cache = cache;
    this.#report = report;
    this.#apt = new Apt(cache, report);
  }

  async #part(name: SetPart, title: string, build: ProduceRecipe["build"]): Promise<Entry> {
    const tell = step(title, this.#report);
    const key = (await keys())[name];
    return produce(this.#cache, {
      name,
      key,
      onWait: () => tell("another process is making it; waiting"),
      build: async (directory) => {
        tell("making it");
        const produced = await build(directory);
        tell("made");
        return produced;
      },
    });
  }

  /** Makes firmware, stock kernel and guest image where they are missing: some seconds and about 60 MB of downloads. */
  async prepare(): Promise<void> {
    await this.#cache.sweep();
    await this.#part("firmware", "Firmware (SeaBIOS)", (directory) => buildFirmware(this.#apt, directory));
    await this.#part("initrd", "Guest image (busybox, tpm2-tools)", (directory) =>
      buildInitrd(this.#apt, directory),
    );
    await this.#part("stock-kernel", "Linux kernel (Debian's)", (directory) =>
      buildStockKernel(this.#apt, directory),
    );
    await this.#part("secure-boot", "Keys for Secure Boot", buildSecureBootKeys);
  }

  /** Whether everything is there that takes more than seconds to make. */
  async isComplete(): Promise<boolean> {
    const found = await this.#entries();
    return (["small-kernel", "hidden-state", "prepared"] as const).every((name) => found[name]);
  }

  /** The same of what machines with UEFI have besides. */
  async isUefiComplete(): Promise<boolean> {
    const found = await this.#entries();
    return (["uefi-firmware", "vendor-keys", "boot-disks"] as const).every((name) => found[name]);
  }

  /** Makes the hidden TPM machine's saved state where it is missing: some seconds. Needs the small kernel. */
  async prepareHidden(): Promise<void> {
    const { parts, sources } = await this.#hiddenParts();
    await this.#part("hidden-state", "Hidden machine's saved state", async (directory) => {
      await buildHiddenState(parts, join(directory, HIDDEN_STATE));
      return { sources: [], inherited: sources };
    });
  }

  /**
   * Makes the machine that pages can go on with where it is missing: some ten seconds. Needs the small kernel and swtpm.
   * @throws {SwtpmStartError} {PreparedBootError} {ImagesMissingError}
   */
  async preparePrepared(): Promise<void> {
    await this.#part("prepared", "Prepared machine", async (directory) => {
      const images = await this.read();
      const { bios, vgaBios, initrd, kernels } = images.manifest;
      if (!kernels.small)
        throw new ImagesMissingError("the prepared machine needs the small kernel: run `npm run kernel`");
      const files = { bios, vgaBios, kernel: kernels.small, initrd };
      // The emulator and all that belongs to a running TPM are needed for nothing else here.
      const { buildPreparedStart } = await import("./prepared-start.ts");
      const parts = {
        images: {
          bios: await readImage(images, files.bios),
          vgaBios: await readImage(images, files.vgaBios),
          kernel: await readImage(images, files.kernel),
          initrd: await readImage(images, files.initrd),
        },
        belongsTo: preparedFor(files),
        prompt: PROMPT,
      };
      await buildPreparedStart(parts, join(directory, PREPARED_START));
      const all = Object.values(files).flatMap(({ sources }) => sources);
      return { sources: [], inherited: [...new Map(all.map((one) => [one.package, one])).values()] };
    });
  }

  /** What the hidden TPM machine is booted from before it is saved. Needs the small kernel. */
  async hiddenParts(): Promise<HiddenParts> {
    return (await this.#hiddenParts()).parts;
  }

  async #hiddenParts(): Promise<{ parts: HiddenParts; sources: ImageSource[] }> {
    const { firmware, "small-kernel": kernel } = await this.#entries();
    if (!firmware || !kernel)
      throw new ImagesMissingError("the hidden machine needs the small kernel: run `npm run kernel`");
    const initrd = await this.#part("hidden-initrd", "Hidden machine (swtpm)", (directory) =>
      buildHiddenInitrd(this.#apt, directory),
    );
    const parts = {
      bios: join(firmware.directory, BIOS),
      vgaBios: join(firmware.directory, VGA_BIOS),
      kernel: join(kernel.directory, KERNEL),
      initrd: join(initrd.directory, HIDDEN_INITRD),
    };
    return { parts, sources: [...initrd.sources, ...kernel.sources] };
  }

  /** Makes the disks that UEFI firmware starts from, and the vendors' keys: some seconds. Needs the small kernel. */
  async prepareBootDisks(): Promise<void> {
    const found = await this.#entries();
    const { initrd, "stock-kernel": stock, "small-kernel": small, "secure-boot": owner } = found;
    if (!initrd || !stock || !small || !owner)
      throw new ImagesMissingError("the disks for UEFI need the small kernel: run `npm run kernel`");
    await this.#part("vendor-keys", "Vendors' keys for Secure Boot", (directory) =>
      buildVendorKeys(this.#apt, directory),
    );
    await this.#part("boot-disks", "Disks for UEFI", async (directory) => {
      const parts = {
        debianKernel: await readFile(join(stock.directory, DEBIAN_KERNEL)),
        efiKernel: await readFile(join(small.directory, EFI_KERNEL)),
        initrd: await readFile(join(initrd.directory, INITRD)),
        keys: await readSecureBootKeys(owner.directory),
      };
      const { sources } = await buildBootDisks(this.#apt, directory, parts);
      return { sources, inherited: [...initrd.sources, ...stock.sources, ...small.sources] };
    });
  }

  /** Builds the small kernel where it is missing: some minutes. Says in the cache how far it is. */
  async prepareSmallKernel(options: BackgroundOptions): Promise<void> {
    await this.#inBackground("kernel", "small-kernel", "Small Linux kernel", options, (directory, report) =>
      buildSmallKernel(this.#apt, directory, { ...options, report }),
    );
  }

  /** Builds the UEFI firmware where it is missing: some minutes. Says in the cache how far it is. */
  async prepareUefiFirmware(options: BackgroundOptions): Promise<void> {
    const sources = new AptSource(this.#cache, this.#report);
    await this.#inBackground("uefi", "uefi-firmware", "UEFI firmware (OVMF)", options, (directory, report) =>
      buildUefiFirmware(sources, directory, { ...options, report }),
    );
  }

  /** Makes the Debian disk where it is missing: some minutes. Says in the cache how far it is. */
  async prepareDebianDisk(options: BackgroundOptions): Promise<void> {
    await this.#inBackground("debian", "debian-disk", "Debian on a disk", options, (directory, report) =>
      buildDebianDisk(this.#cache, directory, { ...options, report }),
    );
  }

  /** Makes what takes minutes, where it is missing, and says in the cache how far it is. */
  async #inBackground(
    name: BuildName,
    part: SetPart,
    title: string,
    { signal }: BackgroundOptions,
    build: (directory: string, report: KernelBuildOptions["report"]) => Promise<Produced>,
  ): Promise<void> {
    if (this.#cache.has({ name: part, key: (await keys())[part] })) return;
    const tell = step(title, this.#report);
    let told = 0;
    const report = (message: string, percent: number) => {
      tell(message, percent);
      if (Date.now() - told < 500 && percent < 100) return;
      told = Date.now();
      const state: ImageBuild = { state: "building", percent: Math.floor(percent), message };
      writeBuild(this.#cache, name, state).catch((error) =>
        tell(`its progress cannot be shown: ${error.message}`),
      );
    };
    try {
      await this.#part(part, title, (directory) => build(directory, report));
      await writeBuild(this.#cache, name, { state: "done", percent: 100, message: "built" });
    } catch (error) {
      const stopped = signal?.aborted;
      const message = stopped ? "stopped before it was done" : (error as Error).message.split("\n")[0]!;
      await writeBuild(this.#cache, name, { state: "failed", percent: 0, message });
      throw error;
    }
  }

  /**
   * Describes what there is, without making anything.
   * @throws {ImagesMissingError} when `prepare()` has not been run for this version of the recipes.
   */
  async read(): Promise<Images> {
    const files = new Map<string, string>();
    const found = await this.#entries();
    const { firmware, initrd } = found;
    const stock = found["stock-kernel"];
    const small = found["small-kernel"];
    if (!firmware || !initrd || !stock) {
      throw new ImagesMissingError(
        "The guest's images are not there yet: run `npm start` or `npm run images`.",
      );
    }
    const owner = found["secure-boot"] && (await readSecureBootKeys(found["secure-boot"].directory));
    const kernels: ImageManifest["kernels"] = { stock: await kernelImage(files, stock, "stock") };
    if (small) kernels.small = await smallKernelImage(files, small, owner);
    const hidden = found["hidden-state"];
    const vendor = found["vendor-keys"];
    const bootable = found["boot-disks"];
    const kernel = small ? "small" : "stock";
    const kernelBuild = small ? undefined : await readBuild(this.#cache, "kernel");
    const uefi = found["uefi-firmware"];
    const uefiBuild = uefi ? undefined : await readBuild(this.#cache, "uefi");
    const disk = found["debian-disk"];
    const disks = new Map<string, string>();
    const debianBuild = disk ? undefined : await readBuild(this.#cache, "debian");
    const common = {
      bios: await imageFile(files, firmware, BIOS),
      vgaBios: await imageFile(files, firmware, VGA_BIOS),
      initrd: await imageFile(files, initrd, INITRD),
    };
    const prepared = small &&
      found.prepared && {
        ...(await imageFile(files, found.prepared, PREPARED_START)),
        belongsTo: preparedFor({ ...common, kernel: kernels.small! }),
      };
    const manifest: ImageManifest = {
      ...common,
      kernels,
      kernel,
      cmdline: CMDLINE[kernel],
      guest: guestDescription(kernels[kernel]!, initrd),
      memorySize: MEMORY_SIZE,
      prompt: PROMPT,
      ...(kernelBuild ? { kernelBuild } : {}),
      ...(uefi ? { uefi: await uefiFirmware(files, uefi) } : {}),
      ...(uefiBuild ? { uefiBuild } : {}),
      ...(disk ? { debian: await debianDisk(disks, disk) } : {}),
      ...(debianBuild ? { debianBuild } : {}),
      ...(owner ? { secureBoot: certificatesOf(owner) } : {}),
      ...(vendor ? { vendorKeys: await readVendorKeys(vendor.directory) } : {}),
      ...(bootable ? { bootDisks: await bootDisks(files, bootable) } : {}),
      ...(hidden ? { hiddenState: await imageFile(files, hidden, HIDDEN_STATE) } : {}),
      ...(prepared ? { prepared } : {}),
    };
    return { manifest, files, disks, debianKernel: join(stock.directory, DEBIAN_KERNEL) };
  }

  async #entries(): Promise<Partial<Record<SetPart, Entry>>> {
    const all = Object.entries(await keys()).map(async ([name, key]) => {
      const recipe = { name, key };
      return [name, this.#cache.has(recipe) ? await readEntry(this.#cache.path(recipe)) : undefined];
    });
    return Object.fromEntries(await Promise.all(all));
  }
}

/** What the prepared machine is booted from, and with: the key of the recipe stands for the same. */
function preparedFor(files: Record<keyof PreparedFor["images"], ImageFile>): PreparedFor {
  const { bios, vgaBios, kernel, initrd } = files;
  return {
    tpmVersion: "2.0",
    memorySize: MEMORY_SIZE,
    cmdline: CMDLINE.small,
    images: { bios: bios.sha256, vgaBios: vgaBios.sha256, kernel: kernel.sha256, initrd: initrd.sha256 },
  };
}

function guestDescription(kernel: KernelImage, initrd: Entry): string {
  const version = (name: string) => initrd.sources.find((source) => source.package === name)?.version ?? "";
  return `Linux ${kernel.release}, busybox ${version("busybox-static").replace(/^\d+:/, "")}, tpm2-tools ${version("tpm2-tools")}`;
}

/** Digests of files that do not change once they are in the cache. */
const described = new Map<string, Pick<ImageFile, "size" | "sha256" | "unpackedSize">>();

async function imageFile(files: Map<string, string>, entry: Entry, name: string): Promise<ImageFile> {
  const path = join(entry.directory, name);
  const compression = name.endsWith(".gz") ? "gzip" : "none";
  let facts = described.get(path);
  if (!facts) {
    const bytes = await readFile(path);
    const content = await contentOf(bytes, compression);
    const sha256 = createHash("sha256").update(content).digest("hex");
    facts = { size: bytes.length, sha256, unpackedSize: content.length };
    described.set(path, facts);
  }
  const stem = name.replace(/\..*$/, "");
  const extension = name.slice(stem.length) || extname(name);
  const url = `${stem}-${facts.sha256.slice(0, 12)}${extension}`;
  files.set(url, path);
  return { url, ...facts, compression, sources: entry.sources };
}

/** The key of its recipe stands for its content, which nobody reads whole. */
async function debianDisk(disks: Map<string, string>, { directory, sources }: Entry): Promise<DiskImage> {
  const path = join(directory, DEBIAN_DISK);
  const url = `debian-${(await keys())["debian-disk"]}.img`;
  disks.set(url, path);
  const { size } = await stat(path);
  return { url, size, sources, title: "Debian 12", memorySize: DEBIAN_MEMORY };
}

async function uefiFirmware(files: Map<string, string>, entry: Entry): Promise<UefiFirmware> {
  return {
    code: await imageFile(files, entry, UEFI_CODE),
    vars: await imageFile(files, entry, UEFI_VARS),
    version: entry.release ?? "",
  };
}

async function bootDisks(files: Map<string, string>, entry: Entry): Promise<BootDisks> {
  return {
    grub: await imageFile(files, entry, GRUB_DISK),
    systemd: await imageFile(files, entry, SYSTEMD_DISK),
  };
}

async function kernelImage(files: Map<string, string>, entry: Entry, name: KernelName): Promise<KernelImage> {
  const file = await imageFile(files, entry, KERNEL);
  return { ...file, release: entry.release ?? "", cmdline: CMDLINE[name] };
}

/** With what UEFI firmware starts of it. */
async function smallKernelImage(
  files: Map<string, string>,
  entry: Entry,
  owner: TeachingKeys | undefined,
): Promise<KernelImage> {
  const image = await kernelImage(files, entry, "small");
  const efi = await imageFile(files, entry, EFI_KERNEL);
  const signature = owner && (await signatureOf(join(entry.directory, EFI_KERNEL), owner));
  return { ...image, efi: { ...efi, ...(signature && { signature }) } };
}

/** RSA with this padding signs the same in the same way, always. */
async function signatureOf(path: string, { db }: TeachingKeys): Promise<string> {
  const certificate = Buffer.from(db.certificate, "base64");
  const signature = signImage(await readFile(path), certificate, privateKeyOf(db));
  return Buffer.from(signature).toString("base64");
}

const certificatesOf = ({ pk, kek, db }: TeachingKeys): SecureBootCertificates => ({
  pk: pk.certificate,
  kek: kek.certificate,
  db: db.certificate,
});
