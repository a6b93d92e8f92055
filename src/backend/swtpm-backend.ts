/**
 * The swtpm client: a {@link TpmBackend} over swtpm's control and data channels, wherever that swtpm runs. It asks for
 * what QEMU's `tpm-emulator` asks for, in the same order, and keeps everything in one ordered queue: one control
 * exchange at a time, and never a second TPM command before the answer to the first.
 * Source: swtpm_ioctls(3); QEMU's behaviour as observed on the wire.
 */
import {
  type BlobName,
  type ControlExchange,
  cancelTpmCommand,
  getTpmEstablished,
  MESSAGE_HEADER_SIZE,
  messageLength,
  resetTpmEstablished,
  SwtpmError,
  type SwtpmInfo,
  setLocality,
} from "../swtpm/index.ts";
import { LOCALITIES } from "../tis/ports.ts";
import type { SwtpmChannels } from "./channel.ts";
import { ControlClient } from "./control-client.ts";
import { DataClient } from "./data-client.ts";
import { Delivery, type DeliveryPort } from "./delivery.ts";
import { BackendClosedError, BackendNotStartedError, BackendVersionError } from "./errors.ts";
import type { BackendInfo, StateBlob, TpmBackend, TpmState } from "./port.ts";
import { SwtpmPower } from "./power.ts";
import { TaskQueue } from "./task-queue.ts";

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

export interface SwtpmBackendOptions {
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

export class SwtpmBackend implements TpmBackend {
  /** Called once when the backend has failed for good, also when `start()` or `reset()` failed. */
  onFailure: ((error: Error) => void) | undefined;

  readonly #channels: SwtpmChannels;
  readonly #options: SwtpmBackendOptions;
  readonly #timeouts: SwtpmTimeouts;
  readonly #control: ControlClient;
  readonly #data: DataClient;
  readonly #power: SwtpmPower;
  readonly #queue = new TaskQueue();
  readonly #deliveryPort: DeliveryPort;
  /** The locality goes in front of each command, so that no control exchange is needed for it. */
  #headers = false;
  /** The locality that CMD_SET_LOCALITY last set. */
  #locality: number | undefined;
  #phase: "new" | "open" | "ending" | "closed" = "new";

  constructor(channels: SwtpmChannels, options: SwtpmBackendOptions) {
    this.#channels = channels;
    this.#options = options;
    this.#timeouts = { ...DEFAULT_TIMEOUTS, ...options.timeouts };
    const fail = (error: Error) => this.#fail(error);
    this.#control = new ControlClient(channels.control, fail);
    this.#power = new SwtpmPower((exchange) => this.#exchange(exchange));
    this.#data = new DataClient(channels.data, this.#power.bufferSize, fail);
    channels.control.onClose = (error) => this.#channelClosed("control", error);
    channels.data.onClose = (error) => this.#channelClosed("data", error);
    this.#deliveryPort = {
      send: (delivery, answered) => this.#send(delivery, answered),
      sendCancel: () => this.#control.exchange(cancelTpmCommand(), this.#timeouts.command),
      hurryCancel: () => this.#control.limit(this.#timeouts.control),
      next: () => this.#queue.next(),
    };
  }

  async start(options: { state?: TpmState } = {}): Promise<BackendInfo> {
    if (this.#phase === "open")
      throw new RangeError("a backend is started once; make a new one for a new session");
    if (this.#phase === "new") this.#phase = "open";
    return this.#exclusive(() =>
      this.#orFail(async () => {
        await this.#probe();
        const info = await this.#power.inquire(this.#options.version);
        this.#headers = this.#options.version === "2.0" && this.#power.has("SEND_COMMAND_HEADER");
        await this.#cycle(options.state);
        return {
          version: this.#options.version,
          bufferSize: this.#power.bufferSize,
          description: this.#description(info),
        };
      }),
    );
  }

  async reset(state?: TpmState): Promise<void> {
    this.#mustBeStarted();
    return this.#exclusive(() => this.#orFail(() => this.#cycle(state)));
  }

  /** As {@link TpmBackend.deliver}. `command` is not copied: leave it unchanged until the answer. */
  deliver(locality: number, command: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#mustBeStarted();
      checkCommand(locality, command, this.#power.bufferSize);
      this.#queue.push(new Delivery(locality, command, this.#deliveryPort, resolve, reject));
    });
  }

  /** Cancels the command that runs; if none does, the one that will run next. */
  async cancel(): Promise<void> {
    const command = this.#queue.tasks.find((task) => task instanceof Delivery);
    if (!command) return;
    this.#power.need("cancel a command", "CANCEL_TPM_CMD");
    return command.cancel();
  }

  async establishmentFlag(): Promise<boolean> {
    this.#mustBeStarted();
    return this.#exclusive(() => this.#exchange(getTpmEstablished()));
  }

  async resetEstablishmentFlag(locality: number): Promise<void> {
    this.#mustBeStarted();
    return this.#exclusive(async () => {
      this.#power.need("reset the establishment flag", "RESET_TPMESTABLISHED");
      await this.#exchange(resetTpmEstablished(locality));
    });
  }

  async getState(): Promise<TpmState> {
    this.#mustBeStarted();
    return this.#exclusive(async () => ({
      permanent: await this.#power.blob("permanent"),
      volatile: await this.#power.blob("volatile"),
      savestate: await this.#power.blob("savestate"),
    }));
  }

  async getStateBlob(name: BlobName): Promise<StateBlob> {
    this.#mustBeStarted();
    return this.#exclusive(() => this.#power.blob(name));
  }

  /** Ends the session within the time limit of a control command, whatever the TPM is doing. */
  async shutdown(): Promise<void> {
    if (this.#phase === "closed" || this.#phase === "ending") return;
    const started = this.#phase === "open";
    this.#phase = "ending";
    if (started) {
      // A TPM that is busy, gone, or refuses is left to itself: closing the channels ends the session in any case.
      const off = this.#exclusive(() => this.#power.off(this.#options.owned ?? false)).catch(() => undefined);
      await within(this.#timeouts.control, off);
    }
    this.#close(new BackendClosedError("the TPM was shut down"));
  }

  async #cycle(state?: TpmState): Promise<void> {
    await this.#power.cycle(state);
    this.#data.maxResponse = this.#power.bufferSize;
    this.#locality = undefined;
  }

  /** Finds out whether a TPM answers, and which; before CMD_INIT it answers with an error, which is as good. */
  async #probe(): Promise<void> {
    const { version } = this.#options;
    const response = await this.#data.request(PROBE, this.#timeouts.probe);
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

  #send(delivery: Delivery, answered: (response: Uint8Array) => void): void {
    const { locality, command } = delivery;
    if (this.#headers) {
      this.#data.transact(locality, command, this.#timeouts.command, answered);
      delivery.sent();
    } else if (locality === this.#locality) {
      this.#data.transact(undefined, command, this.#timeouts.command, answered);
      delivery.sent();
    } else {
      this.#exchange(setLocality(locality)).then(
        () => {
          this.#locality = locality;
          this.#send(delivery, answered);
        },
        (error: Error) => {
          // Any other error has failed the whole backend, and this delivery with it.
          if (!(error instanceof SwtpmError)) return;
          delivery.fail(error);
          this.#queue.next();
        },
      );
    }
  }

  #exchange<T>(exchange: ControlExchange<T>): Promise<T> {
    return this.#control.exchange(exchange, this.#timeouts.control);
  }

  /** Runs `job` when its turn comes; nothing else runs until it has ended. */
  #exclusive<T>(job: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const run = () => {
        job()
          .then(resolve, reject)
          .finally(() => this.#queue.next());
      };
      this.#queue.push({ run, fail: reject });
    });
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

  #mustBeStarted(): void {
    if (this.#phase === "new") throw new BackendNotStartedError("the TPM is off: call start() first");
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
    this.#control.abort(error);
    this.#data.abort(error);
    this.#queue.fail(error);
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
