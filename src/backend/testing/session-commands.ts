/** Commands on sessions, for tests of what outlives a TPM's process. */
import { encodeCommand } from "../../protocol/tpm2/index.ts";

/** TPM2_StartAuthSession for a policy with nobody's key and no parameter encryption. */
export const startPolicySession = () =>
  encodeCommand("StartAuthSession", {
    handles: { tpmKey: "NULL", bind: "NULL" },
    parameters: {
      nonceCaller: "11".repeat(16),
      sessionType: "POLICY",
      symmetric: { algorithm: "NULL" },
      authHash: "SHA256",
    },
  });
