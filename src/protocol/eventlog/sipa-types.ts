/**
 * The records that Windows measures (SIPA: system integrity platform attestation), by number: name, and how the data
 * is to be read. Source: the Windows SDK's wbcl.h, whose names these are, without the prefix SIPAEVENT_.
 */

/** `fields`: further records. `algorithm`: an ALG_ID. `flag`: no if zero. `text`: UTF-16. */
export type SipaForm = "fields" | "flag" | "number" | "text" | "algorithm" | "bytes";

interface SipaType {
  name: string;
  form: SipaForm;
}

/** Records with this bit consist of records. */
export const AGGREGATION = 0x4000_0000;

/** Names of a group of consecutive numbers; `-` for one that is not used. */
function group(first: number, ...rows: [form: SipaForm, ...names: string[]][]): [number, SipaType][] {
  const types = rows.flatMap(([form, ...names]) => names.map((name) => ({ name, form })));
  return types
    .map((type, i) => [first + i, type] as [number, SipaType])
    .filter(([, { name }]) => name !== "-");
}

export const SIPA_TYPES: ReadonlyMap<number, SipaType> = new Map([
  ...group(0x40010001, ["fields", "TRUSTBOUNDARY", "ELAM_AGGREGATION", "LOADEDMODULE_AGGREGATION"]),
  ...group(0xc0010004, ["fields", "TRUSTPOINT_AGGREGATION"]),
  ...group(0x40010005, ["fields", "KSR_AGGREGATION", "KSR_SIGNED_MEASUREMENT_AGGREGATION"]),
  ...group(0x00020001, ["bytes", "INFORMATION"], ["number", "BOOTCOUNTER", "TRANSFER_CONTROL"]),
  ...group(0x00020004, ["number", "APPLICATION_RETURN", "BITLOCKER_UNLOCK", "EVENTCOUNTER", "COUNTERID"]),
  ...group(0x00020008, ["flag", "MORBIT_NOT_CANCELABLE"], ["number", "APPLICATION_SVN"]),
  ...group(0x0002000a, ["number", "SVN_CHAIN_STATUS", "MORBIT_API_STATUS", "IDK_GENERATION_STATUS"]),
  ...group(0x00030001, ["bytes", "FIRMWAREFAILURE"]),
  ...group(0x80030002, ["bytes", "TPMFAILURE"]),
  ...group(0x00030003, ["bytes", "INTERNALFAILURE"]),
  ...group(0x00040001, ["flag", "BOOTDEBUGGING"], ["bytes", "BOOT_REVOCATION_LIST"]),
  ...group(0x00050001, ["flag", "OSKERNELDEBUG", "CODEINTEGRITY", "TESTSIGNING"]),
  ...group(0x00050004, ["number", "DATAEXECUTIONPREVENTION"], ["flag", "SAFEMODE", "WINPE"]),
  ...group(0x00050007, ["number", "PHYSICALADDRESSEXTENSION", "OSDEVICE"], ["text", "SYSTEMROOT"]),
  ...group(0x0005000a, ["number", "HYPERVISOR_LAUNCH_TYPE"], ["text", "HYPERVISOR_PATH"]),
  ...group(0x0005000c, ["number", "HYPERVISOR_IOMMU_POLICY"], ["flag", "HYPERVISOR_DEBUG"]),
  ...group(0x0005000e, ["number", "DRIVER_LOAD_POLICY"], ["bytes", "SI_POLICY"]),
  ...group(0x00050010, ["number", "HYPERVISOR_MMIO_NX_POLICY", "HYPERVISOR_MSR_FILTER_POLICY"]),
  ...group(0x00050012, ["number", "VSM_LAUNCH_TYPE"], ["bytes", "OS_REVOCATION_LIST"]),
  ...group(0x00050014, ["number", "SMT_STATUS"]),
  ...group(0x00050020, ["bytes", "VSM_IDK_INFO"], ["flag", "FLIGHTSIGNING", "PAGEFILE_ENCRYPTION_ENABLED"]),
  ...group(0x00050023, ["bytes", "VSM_IDKS_INFO"], ["flag", "HIBERNATION_DISABLED", "DUMPS_DISABLED"]),
  ...group(0x00050026, ["flag", "DUMP_ENCRYPTION_ENABLED"], ["bytes", "DUMP_ENCRYPTION_KEY_DIGEST"]),
  ...group(0x00050028, ["number", "LSAISO_CONFIG"], ["bytes", "SBCP_INFO"]),
  ...group(0x00050030, ["flag", "HYPERVISOR_BOOT_DMA_PROTECTION"]),
  ...group(0x00050031, ["bytes", "SI_POLICY_SIGNER", "SI_POLICY_UPDATE_SIGNER"]),
  ...group(0x00050033, ["bytes", "REFS_VOLUME_CHECKPOINT_RECORD_CHECKSUM"]),
  ...group(0x00050034, ["bytes", "REFS_ROLLBACK_PROTECTION_FROZEN_VOLUME_CHECKSUM"]),
  ...group(0x00050035, ["bytes", "REFS_ROLLBACK_PROTECTION_USER_PAYLOAD_HASH"]),
  ...group(0x00050036, ["flag", "REFS_ROLLBACK_PROTECTION_VERIFICATION_SUCCEEDED"]),
  ...group(0x00050037, ["flag", "REFS_ROLLBACK_PROTECTION_VOLUME_FIRST_EVER_MOUNT"]),
  ...group(0x0005003a, ["bytes", "VSM_SEALED_SI_POLICY"], ["flag", "VSM_DRTM_KEYROLL_DETECTED"]),
  ...group(0x0005003c, ["bytes", "VSM_SRTM_UNSEAL_POLICY"], ["number", "VSM_SRTM_ANTI_ROLLBACK_COUNTER"]),
  ...group(0x00050040, ["bytes", "VTL1_DUMP_CONFIG"]),
  ...group(0x00060001, ["number", "NOAUTHORITY"], ["bytes", "AUTHORITYPUBKEY"]),
  ...group(0x00070001, ["text", "FILEPATH"], ["number", "IMAGESIZE"], ["algorithm", "HASHALGORITHMID"]),
  ...group(
    0x00070004,
    ["bytes", "AUTHENTICODEHASH"],
    ["text", "AUTHORITYISSUER"],
    ["bytes", "AUTHORITYSERIAL"],
  ),
  ...group(0x00070007, ["number", "IMAGEBASE"], ["text", "AUTHORITYPUBLISHER"]),
  ...group(0x00070009, ["bytes", "AUTHORITYSHA1THUMBPRINT"], ["flag", "IMAGEVALIDATED"]),
  ...group(0x0007000b, ["number", "MODULE_SVN", "MODULE_HSP"]),
  ...group(0x80080001, ["bytes", "QUOTE", "QUOTESIGNATURE"], ["text", "AIKID"], ["bytes", "AIKPUBDIGEST"]),
  ...group(
    0x00090001,
    ["text", "ELAM_KEYNAME"],
    ["bytes", "ELAM_CONFIGURATION", "ELAM_POLICY", "ELAM_MEASURED"],
  ),
  ...group(0x000a0001, ["flag", "VBS_VSM_REQUIRED", "VBS_SECUREBOOT_REQUIRED", "VBS_IOMMU_REQUIRED"]),
  ...group(0x000a0004, ["flag", "VBS_MMIO_NX_REQUIRED", "VBS_MSR_FILTERING_REQUIRED"]),
  ...group(0x000a0006, ["flag", "VBS_MANDATORY_ENFORCEMENT"], ["bytes", "VBS_HVCI_POLICY"]),
  ...group(0x000a0008, ["flag", "VBS_MICROSOFT_BOOT_CHAIN_REQUIRED", "VBS_DUMP_USES_AMEROOT"]),
  ...group(0x000a000a, ["flag", "VBS_VSM_NOSECRETS_ENFORCED"]),
  ...group(0x000b0001, ["bytes", "KSR_SIGNATURE"]),
  ...group(0x000c0001, ["flag", "DRTM_STATE_AUTH"], ["number", "DRTM_SMM_LEVEL"]),
  ...group(0x000c0003, ["bytes", "DRTM_AMD_SMM_HASH", "DRTM_AMD_SMM_SIGNER_KEY"]),
]);
