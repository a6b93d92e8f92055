/**
 * The TPM behind the register interface: what QEMU's TPM backend class offers to its device models, as promises.
 * One implementation talks to swtpm; where that swtpm runs is the channels' affair.
 */
import type { TpmVersion } from "../device/tis/ports.ts";

/** One state blob as swtpm's CMD_GET_STATEBLOB gives it. */
export interface StateBlob {
  bytes: Uint8Array;
  /** swtpm's PTM_STATE_FLAG_*: 2 = the blob is encrypted with swtpm's migration key. */
  flags: number;
}

/** The whole state of a TPM, in the order in which it has to be set. An empty blob stands for "none". */
export interface TpmState {
  /** PTM_BLOB_TYPE_PERMANENT: seeds, NV, hierarchies. */
  permanent: StateBlob;
  /** PTM_BLOB_TYPE_VOLATILE: PCRs, sessions, loaded objects of a running TPM. */
  volatile: StateBlob;
  /** PTM_BLOB_TYPE_SAVESTATE: what TPM2_Shutdown(STATE) / TPM_SaveState kept. */
  savestate: StateBlob;
}

/** A blob that says "none". */
export const NO_BLOB: Readonly<StateBlob> = { bytes: new Uint8Array(0), flags: 0 };

/**
 * Where a TPM's state is kept while nobody runs it: what a flash chip is to a TPM. `volatile` is always empty here: a
 * TPM that is switched on from it begins as after a power cut.
 */
export interface TpmKeep {
  /** What was saved last; undefined for a TPM that does not exist yet. A rejection keeps the TPM from starting. */
  load(): Promise<TpmState | undefined>;
  /**
   * Resolves when the state is safe; until then the guest does not see the command's response. @param description who
   * made the blobs, as `BackendInfo.description`.
   */
  save(state: TpmState, description: string): Promise<void>;
}

/** What a TPM can do beside running commands at locality 0. */
export interface BackendCapabilities {
  /** Gives its state, and takes one. Without it there are no snapshots, no moves, no keep, and no going on elsewhere. */
  state: boolean;
  /** Can be power-cycled. Without it a machine's reset leaves the TPM as it is, PCRs included. */
  reset: boolean;
  /** A running command can be cancelled; one that waits always can. */
  cancel: boolean;
  /** Runs commands at the locality that they come from. */
  locality: boolean;
  /** Takes a dynamic root of trust's measurement, and so has an establishment flag. */
  hash: boolean;
}

/** What is known of a backend once it has started. */
export interface BackendInfo {
  version: Exclude<TpmVersion, "unspecified">;
  /** Largest command or response in bytes, as negotiated with CMD_SET_BUFFERSIZE. */
  bufferSize: number;
  /** Who serves, for people: e.g. "swtpm 0.7.1 (id:00001014), firmware 20191023". */
  description: string;
  /** What is not said, it can do. */
  capabilities?: Partial<BackendCapabilities>;
}

/** Whether a TPM can do this. */
export const can = (
  info: Pick<BackendInfo, "capabilities">,
  capability: keyof BackendCapabilities,
): boolean => info.capabilities?.[capability] ?? true;

export interface DeliveryOptions {
  /** Cancels this command, wherever it is by then; its answer is due all the same. See `ordered.ts`. */
  signal?: AbortSignal;
}

/**
 * Whoever uses a TPM puts an `OrderedTpm` in front of it, so that an implementation needs no queue: it is called again
 * when its last call has settled, but for `shutdown`, which may come at any time.
 */
export interface TpmBackend {
  /**
   * Probes the TPM and powers it on. With `state`, its blobs are set while the TPM is stopped, before CMD_INIT;
   * a blob that is refused fails the start, and CMD_INIT is then never sent.
   */
  start(options?: { state?: TpmState }): Promise<BackendInfo>;
  /**
   * A power cycle: CMD_STOP, buffer size, CMD_INIT. Permanent state stays; PCRs start over. With `state` it is the TPM
   * of that state from here on, as with `start`; the backend has failed when it is refused.
   */
  reset(state?: TpmState): Promise<void>;
  /** Runs one whole command at a locality and gives its response. */
  deliver(locality: number, command: Uint8Array, options?: DeliveryOptions): Promise<Uint8Array>;
  /** The establishment flag: true after a dynamic root of trust was measured (CMD_GET_TPMESTABLISHED). */
  establishmentFlag(): Promise<boolean>;
  /** CMD_RESET_TPMESTABLISHED from `locality` (3 or 4). */
  resetEstablishmentFlag(locality: number): Promise<void>;
  /**
   * Measures a dynamic root of trust (CMD_HASH_START, CMD_HASH_DATA, CMD_HASH_END): PCRs 17 to 22 are reset, the digest
   * of `data` is extended into PCR 17, and the establishment flag is set.
   */
  measureLaunch(data: Uint8Array): Promise<void>;
  /** The three state blobs of the running TPM. */
  getState(): Promise<TpmState>;
  /** One of them, e.g. after an NV write. */
  getStateBlob(name: keyof TpmState): Promise<StateBlob>;
  /** Ends the session: CMD_STOP, and CMD_SHUTDOWN where the swtpm is ours; closes the channels. */
  shutdown(): Promise<void>;
  /** Called once when the backend has failed for good (channel closed, time limit, protocol violation). */
  onFailure: ((error: Error) => void) | undefined;
  /** Set by the queue: does work of the backend's own, that no call is the reason for, when its turn comes. */
  background?: ((work: () => Promise<void>) => void) | undefined;
}
