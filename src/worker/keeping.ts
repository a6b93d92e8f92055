/** Opens TPMs whose permanent state is kept elsewhere: they begin from it, and what they change goes back there. */
import { TpmUnableError } from "../backend/errors.ts";
import {
  type BackendInfo,
  can,
  NO_BLOB,
  type TpmBackend,
  type TpmKeep,
  type TpmState,
} from "../backend/port.ts";
import { WriteThroughBackend } from "../backend/write-through.ts";
import type { OpenBackend } from "./connect.ts";

/** Opens a session and powers its TPM on, with `state` in it where that is given. */
export type OpenTpm = (state?: TpmState) => Promise<OpenBackend>;

/**
 * A power-on without a state begins from the kept one, as a TPM does after a power cut. One with a state (a snapshot, a
 * move from another backend) takes the kept one's place.
 * @param factory a TPM that does not exist yet gets what its maker would give it: keys, and their certificates
 * @throws what keeps the kept state from being read: a new TPM in its place would be another TPM.
 */
export function keeping(open: OpenTpm, keep: TpmKeep | undefined, factory = false): OpenTpm {
  if (!keep) return open;
  return async (state) => {
    const kept = state ? undefined : await loadKept(keep);
    const { backend: inner, ...on } = await open(state ?? kept);
    if (!can(on.info, "state")) {
      await inner.shutdown();
      throw new TpmUnableError("state", "The TPM cannot be kept");
    }
    if (factory && !state && !kept) await makeOrEnd(inner, on.info);
    const backend = new WriteThroughBackend(inner, { keep, info: on.info, kept });
    try {
      await backend.begin();
    } catch (error) {
      await backend.shutdown();
      throw error;
    }
    return { ...on, backend };
  };
}

/** Needed once in a TPM's life, and half of the worker's code. */
async function makeOrEnd(backend: TpmBackend, { version, description }: BackendInfo): Promise<void> {
  try {
    const { manufacture } = await import("./factory/manufacture.ts");
    const firmware = /firmware (\d+)/.exec(description)?.[1] ?? "0";
    const manufacturer = /id:[0-9A-F]{8}/i.exec(description)?.[0] ?? "id:00001014";
    const model = { manufacturer, model: "swtpm", version: `id:${firmware.padStart(8, "0")}` };
    await manufacture(backend, version, model);
  } catch (error) {
    await backend.shutdown();
    throw error;
  }
}

async function loadKept(keep: TpmKeep): Promise<TpmState | undefined> {
  const kept = await keep.load();
  return kept && { ...kept, volatile: NO_BLOB };
}
