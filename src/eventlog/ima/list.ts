/**
 * Linux's list of measured files (IMA, the Integrity Measurement Architecture), as this folder speaks of it: what
 * /sys/kernel/security/ima/{ascii,binary}_runtime_measurements hold. Each entry was extended into a PCR, mostly 10.
 * Source: the kernel's documentation (Documentation/security/IMA-templates.rst, admin-guide/kernel-parameters) and
 * lists of Linux 6.1.
 */

/** A field of an entry's template, such as `d-ng`: the file's digest. */
export interface ImaField {
  id: string;
  data: Uint8Array;
}

export interface ImaDigest {
  /** Lower-case algorithm name; "sha1" where the template has none. */
  algorithm: string;
  digest: Uint8Array;
}

export interface ImaEntry {
  /** Place in the list, from 0. */
  index: number;
  /** Byte offset in the list. */
  offset: number;
  pcr: number;
  /** SHA-1 of the template data, as the list has it; zeros mark a violation. */
  templateDigest: Uint8Array;
  /** E.g. "ima-ng". */
  template: string;
  /** Empty when the template is not known here. */
  fields: ImaField[];
  /**
   * The file was changed while it was measured, so its content is not known. Such an entry extends all ones.
   */
  violation: boolean;
  /** Path of the file, or the name of what was measured. */
  name: string;
  /** Digest of the file's content. */
  file?: ImaDigest;
}

interface ImaProblem {
  offset: number;
  message: string;
}

export interface ImaList {
  entries: ImaEntry[];
  problems: ImaProblem[];
}

/** Fields of each template, in order. */
export const IMA_TEMPLATES: Readonly<Record<string, readonly string[]>> = {
  ima: ["d", "n"],
  "ima-ng": ["d-ng", "n-ng"],
  "ima-ngv2": ["d-ngv2", "n-ng"],
  "ima-sig": ["d-ng", "n-ng", "sig"],
  "ima-sigv2": ["d-ngv2", "n-ng", "sig"],
  "ima-buf": ["d-ng", "n-ng", "buf"],
  "ima-modsig": ["d-ng", "n-ng", "sig", "d-modsig", "modsig"],
  "evm-sig": [
    ...["d-ng", "n-ng", "evmsig", "xattrnames", "xattrlengths", "xattrvalues"],
    ...["iuid", "igid", "imode"],
  ],
};

/** The oldest template; its fields are written and hashed without their lengths. */
export const OLD_TEMPLATE = "ima";
