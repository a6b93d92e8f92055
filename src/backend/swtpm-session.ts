/**
 * A session with a swtpm over its control and data channels, wherever that swtpm runs: asks for what QEMU's
 * `tpm-emulator` asks for, in the same order. The queue in front of it sees to it that there is one control exchange at a
 * time, and never a second TPM command before the answer to the first; only the cancel of a running command is in the
 * hands of this file.
 * Source: swtpm_ioctls(3); QEMU's behaviour as observed on the wire.
 */

import { LOCALITIES } from "../device/tis/ports.ts";
import {
  type BlobName,
  type ControlExchange,
  cancelTpmCommand,
  getTpmEstablished,
  hashData,
  hashEnd,
  hashStart,
  MESSAGE_HEADER_SIZE,
  messageLength,
  resetTpmEstablished,
  type SwtpmInfo,
  setLocality,
} from "../protocol/swtpm/index.ts";
import type { SwtpmChannels } from "./channel.ts";
import { ControlClient } from "./control-client.ts";
import { DataClient } from "./data-client.ts";
import {
  BackendClosedError,
  BackendNotStartedError,
  BackendVersionError,
  TpmShutDownError,
  TpmUnableError,
} from "./errors.ts";
import type { BackendInfo, DeliveryOptions, StateBlob, TpmBackend, TpmState } from "./port.ts";
import { SwtpmPower } from "./power.ts";

/** Time limits in milliseconds. */
export interface SwtpmTimeouts {
  /** The first TPM command, which finds out what is at the other end. */
  probe: number;
  /** A control command, and the whole of `shutdown()`. */
  control: number;
  /** A TPM command: making an RSA key takes minutes where the TPM itself is emulated. */
  command: number;
}

export const DEFAULT_TIMEOUTS: SwtpmTimeouts = { probe: 10_000, control: 30_000, command: 600_000 };

export interface SwtpmOptions {
  /** The TPM that is expected; another one fails the start. */
  version: BackendInfo["version"];
  /** The swtpm process is ours and is to end with the session (CMD_SHUTDOWN). */
  owned?: boolean;
  /** What serves, for people, e.g. "swtpm 0.7.1"; the protocol itself does not tell the program's version. */
  server?: string;
  timeouts?: Partial<SwtpmTimeouts>;
}

/** TPM2_ReadClock: needs no state, and a TPM 1.2 answers it with another tag. */
const PROBE = Uint8Array.of(0x80, 0x01, 0, 0, 0, 0x0a, 0, 0, 0x01, 0x81);
const TPM2_ST_NO_SESSIONS = 0x8001;
const TPM_TAG_RSP_COMMAND = 0x00c4;

/** Use it with an `OrderedTpm` in front of it, which `SwtpmBackend` is. */
export class SwtpmSession implements TpmBackend {
  /** Called once when the backend has failed for good, also when `start()` or `reset()` failed. */
  onFailure: ((error: Error) => void) | undefined;

  readonly #channels: SwtpmChannels;
  readonly #options: SwtpmOptions;
  readonly #timeouts: SwtpmTimeouts;
  readonly #control: ControlClient;
  readonly #data: DataClient;
  readonly #power: SwtpmPower;
  /** The locality goes in front of each command, so that no control exchange is needed for it. */
  #headers = false;
  /** The locality that CMD_SET_LOCALITY last set. */
  #locality: number | undefined;
  #phase: "new" | "open" | "ending" | "closed" = "new";
  #failure: Error | undefined;
  /** The newest call; settles when it is over. */
  #call: Promise<unknown> = Promise.resolve();
  /** The reply to CMD_CANCEL_TPM_CMD is due. Never rejects. */
  #cancelling: Promise<void> | undefined;

  constructor(channels: SwtpmChannels, options: SwtpmOptions) {
    this.#channels = channels;
    this.#options = options;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    const fail = (error: Error) => this.#fail(error);
    this.#control = new ControlClient(channels.control, fail);
    this.#power = new SwtpmPower((exchange) => this.#exchange(exchange));
    this.#data = new DataClient(channels.data, this.#power.bufferSize, fail);
    channels.control.onClose = (error) => this.#channelClosed("control", error);
    channels.data.onClose = (error) => this.#channelClosed("data", error);
  }

  start(options: { state?: TpmState } = {}): Promise<BackendInfo> {
    if (this.#phase === "open")
      return Promise.reject(new RangeError("a backend is started once; make a new one for a new session"));
    if (this.#phase === "new") this.#phase = "open";
    return this.#serve(() =>
      this.#orFail(async () => {
        await this.#probe();
        const info = await this.#power.inquire(this.#options.version);
        this.#headers = this.#options.version === "2.0" && this.#power.has("SEND_COMMAND_HEADER");
        await this.#cycle(options.state);
        return {
          version: this.#options.version,
          bufferSize: this.#power.bufferSize,
          description: this.#description(info),
          capabilities: this.#power.abilities,
        };
      }),
    );
  }

  reset(state?: TpmState): Promise<void> {
    return this.#serve(() => this.#orFail(() => this.#cycle(state)));
  }

  deliver(locality: number, command: Uint8Array, { signal }: DeliveryOptions = {}): Promise<Uint8Array> {
    return this.#serve(async () => {
      checkCommand(locality, command, this.#power.bufferSize);
      if (locality !== 0 && !this.#power.abilities.locality)
        throw new TpmUnableError("locality", `A command at locality ${locality} cannot be run`);
      // Where no reply is due, the command is on its way before this call returns.
      if (this.#cancelling) await this.#cancelling;
      if (!this.#headers && locality !== this.#locality && this.#power.has("SET_LOCALITY")) {
        await this.#exchange(setLocality(locality));
        this.#locality = locality;
      }
      this.#mustBeOpen();
      const header = this.#headers ? locality : undefined;
      const response = this.#data.transact(header, command, this.#timeouts.command);
      return signal ? this.#cancellable(response, signal) : response;
    });
  }

  establishmentFlag(): Promise<boolean> {
    return this.#serve(() => this.#exchange(getTpmEstablished()));
  }

  resetEstablishmentFlag(locality: number): Promise<void> {
    return this.#serve(async () => {
      this.#power.need("reset the establishment flag", "RESET_TPMESTABLISHED");
      await this.#exchange(resetTpmEstablished(locality));
    });
  }

  measureLaunch(data: Uint8Array): Promise<void> {
    return this.#serve(async () => {
      this.#power.need("measure a dynamic launch", "HASHING");
      await this.#exchange(hashStart());
      if (data.length) await this.#exchange(hashData(data));
      await this.#exchange(hashEnd());
    });
  }

  getState(): Promise<TpmState> {
    return this.#serve(async () => ({
      permanent: await this.#power.blob("permanent"),
      volatile: await this.#power.blob("volatile"),
      savestate: await this.#power.blob("savestate"),
    }));
  }

  getStateBlob(name: BlobName): Promise<StateBlob> {
    return this.#serve(() => this.#power.blob(name));
  }

  /** Ends the session within the time limit of a control command, whatever the TPM is doing. */
  async shutdown(): Promise<void> {
    if (this.#phase === "closed" || this.#phase === "ending") return;
    const started = this.#phase === "open";
    this.#phase = "ending";
    if (started) {
      // A TPM that is busy, gone, or refuses is left to itself: closing the channels ends the session in any case.
      const off = async () => {
        await this.#call.catch(() => undefined);
        await this.#power.off(this.#options.owned ?? false);
      };
      await within(
        this.#timeouts.control,
        off().catch(() => undefined),
      );
    }
    this.#close(new TpmShutDownError());
  }

  async #cycle(state?: TpmState): Promise<void> {
    await this.#power.cycle(state);
    this.#data.maxResponse = this.#power.bufferSize;
    this.#locality = undefined;
  }

  /** Finds out whether a TPM answers, and which; before CMD_INIT it answers with an error, which is as good. */
  async #probe(): Promise<void> {
    const { version } = this.#options;
    const response = await this.#data.transact(undefined, PROBE, this.#timeouts.probe);
    const tag = (response[0]! << 8) | response[1]!;
    const found = tag === TPM2_ST_NO_SESSIONS ? "2.0" : tag === TPM_TAG_RSP_COMMAND ? "1.2" : undefined;
    if (!found)
      throw new BackendVersionError(
        `what answers is not a TPM: its response has the tag 0x${tag.toString(16)}`,
      );
    if (found !== version)
      throw new BackendVersionError(`a TPM ${found} answers; TPM ${version} was asked for`);
  }

  #description(info: SwtpmInfo): string {
    const { manufacturer, version } = info.TPMAttributes ?? {};
    const maker = manufacturer ? ` (${manufacturer})` : "";
    const firmware = version ? `, firmware ${version.replace(/^id:/, "")}` : "";
    return `${this.#options.server ?? "swtpm"}${maker}${firmware}`;
  }

  /** The command on the data channel is followed by a cancel when it is aborted before its answer. */
  async #cancellable(response: Promise<Uint8Array>, signal: AbortSignal): Promise<Uint8Array> {
    const cancel = () => {
      if (this.#data.busy && this.#power.has("CANCEL_TPM_CMD")) this.#cancelling ??= this.#cancel();
    };
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
    try {
      const answer = await response;
      // swtpm reads its control channel between commands: now its reply is due before long.
      if (this.#cancelling) this.#control.limit(this.#timeouts.control);
      return answer;
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  async #cancel(): Promise<void> {
    try {
      await this.#control.exchange(cancelTpmCommand(), this.#timeouts.command);
    } catch {
      // A TPM that cannot cancel says so; the command's answer comes all the same. Whatever else it is has failed the
      // session, and been told.
    }
    this.#cancelling = undefined;
  }

  async #exchange<T>(exchange: ControlExchange<T>): Promise<T> {
    if (this.#cancelling) await this.#cancelling;
    this.#mustBeOpen();
    return this.#control.exchange(exchange, this.#timeouts.control);
  }

  #serve<T>(work: () => Promise<T>): Promise<T> {
    if (this.#phase === "new")
      return Promise.reject(new BackendNotStartedError("the TPM is off: call start() first"));
    if (this.#phase !== "open") return Promise.reject(this.#gone());
    const call = work();
    this.#call = call;
    return call;
  }

  /** A step after which, if it fails, nobody knows what the TPM is: the backend ends, so that no CMD_INIT follows. */
  async #orFail<T>(step: () => Promise<T>): Promise<T> {
    try {
      return await step();
    } catch (error) {
      this.#fail(error as Error);
      throw error;
    }
  }

  #mustBeOpen(): void {
    if (this.#phase === "closed") throw this.#gone();
  }

  #gone(): Error {
    const cause = this.#failure;
    return new BackendClosedError(`the TPM is gone: ${cause?.message ?? "it is being shut down"}`, { cause });
  }

  #channelClosed(name: string, error: Error | undefined): void {
    const reason = error ? `: ${error.message}` : "";
    const options = error ? { cause: error } : {};
    this.#fail(new BackendClosedError(`the ${name} channel to the TPM closed${reason}`, options));
  }

  #fail(error: Error): void {
    if (this.#phase === "closed") return;
    const expected = this.#phase === "ending";
    this.#close(error);
    if (!expected) this.onFailure?.(error);
  }

  #close(error: Error): void {
    this.#phase = "closed";
    this.#failure = error;
    this.#control.abort(error);
    this.#data.abort(error);
    this.#channels.control.close();
    this.#channels.data.close();
  }
}

function checkCommand(locality: number, command: Uint8Array, limit: number): void {
  if (!(locality >= 0 && locality < LOCALITIES)) throw new RangeError(`there is no locality ${locality}`);
  const { length } = command;
  if (length < MESSAGE_HEADER_SIZE || length > limit)
    throw new RangeError(`a TPM command has ${MESSAGE_HEADER_SIZE} to ${limit} bytes, not ${length}`);
  if (messageLength(command) !== length)
    throw new RangeError(`the command's length field says ${messageLength(command)}, it has ${length} bytes`);
}

/** Waits for `promise`, but no longer than `limit` milliseconds. */
async function within(limit: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, limit);
  });
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
