/**
 * The memory in which operating system and firmware leave each other requests: 1 KiB of the platform's own RAM, which a
 * reset of the machine does not touch. The operating system writes there through the TPM device's `_DSM` method
 * (machine/firmware/tpm.asl), firmware reads and answers at the next boot.
 *
 * Layout: QEMU's `docs/specs/tpm.rst`, "ACPI PPI Interface", which EDK2's firmware knows too. Nothing is aligned.
 */

/** Guest-physical, in bytes. Right behind the registers' five pages. */
export const PPI_WINDOW = { base: 0xfed4_5000, size: 0x400 } as const;

/** A field: offset and size in bytes, little-endian; and what it is for. */
interface PpiField {
  readonly offset: number;
  readonly size: number;
  readonly meaning: string;
}

/** Every field, by the name that QEMU's description and its ACPI tables give it. */
export const PPI_FIELDS = {
  FUNC: { offset: 0x000, size: 0x100, meaning: "for each operation, whether it may be asked for" },
  PPIN: { offset: 0x100, size: 1, meaning: "which interrupt wakes firmware; not used" },
  PPIP: { offset: 0x101, size: 4, meaning: "parameter of that interrupt; not used" },
  PPRP: { offset: 0x105, size: 4, meaning: "result of the last operation" },
  PPRQ: { offset: 0x109, size: 4, meaning: "operation asked for; 0 for none" },
  PPRM: { offset: 0x10d, size: 4, meaning: "parameter of the operation asked for" },
  LPPR: { offset: 0x111, size: 4, meaning: "operation that was carried out last" },
  FRET: { offset: 0x115, size: 4, meaning: "result of a call into firmware; not used" },
  NEXT_STEP: { offset: 0x159, size: 1, meaning: "operation that firmware goes on with after a reset" },
  MOVV: { offset: 0x15a, size: 1, meaning: "memory overwrite request" },
} as const satisfies Record<string, PpiField>;

/** What a byte of FUNC says of its operation. */
export const PPI_FUNC = {
  NOT_IMPLEMENTED: 0,
  FIRMWARE_ONLY: 1,
  BLOCKED: 2,
  ALLOWED_WITH_USER: 3,
  ALLOWED: 4,
} as const;

/** Results in PPRP that are not the TPM's (PPI 1.30, "Return TPM Operation Response"). */
export const PPI_RESULT = {
  SUCCESS: 0,
  USER_ABORT: 0xffff_fff0,
  FIRMWARE_FAILURE: 0xffff_fff1,
} as const;

/** MOVV: the guest's memory is to be overwritten at the next reset (TCG Platform Reset Attack Mitigation, section 4). */
export const MOR_CLEAR_MEMORY = 0x01;
