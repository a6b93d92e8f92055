/** PCR values of one bank, by index. */
export interface PcrBank {
  /** Lower-case algorithm name, as tpm2-tools writes it: "sha1", "sha256", "sha384", "sha512". */
  algorithm: string;
  values: Uint8Array[];
}
