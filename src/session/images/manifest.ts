/**
 * What the page learns from `images/manifest.json`: which firmware, kernels and guest image there are, where to fetch
 * them, and what they are. Types only; `node/images` makes and serves it.
 */
import type { PreparedFor } from "../prepared.ts";

/** A package that went into an image, for the page's list of notices. */
export interface ImageSource {
  /** Debian's package name. */
  package: string;
  /** Debian's version of it. */
  version: string;
  /** SPDX expression. */
  licence: string;
  /** Where the source is. */
  source: string;
  /** False when the archive no longer had the version that this project was tried with. */
  pinned: boolean;
}

/** One downloadable file. */
export interface ImageFile {
  /** Relative to the manifest's own URL, e.g. "bios-256k-0a1b2c3d4e5f.bin". The name changes with the content. */
  url: string;
  /** Bytes to download. */
  size: number;
  /** Of what is in it, unpacked, in hex: the same however it is packed. */
  sha256: string;
  /** How the downloaded bytes are packed; `unpack.ts` unpacks them. */
  compression: "none" | "gzip" | "xz";
  /** Bytes after unpacking. */
  unpackedSize: number;
  /** What it was made of. */
  sources: ImageSource[];
}

/** A machine that has booted to its shell, with what it was booted from. */
export interface PreparedFile extends ImageFile {
  belongsTo: PreparedFor;
}

export type KernelName = "small" | "stock";

/** A Linux kernel with the command line that it boots best with. */
export interface KernelImage extends ImageFile {
  /** `uname -r`. */
  release: string;
  cmdline: string;
  /** The same kernel as UEFI firmware starts it, packed as its own build packs it; Debian's is not shipped so. */
  efi?: SignedFile;
}

/** An EFI image with a signature to attach to it, which lets it start where this server's keys are enrolled. */
export interface SignedFile extends ImageFile {
  /** PKCS #7 in DER, in base64; missing until there are keys. */
  signature?: string;
}

/** Certificates for teaching Secure Boot, X.509 in DER, in base64: `protocol/uefi/secure-boot.ts` says what each is. */
export interface SecureBootCertificates {
  pk: string;
  kek: string;
  db: string;
}

/** What a PC from a shop has in these variables: EFI_SIGNATURE_LISTs in base64. */
export interface VendorKeys {
  pk: string;
  kek: string;
  db: string;
  dbx?: string;
}

/** Disks that UEFI firmware starts from. */
export interface BootDisks {
  /** Shim, GRUB and Debian's kernel, as the vendors have signed them. */
  grub: ImageFile;
  /** systemd-boot and a unified kernel image, signed by this server's key. */
  systemd: ImageFile;
}

/** The two halves of a UEFI machine's flash, which lies below 4 GiB: variables first, then code. */
export interface UefiFirmware {
  /** Read only; ends at 4 GiB. */
  code: ImageFile;
  /** The variables as they leave the factory. A machine keeps its own. */
  vars: ImageFile;
  /** Of Debian's source package `edk2`. */
  version: string;
}

/** How far an image is that takes minutes, while `npm start` builds it in the background. */
export interface ImageBuild {
  state: "waiting" | "building" | "done" | "failed";
  /** 0 to 100. */
  percent: number;
  /** One line for people. */
  message: string;
}

/** A disk to boot from as on a PC; too large to be fetched whole, so its server gives out pieces. */
export interface DiskImage extends Pick<ImageFile, "url" | "size" | "sources"> {
  /** For people, e.g. "Debian 12". */
  title: string;
  /** Guest RAM that it was tried with, in bytes. */
  memorySize: number;
}

export interface ImageManifest {
  /** SeaBIOS with its TCG parts. */
  bios: ImageFile;
  /** VGA option ROM. */
  vgaBios: ImageFile;
  initrd: ImageFile;
  kernels: { stock: KernelImage; small?: KernelImage };
  /** The kernel to boot: the small one as soon as there is one. */
  kernel: KernelName;
  /** Command line of that kernel. */
  cmdline: string;
  /** One sentence about the guest, for the page. */
  guest: string;
  /** Guest RAM that the image was tried with, in bytes. v86 puts the initrd at 64 MiB, so 128 MiB is the least. */
  memorySize: number;
  /** What the guest prints when its shell takes commands. */
  prompt: string;
  /** The hidden TPM machine, saved before its swtpm starts; missing until the small kernel is there. */
  hiddenState?: ImageFile;
  /** For a start in a second; missing until the small kernel is there. */
  prepared?: PreparedFile;
  /** Only while the small kernel is missing. */
  kernelBuild?: ImageBuild;
  /** Missing until it is built. */
  uefi?: UefiFirmware;
  /** The owner's keys that this server offers to a machine with UEFI. */
  secureBoot?: SecureBootCertificates;
  /** Those of the vendors, in their place. */
  vendorKeys?: VendorKeys;
  /** Missing until the small kernel is there. */
  bootDisks?: BootDisks;
  /** Only while the UEFI firmware is missing. */
  uefiBuild?: ImageBuild;
  /** Debian as it is installed on a PC; missing until it is made, and in static pages. */
  debian?: DiskImage;
  /** Only while that is missing. */
  debianBuild?: ImageBuild;
}

/** Where the manifest is, relative to the page. */
export const MANIFEST_URL = "images/manifest.json";
