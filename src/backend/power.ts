/**
 * What goes over the control channel to switch a TPM on and off and to carry its state: QEMU's order, with the checks
 * that make it safe. One step runs at a time; the caller sees to that.
 */

import { TIS_BUFFER_SIZE } from "../device/tis/ports.ts";
import {
  BLOB_NAMES,
  type BlobName,
  type ControlExchange,
  GET_INFO_FLAG,
  getCapability,
  getInfo,
  getStateBlob,
  init,
  MESSAGE_HEADER_SIZE,
  newerState,
  PTM_CAP,
  PTM_INIT_FLAG_DELETE_VOLATILE,
  PTM_RESULT,
  type SwtpmCapability,
  SwtpmError,
  type SwtpmInfo,
  setBufferSize,
  setStateBlob,
  shutdown,
  stop,
} from "../protocol/swtpm/index.ts";
import {
  BackendCapabilityError,
  BackendProtocolError,
  BackendVersionError,
  StateRefusedError,
  TpmUnableError,
} from "./errors.ts";
import type { BackendCapabilities, BackendInfo, StateBlob, TpmState } from "./port.ts";

/** Runs one exchange with the usual time limit. */
export type Exchange = <T>(exchange: ControlExchange<T>) => Promise<T>;

type Version = BackendInfo["version"];

/** What QEMU requires of an swtpm, without what only a local socket needs. */
const REQUIRED: Record<Version, SwtpmCapability[]> = {
  "1.2": ["INIT", "GET_TPMESTABLISHED", "SET_LOCALITY", "STOP", "SET_BUFFERSIZE"],
  "2.0": ["INIT", "GET_TPMESTABLISHED", "SET_LOCALITY", "STOP", "SET_BUFFERSIZE", "RESET_TPMESTABLISHED"],
};

export class SwtpmPower {
  readonly #exchange: Exchange;
  #capabilities = 0;
  /** Size in bytes of the largest command or response. */
  bufferSize = TIS_BUFFER_SIZE;

  constructor(exchange: Exchange) {
    this.#exchange = exchange;
  }

  has(capability: SwtpmCapability): boolean {
    return (this.#capabilities & PTM_CAP[capability]) !== 0;
  }

  /** What the TPM behind it can do, by what this swtpm says of itself. */
  get abilities(): BackendCapabilities {
    return {
      state: this.has("GET_STATEBLOB") && this.has("SET_STATEBLOB"),
      reset: this.has("STOP") && this.has("INIT"),
      cancel: this.has("CANCEL_TPM_CMD"),
      locality: this.has("SET_LOCALITY") || this.has("SEND_COMMAND_HEADER"),
      hash: this.has("HASHING"),
    };
  }

  /** @throws {BackendCapabilityError} when a capability is missing. @param purpose completes "this swtpm cannot …". */
  need(purpose: string, ...capabilities: SwtpmCapability[]): void {
    const missing = capabilities.filter((name) => !this.has(name));
    if (missing.length > 0) throw new BackendCapabilityError(missing, purpose);
  }

  /** Learns what this swtpm can do and which TPM it is. */
  async inquire(version: Version): Promise<SwtpmInfo> {
    this.#capabilities = await this.#exchange(getCapability());
    if (this.has("INIT")) this.need(`serve a TPM ${version}`, ...REQUIRED[version]);
    const info = this.has("GET_INFO") ? await this.#describe() : {};
    const family = info.TPMSpecification?.family;
    if (family && family !== version)
      throw new BackendVersionError(`the TPM calls itself ${family}; TPM ${version} was asked for`);
    return info;
  }

  async #describe(): Promise<SwtpmInfo> {
    try {
      return await this.#exchange(getInfo(GET_INFO_FLAG.TPM_SPECIFICATION | GET_INFO_FLAG.TPM_ATTRIBUTES));
    } catch (error) {
      // A description is for people; a TPM that gives none works as well.
      if (error instanceof SwtpmError) return {};
      throw error;
    }
  }

  /** A power cycle, with `state` set while the power is off. @throws {StateRefusedError} and stays off. */
  async cycle(state?: TpmState): Promise<void> {
    if (!this.has("INIT")) return this.#takeAsItIs(state);
    await this.#exchange(stop());
    if (state) await this.#setState(state);
    await this.#agreeOnBuffer(TIS_BUFFER_SIZE);
    // A volatile file that stayed behind would bring old PCRs back after a crash of swtpm.
    await this.#exchange(init(state ? PTM_INIT_FLAG_DELETE_VOLATILE : 0));
  }

  /** A TPM that runs already, and that others power on: a chip, or an swtpm whose control channel is not ours. */
  async #takeAsItIs(state: TpmState | undefined): Promise<void> {
    if (state) throw new TpmUnableError("state", "The TPM cannot be put where it was");
    if (this.has("SET_BUFFERSIZE")) await this.#agreeOnBuffer(0);
  }

  /** @param wanted bytes; 0 asks only. */
  async #agreeOnBuffer(wanted: number): Promise<void> {
    const { size } = await this.#exchange(setBufferSize(wanted));
    if (size < MESSAGE_HEADER_SIZE || size > TIS_BUFFER_SIZE)
      throw new BackendProtocolError(
        `swtpm wants a buffer of ${size} bytes; ${TIS_BUFFER_SIZE} were offered`,
      );
    this.bufferSize = size;
  }

  async #setState(state: TpmState): Promise<void> {
    this.need("take a saved state", "SET_STATEBLOB");
    for (const name of BLOB_NAMES) {
      const { bytes, flags } = state[name];
      if (bytes.length === 0) continue;
      try {
        await this.#exchange(setStateBlob(name, bytes, flags));
      } catch (error) {
        throw error instanceof SwtpmError ? new StateRefusedError(name, error, newerState(bytes)) : error;
      }
    }
  }

  /** One state blob of the running TPM; empty when there is none. */
  async blob(name: BlobName): Promise<StateBlob> {
    this.need("give its state", "GET_STATEBLOB");
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (;;) {
      const piece = await this.#piece(name, length);
      pieces.push(piece.bytes);
      length += piece.bytes.length;
      if (piece.bytes.length === piece.total) return { bytes: join(pieces, length), flags: piece.flags };
      if (piece.bytes.length === 0)
        throw new BackendProtocolError(`swtpm keeps ${piece.total} bytes of the ${name} state to itself`);
    }
  }

  async #piece(name: BlobName, offset: number) {
    try {
      return await this.#exchange(getStateBlob(name, offset));
    } catch (error) {
      if (error instanceof SwtpmError && error.result === PTM_RESULT.RETRY && offset === 0)
        return { bytes: new Uint8Array(0), flags: 0, total: 0 };
      throw error;
    }
  }

  /** Power off; with `owned` the swtpm process ends too. */
  async off(owned: boolean): Promise<void> {
    if (this.has("STOP")) await this.#exchange(stop());
    if (owned && this.has("SHUTDOWN")) await this.#exchange(shutdown());
  }
}

function join(pieces: Uint8Array[], length: number): Uint8Array {
  if (pieces.length === 1) return pieces[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
