/** Machines that boot although nothing of them can be kept, or is to be: why, and what to do about it, as notices. */

import {
  VaultClosedError,
  VaultDamagedError,
  VaultFullError,
  VaultNewerError,
  VaultUnavailableError,
} from "../../session/vault/index.ts";
import type { Notice } from "../model/model.ts";
import { sentence } from "./notices.ts";

/** What stands in the way of keeping, and not of booting. */
const WITHOUT_KEEPING = [
  VaultUnavailableError,
  VaultClosedError,
  VaultFullError,
  VaultNewerError,
  VaultDamagedError,
] as const;

/** Whether a machine boots all the same when the vault fails with this. */
export const bootsUnkept = (error: unknown): error is Error =>
  WITHOUT_KEEPING.some((kind) => error instanceof kind);

/** @param retry boots anew, and keeps the TPM if that is possible by then */
export const notKept = (error: Error, retry: () => void): Notice => ({
  id: "not-kept",
  level: "warning",
  title: "This TPM is not kept.",
  text: `${sentence(error.message)} It is gone when this page is closed; what was kept before is left alone.`,
  actions: [{ label: "Boot again and keep it", run: retry }],
});

/** @param leave boots the machine that is kept */
export const thrownAway = (name: string, leave: () => void): Notice => ({
  id: "not-kept",
  level: "info",
  title: "This machine is thrown away when the page is closed.",
  text: "It runs what was asked for, with a TPM of its own. No machine that is kept here is touched.",
  actions: [{ label: `Boot “${name}” as usual`, run: leave }],
});
