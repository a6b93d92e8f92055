/** NV indexes (Part 2, section 13) and saved contexts (14). */
import { alternatives, f, fixedBytes, sized, struct, union } from "../schema.ts";
import { TPMA_NV, TPMA_NV_EXP } from "./attributes.ts";
import { TPM2B_DIGEST } from "./basic.ts";
import { TPM_HT } from "./constants.ts";
import { TPMI_DH_SAVED, TPMI_RH_HIERARCHY, TPMI_RH_NV_INDEX } from "./handles.ts";
import { TPMI_ALG_HASH, UINT16, UINT64 } from "./integers.ts";

const nvPublic = (name: string, meaning: string, attributes: typeof TPMA_NV) =>
  struct(name, "Part 2, 13.5", meaning, [
    f("nvIndex", TPMI_RH_NV_INDEX, "the index"),
    f("nameAlg", TPMI_ALG_HASH, "the hash that makes the index's name"),
    f("attributes", attributes, "what it is and who may use it"),
    f("authPolicy", TPM2B_DIGEST, "the policy that authorizes its use; empty for none"),
    f("dataSize", UINT16, "bytes of data"),
  ]);

export const TPMS_NV_PUBLIC = nvPublic("TPMS_NV_PUBLIC", "all of an NV index but its data", TPMA_NV);
export const TPM2B_NV_PUBLIC = sized(
  "TPM2B_NV_PUBLIC",
  "nvPublic",
  TPMS_NV_PUBLIC,
  "Part 2, 13.6",
  "all of an NV index but its data",
);

const TPMU_NV_PUBLIC_2 = union("TPMU_NV_PUBLIC_2", "Part 2, 13.9", "public area by kind of index", [
  [0x01, TPMS_NV_PUBLIC],
  [0x11, nvPublic("TPMS_NV_PUBLIC_EXP_ATTR", "all of an external NV index but its data", TPMA_NV_EXP)],
  [0x12, TPMS_NV_PUBLIC],
]);
export const TPM2B_NV_PUBLIC_2 = sized(
  "TPM2B_NV_PUBLIC_2",
  "nvPublic2",
  struct("TPMT_NV_PUBLIC_2", "Part 2, 13.10", "an NV index of any kind", [
    f("handleType", TPM_HT, "the kind of index"),
    f("nvPublic2", TPMU_NV_PUBLIC_2, "all of it but its data", "handleType"),
  ]),
  "Part 2, 13.11",
  "an NV index of any kind",
);

const CONTEXT_BYTES = fixedBytes("BYTE[]", "rest", "ciphertext");

const TPM2B_CONTEXT_DATA = sized(
  "TPM2B_CONTEXT_DATA",
  "contextData",
  alternatives("TPMS_CONTEXT_DATA", "Part 2, 14.3", "a saved object or session, encrypted", [
    struct("TPMS_CONTEXT_DATA", "Part 2, 14.3", "a saved object or session, encrypted", [
      f("integrity", TPM2B_DIGEST, "guards against changes"),
      f("encrypted", CONTEXT_BYTES, "the object or session, encrypted"),
    ]),
    CONTEXT_BYTES,
  ]),
  "Part 2, 14.4",
  "a saved object or session, encrypted",
);
export const TPMS_CONTEXT = struct("TPMS_CONTEXT", "Part 2, 14.5", "a saved object or session", [
  f("sequence", UINT64, "a counter of saved contexts"),
  f("savedHandle", TPMI_DH_SAVED, "what was saved"),
  f("hierarchy", TPMI_RH_HIERARCHY, "its hierarchy"),
  f("contextBlob", TPM2B_CONTEXT_DATA, "the encrypted context"),
]);
