/**
 * What a SeaBIOS image can do, read from the image itself. Two things must be in it for a measured boot on v86:
 * TPM support (Debian's bios-256k.bin has it, bios.bin does not), and SeaBIOS's own ACPI tables. v86 offers no
 * `etc/table-loader`, and releases after 1.16 have dropped the built-in tables that stood in for it.
 */
import { viewOf } from "../../protocol/bytes/view.ts";

export interface FirmwareAbilities {
  /** E.g. "1.16.2-debian-1.16.2-1"; undefined when the image does not say. */
  version: string | undefined;
  /** It measures the boot into a TPM and offers the TPM menu. */
  tpm: boolean;
  /** It brings its own ACPI tables, to which ours can be added. */
  acpi: boolean;
  /** What is wrong with it for a machine with a TPM, in words; undefined when nothing is. */
  problem: string | undefined;
}

const TPM_MENU = "t. TPM Configuration";
const RELEASE = /(?:rel-)?\d+\.\d+\.\d+-[\w.+~-]*(?=\0)/;

/** Looks into a firmware image. */
export function inspectFirmware(image: Uint8Array): FirmwareAbilities {
  const text = new TextDecoder("latin1").decode(image);
  const tpm = text.includes(TPM_MENU);
  const acpi = hasTable(image, text, "DSDT");
  return { version: RELEASE.exec(text)?.[0], tpm, acpi, problem: problem(tpm, acpi) };
}

function problem(tpm: boolean, acpi: boolean): string | undefined {
  if (!tpm) return "this firmware has no TPM support: take SeaBIOS's bios-256k.bin";
  if (!acpi)
    return "this firmware has no ACPI tables of its own, so it cannot learn of the TPM: take SeaBIOS 1.16";
  return undefined;
}

/** Whether a whole ACPI table of this signature lies somewhere in the image: its length fits, its bytes add up to 0. */
function hasTable(image: Uint8Array, text: string, signature: string): boolean {
  const view = viewOf(image);
  for (let at = text.indexOf(signature); at >= 0; at = text.indexOf(signature, at + 1)) {
    if (at + 8 > image.length) return false;
    const length = view.getUint32(at + 4, true);
    if (length < 36 || at + length > image.length) continue;
    const sum = image.subarray(at, at + length).reduce((total, byte) => total + byte, 0);
    if ((sum & 0xff) === 0) return true;
  }
  return false;
}
