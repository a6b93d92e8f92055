/** GUIDs between text and bytes (UEFI 2.10, appendix A): the first three fields are little-endian numbers. */
import { fromHex } from "../bytes/hex.ts";

export { guid as guidText } from "../eventlog/efi.ts";

/** @param text as `8be4df61-93ca-11d2-aa0d-00e098032b8c`. */
export function guidBytes(text: string): Uint8Array {
  const [first, second, third, ...rest] = text.split("-").map(fromHex);
  return Uint8Array.from(
    [first!, second!, third!]
      .flatMap((field) => [...field.toReversed()])
      .concat(rest.flatMap((field) => [...field])),
  );
}

/** GUIDs under which firmware has its variables. */
export const VENDOR = {
  /** EFI_GLOBAL_VARIABLE */
  GLOBAL: "8be4df61-93ca-11d2-aa0d-00e098032b8c",
  /** EFI_IMAGE_SECURITY_DATABASE_GUID: db, dbx, dbt */
  IMAGE_SECURITY: "d719b2cb-3d3a-4596-a3bc-dad00e67656f",
  /** edk2's gEfiSecureBootEnableDisableGuid */
  SECURE_BOOT_ENABLE: "f0a30bc7-af08-4556-99c4-001009c93a44",
  /** edk2's gEfiCustomModeEnableGuid */
  CUSTOM_MODE: "c076ec0c-7028-4399-a072-71ee5c448b9f",
  /** systemd's boot loader interface */
  LOADER: "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
  /** shim and its lists */
  SHIM: "605dab50-e046-4300-abb6-3dd810dd8b23",
} as const;
