/**
 * Linux's list of measured files (IMA, the Integrity Measurement Architecture), as this folder speaks of it: what
 * /sys/kernel/security/ima/{ascii,binary}_runtime_measurements hold. Each entry was extended into a PCR, mostly 10.
 * Source: the kernel's documentation (Documentation/security/IMA-templates.rst, admin-guide/kernel-parameters) and
 * lists of Linux 6.1.
 */
import type { Problem } from "../limits.ts";

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
  /**
   * Lower-case name of the hash that made `templateDigest`, the same in all entries of a list: SHA-1 in the list of
   * old; newer kernels have a list for each bank besides (`binary_runtime_measurements_sha256`).
   */
  algorithm: string;
  /** Hash of the template data, as the list has it; zeros mark a violation. */
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

export interface ImaList {
  entries: ImaEntry[];
  problems: Problem[];
}

/** Fields of each template, in order. */
const IMA_TEMPLATES: ReadonlyMap<string, readonly string[]> = new Map([
  ["ima", ["d", "n"]],
  ["ima-ng", ["d-ng", "n-ng"]],
  ["ima-ngv2", ["d-ngv2", "n-ng"]],
  ["ima-sig", ["d-ng", "n-ng", "sig"]],
  ["ima-sigv2", ["d-ngv2", "n-ng", "sig"]],
  ["ima-buf", ["d-ng", "n-ng", "buf"]],
  ["ima-modsig", ["d-ng", "n-ng", "sig", "d-modsig", "modsig"]],
  [
    "evm-sig",
    [
      ...["d-ng", "n-ng", "evmsig", "xattrnames", "xattrlengths", "xattrvalues"],
      ...["iuid", "igid", "imode"],
    ],
  ],
]);

/** Field identifiers that the kernel knows: a template may be given by these, with `|` between them. */
const IMA_FIELDS: ReadonlySet<string> = new Set(["d", "n", ...[...IMA_TEMPLATES.values()].flat()]);

/** The fields of a template, by its name or its format (`ima_template_fmt=`); undefined for one that is not known. */
export function templateFields(template: string): readonly string[] | undefined {
  const named = IMA_TEMPLATES.get(template);
  if (named) return named;
  const ids = template.split("|");
  return ids.every((id) => IMA_FIELDS.has(id)) ? ids : undefined;
}

/** The oldest template; its fields are written and hashed without their lengths. */
export const OLD_TEMPLATE = "ima";
