/**
 * The one place with versions: every Debian package and source package that goes into an image, as it was tried. All
 * come from the main archive of Debian 12, which changes at point releases only. When the archive has moved on, the
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
    name: "linux-source-6.1",
    version: "6.1.176-1",
    sha256: "9305d1a151b8e83dcb88aa11361e7b9513f0c252bdf7f5647e4542762d99c094",
    licence: "GPL-2.0-only",
    source: "linux",
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
} as const satisfies Record<string, PinnedPackage>;

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
