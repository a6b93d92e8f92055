/** Where a bridge's TPMs come from: processes that it starts, swtpms that run already, devices of this host. */
import type { BackendInfo } from "../../../backend/port.ts";
import type { SocketChannel } from "../tcp-channel.ts";

export type TpmChannels = Record<"control" | "data", SocketChannel>;

/** A TPM while a session has it. */
export interface ServedTpm {
  /** For the log, e.g. "swtpm process 4711". */
  readonly label: string;
  /** What serves, for people, e.g. "swtpm 0.7.1". */
  readonly server: string;
  /** swtpm's two channels, whatever is behind them. Nothing is lost before somebody listens. */
  readonly channels: TpmChannels;
  /** Resolves, with the reason in words, when it has ceased to serve. */
  readonly lost: Promise<string>;
  /** Leaves it; resolves when the next session can have it. Can be called more than once. */
  stop(): Promise<void>;
}

/** Who wants a TPM. */
export interface SessionUser {
  /** For people: what others are told who find the TPM in use. */
  name: string;
  /** Logs that a command was refused. @param what the command and why, in words. */
  refused(what: string): void;
}

export interface TpmSource {
  /** The TPM ends with its session; the page asks it to. */
  readonly owned: boolean;
  /** So many sessions can be served at a time; undefined: as many as the bridge allows. */
  readonly most?: number;
  /** The TPM is somebody's own: pages that may use it are named one by one. */
  readonly namedOrigins?: boolean;
  /** What serves, for people. @throws {TpmSourceError} {SwtpmStartError} when nothing can be served. */
  title(): Promise<string>;
  /**
   * A TPM for one session.
   * @throws {TpmBusyError} {TpmSourceError} {SwtpmStartError} {StateDirectoryError}
   */
  open(version: BackendInfo["version"], user: SessionUser): Promise<ServedTpm>;
}

/** There is no TPM to be had; the message says what to do. */
export class TpmSourceError extends Error {
  override name = "TpmSourceError";
}

/** Somebody else has the TPM; the message says who. */
export class TpmBusyError extends TpmSourceError {
  override name = "TpmBusyError";
}

/** A TPM's one place: who has it, and that nobody else gets it meanwhile. */
export class OnePlace {
  readonly #busy: (user: string) => string;
  #user: string | undefined;

  /** @param busy what is said to whoever comes while `user` has it. */
  constructor(busy: (user: string) => string) {
    this.#busy = busy;
  }

  /**
   * Takes it for `user` while `open` opens the TPM, and until `left` is called; it is free again when `open` fails.
   * @throws {TpmBusyError} and what `open` throws.
   */
  async take<T>(user: string, open: (left: () => void) => Promise<T>): Promise<T> {
    if (this.#user !== undefined) throw new TpmBusyError(this.#busy(this.#user));
    this.#user = user;
    const left = () => {
      this.#user = undefined;
    };
    try {
      return await open(left);
    } catch (error) {
      left();
      throw error;
    }
  }
}
