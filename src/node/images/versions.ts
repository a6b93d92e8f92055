/**
 * The one place with versions: every Debian package and source package that goes into an image, as it was tried. All
 * come from the main archive of Debian 12, which changes at point releases only, or from its backports. When the archive has moved on, the
 * newer point version is taken instead with a warning (`apt.ts`, `apt-source.ts`).
 */

export interface PinnedPackage {
  name: string;
  version: string;
  /** Of the .deb file, hex. */
  sha256: string;
  /** SPDX expression of what is taken from it. */
  licence: string;
  /** Debian's source package; its files are at https://sources.debian.org/src/<source>/<version>/. */
  source: string;
  /** A package that depends on this one's successor, for names with a version in them. */
  successorOf?: string;
  /** The part of the archive that has it, in place of `SUITE`. */
  suite?: string;
}

/** A source package: its description (.dsc) and the files that this names. */
export interface PinnedSource {
  name: string;
  version: string;
  /** SHA-256 of each file, hex. */
  files: Readonly<Record<string, string>>;
  /** SPDX expression of what is taken from it. */
  licence: string;
}

export const SUITE = "bookworm";
export const ARCHITECTURE = "i386";

const TPM2_TSS = { version: "3.2.1-3", licence: "BSD-2-Clause", source: "tpm2-tss" } as const;

export const PACKAGES = {
  seabios: {
    name: "seabios",
    version: "1.16.2-1",
    sha256: "08e5b3f761379f17a6051731cafa03e97686049e2cc1b8bdccc5a910646e2d8e",
    licence: "LGPL-3.0-only",
    source: "seabios",
  },
  stockKernel: {
    name: "linux-image-6.1.0-50-686",
    version: "6.1.176-1",
    sha256: "526c469c5148a2b61c4241c3f6575427096575e0ffef9541b6729351c600b3e4",
    licence: "GPL-2.0-only",
    source: "linux",
    successorOf: "linux-image-686",
  },
  kernelSource: {
    // Not 6.1: its tpm_tis takes no interrupt (it tests the line while no locality is its own; mended in 6.4).
    name: "linux-source-6.12",
    version: "6.12.95-1~bpo12+1",
    sha256: "a7fe4673af74236c99dad9766eca714a198e50a07e5d659e63ec312ae6afccfe",
    licence: "GPL-2.0-only",
    source: "linux",
    suite: "bookworm-backports",
  },
  busybox: {
    name: "busybox-static",
    version: "1:1.35.0-4+deb12u1+b1",
    sha256: "725ef9e6fbac4ab79b353165b05005e8c140d6e42177ebbc202ff1e13ded8b7c",
    licence: "GPL-2.0-only",
    source: "busybox",
  },
  tpm2Tools: {
    name: "tpm2-tools",
    version: "5.4-1",
    sha256: "eea7dde665f0423ed4e6c2ca5125c0a3c393c546ebec3a348bf9644a85e7f9c9",
    licence: "BSD-3-Clause",
    source: "tpm2-tools",
  },
  libc: {
    name: "libc6",
    version: "2.36-9+deb12u14",
    sha256: "76b12e06be66ec3fc2c1791d7d8cf34c2b828ed210e3913feeeb8edc9688f820",
    licence: "LGPL-2.1-or-later",
    source: "glibc",
  },
  openssl: {
    name: "libssl3",
    version: "3.0.20-1~deb12u2",
    sha256: "dd62209dd6c12bb9240f4fab882b7d4e16e7d5f00f31304b8d9c35c5d431b662",
    licence: "Apache-2.0",
    source: "openssl",
  },
  tssEsys: {
    ...TPM2_TSS,
    name: "libtss2-esys-3.0.2-0",
    sha256: "2b05631942e58a309022d4e343ff083924b542deda9cf38fc1c0395e5f8b6907",
  },
  tssMu: {
    ...TPM2_TSS,
    name: "libtss2-mu0",
    sha256: "87f4b5b4c0e9a64dcdbecf1125f7615786f8ee5e09901df8e190c5b1e12becb9",
  },
  tssRc: {
    ...TPM2_TSS,
    name: "libtss2-rc0",
    sha256: "3bd4c789bd3a108ec51116e5c436db6140139405a566d302e2d6b926ba46d760",
  },
  tssSys: {
    ...TPM2_TSS,
    name: "libtss2-sys1",
    sha256: "cbafcb64fac8d76ad1de1382fe7550cc806785dec1adbc220d161a46c8177a63",
  },
  tssTctiLoader: {
    ...TPM2_TSS,
    name: "libtss2-tctildr0",
    sha256: "b1b1282bed0710304bf57b0a6a8318529471ffb7b18695cac1bd51c95fa73490",
  },
  tssTctiDevice: {
    ...TPM2_TSS,
    name: "libtss2-tcti-device0",
    sha256: "1f1e95a64542e9d0a5edd661bb2bdb9e06fbc8d83a0f89b177855e2729eb3240",
  },
  swtpm: {
    name: "swtpm",
    version: "0.7.1-1.3",
    sha256: "f4395d325ef6f295d2867a84190c98eee2ae79ace70cdf31d1e244342cb05773",
    licence: "BSD-3-Clause",
    source: "swtpm",
  },
  swtpmLibs: {
    name: "swtpm-libs",
    version: "0.7.1-1.3",
    sha256: "221eeb2c8617e4d7d1554ad7be83b0ea505c894267ec366ff160133aaf67cb41",
    licence: "BSD-3-Clause",
    source: "swtpm",
  },
  libtpms: {
    name: "libtpms0",
    version: "0.9.2-3.1+deb12u1",
    sha256: "9389da4bc7d4422eac047a635fcee91e05f8ad2bbcf9115f3387ab53b404dc56",
    licence: "BSD-3-Clause",
    source: "libtpms",
  },
  seccomp: {
    name: "libseccomp2",
    version: "2.5.4-1+deb12u1",
    sha256: "acf0383c6c39cd97735a461a422ecf5c7789f9049a65b43c74711e576d403698",
    licence: "LGPL-2.1-only",
    source: "libseccomp",
  },
  shim: {
    name: "shim-signed",
    version: "1.51~1+deb12u1+16.1-2~deb12u1",
    sha256: "c3497d2a2527e04e074c668cf4a524f6c05b6a05b150c8c888547d4e438dbca9",
    licence: "BSD-2-Clause",
    source: "shim-signed",
  },
  grub: {
    name: "grub-efi-ia32-signed",
    version: "1+2.06+13+deb12u2",
    sha256: "119bb58be7475f6f590bd9e40d8d74bd821cb1056437b105115463912fd2c50b",
    licence: "GPL-3.0-or-later",
    source: "grub-efi-ia32-signed",
  },
  systemdBoot: {
    name: "systemd-boot-efi",
    version: "252.39-1~deb12u2",
    sha256: "3ac62e55e6d9bcf7dca6e5a5a4693744b8da89d1523f31cd8d962d262b6e27bc",
    licence: "LGPL-2.1-or-later",
    source: "systemd",
  },
  // Of its files, the variables alone: keys and certificates of the vendors.
  ovmf: {
    name: "ovmf",
    version: "2022.11-6+deb12u2",
    sha256: "e73d3d1a8799f7f6fc16b73501d913edcdd86237556fbff30693e747e6dc262e",
    licence: "BSD-2-Clause-Patent",
    source: "edk2",
  },
} as const satisfies Record<string, PinnedPackage>;

/** For the machine in which tests run programs of an amd64 host with devices that the host does not have. */
export const HOST_KERNEL: PinnedPackage = {
  name: "linux-image-6.1.0-50-amd64",
  version: "6.1.176-1",
  sha256: "7b5597492a0a65aee61985a492e6bcc3f2cde830072a0e3b3d8c7e1b90279bd3",
  licence: "GPL-2.0-only",
  source: "linux",
  successorOf: "linux-image-amd64",
};

const PYTHON = { version: "3.11.2-6+deb12u8", licence: "PSF-2.0", source: "python3.11" } as const;

/** For the guest in which the kernel's own TPM self-tests run: Python, and the libraries that it needs beside libc's. */
export const GUEST_PYTHON: readonly PinnedPackage[] = [
  {
    ...PYTHON,
    name: "python3.11-minimal",
    sha256: "fdd91419e5e70ecbc7f732f9fb1246e7395bc9ba7df03ef00e93f6a75a0b8a11",
  },
  {
    ...PYTHON,
    name: "libpython3.11-minimal",
    sha256: "306a8ea53e09eee11168b4f482dd5fb6af68a2ba76ec757ef6317329658aa8c6",
  },
  {
    ...PYTHON,
    name: "libpython3.11-stdlib",
    sha256: "5c38a48d9e63eabaab851fc00f6a2c838960f0bd25187a2da4ca0a510cc98a3f",
  },
  {
    name: "libexpat1",
    version: "2.5.0-1+deb12u2",
    sha256: "002fa75e3acfa317aee466c83e4f709db027d25110d2c548fd9483e196e3659d",
    licence: "MIT",
    source: "expat",
  },
  {
    name: "zlib1g",
    version: "1:1.2.13.dfsg-1",
    sha256: "3ca84a1245347652b7e1f8694db222851f7f1e7060515b21e1439b0cf84f96e1",
    licence: "Zlib",
    source: "zlib",
  },
];

export const SOURCES = {
  edk2: {
    name: "edk2",
    version: "2022.11-6+deb12u2",
    files: {
      "edk2_2022.11-6+deb12u2.dsc": "3129d783c9017f738af4453c9f94a2fdfba2ee91cf409c0c3623b31377e76cc6",
      "edk2_2022.11.orig.tar.xz": "64257dd8a2778c969b8a869cd3b6eda2db2a346bfcf24dc729859745968f1fd6",
      "edk2_2022.11-6+deb12u2.debian.tar.xz":
        "a1d848115ae9b140e64d3ab34f7c08210b665bee473e3242a6801c163678780e",
    },
    // edk2's own, and the OpenSSL within it.
    licence: "BSD-2-Clause-Patent AND OpenSSL",
  },
} as const satisfies Record<string, PinnedSource>;
