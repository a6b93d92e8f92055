/**
 * What PCR 7 must hold after a boot, worked out from the variables alone: nothing of the log is needed, nor of the TPM.
 * Source: TCG PC Client Platform Firmware Profile 1.06, sections 3.3.4.8 and 10.2.6.
 */
import { ByteWriter } from "../bytes/writer.ts";
import { extend, hash } from "../eventlog/hash.ts";
import { guidBytes, VENDOR } from "./guid.ts";
import { secureBootMode, signatureData } from "./secure-boot.ts";
import { keyOf, type UefiVariable } from "./variable-store.ts";

/** UEFI_VARIABLE_DATA, which is what is hashed of a variable. */
function variableData(vendor: string, name: string, data: Uint8Array): Uint8Array {
  const writer = new ByteWriter()
    .bytes(guidBytes(vendor))
    .u64le(BigInt(name.length))
    .u64le(BigInt(data.length));
  for (let i = 0; i < name.length; i++) writer.u16le(name.charCodeAt(i));
  return writer.bytes(data).finish();
}

/**
 * @param authority the certificate that let the kernel start, in DER; undefined where nothing was verified.
 * @returns undefined for a hash that this project does not compute.
 */
export function expectedPcr7(
  variables: readonly UefiVariable[],
  authority: Uint8Array | undefined,
  algorithm = "sha256",
): Uint8Array | undefined {
  const asMeasured = (vendor: string, name: string) => {
    const found = variables.find((one) => keyOf(one) === keyOf({ vendor, name }));
    return variableData(vendor, name, found?.data ?? new Uint8Array());
  };
  const { GLOBAL, IMAGE_SECURITY } = VENDOR;
  const on = secureBootMode(variables) === "on";
  const measured = [
    variableData(GLOBAL, "SecureBoot", Uint8Array.of(on ? 1 : 0)),
    asMeasured(GLOBAL, "PK"),
    asMeasured(GLOBAL, "KEK"),
    asMeasured(IMAGE_SECURITY, "db"),
    asMeasured(IMAGE_SECURITY, "dbx"),
    new Uint8Array(4), // the separator
    ...(authority ? [variableData(IMAGE_SECURITY, "db", signatureData(authority))] : []),
  ];
  const first = hash(algorithm, new Uint8Array());
  return measured.reduce<Uint8Array | undefined>((pcr, data) => {
    const digest = hash(algorithm, data);
    return pcr && digest && extend(algorithm, pcr, digest);
  }, first?.fill(0));
}
