/**
 * The TPM of this host (`/dev/tpmrm0`, `/dev/tpm0`), for one session at a time. It has been started by the host's own
 * firmware and keeps what it is: neither can it be powered on and off from here, nor does it give its state. A page
 * reaches it through a filter of commands.
 */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { canceledResponse } from "../../../backend/canceled.ts";
import type { BackendInfo } from "../../../backend/port.ts";
import { ByteReader } from "../../../protocol/bytes/reader.ts";
import { ByteWriter } from "../../../protocol/bytes/writer.ts";
import { MESSAGE_HEADER_SIZE } from "../../../protocol/swtpm/index.ts";
import { TPM_CAP, TPM2_GetCapability, withHeader } from "../../../protocol/tpm2/build.ts";
import { TPM_CC } from "../../../protocol/tpm2/command-codes.ts";
import { commandName } from "../../../protocol/tpm2/names.ts";
import { commandCode, responseCode } from "../../../protocol/tpm2/parse.ts";
import { answeringControl } from "./control.ts";
import { DeviceFile, deviceCommand } from "./device-file.ts";
import { CommandFilter, type FilterOptions, refusedResponse } from "./filter.ts";
import { MemoryChannel } from "./memory-channel.ts";
import { probeTpm } from "./probe.ts";
import { checkFacts } from "./running-swtpm.ts";
import { OnePlace, type ServedTpm, type SessionUser, type TpmSource } from "./source.ts";

export interface HostTpmOptions extends FilterOptions {
  /** Default: the first that there is of /dev/tpmrm0 and /dev/tpm0. */
  path?: string;
  /** The kernel's file that cancels a command; found by itself where the kernel has one (for TPM 1.2). */
  cancelPath?: string;
}

/** The kernel's resource manager first: it tidies up behind each program. */
const USUAL = ["/dev/tpmrm0", "/dev/tpm0"] as const;

export function hostTpm(options: HostTpmOptions = {}): TpmSource {
  const path = options.path ?? USUAL.find((usual) => existsSync(usual)) ?? USUAL[0];
  const filter = new CommandFilter(options);
  const cancelPath = options.cancelPath ?? findCancelPath(path);
  const name = `the TPM of this host at ${path}`;
  const place = new OnePlace(
    (user) => `${name} is in use by ${user}; it serves one page at a time. Close that one, or wait`,
  );
  return {
    owned: false,
    most: 1,
    namedOrigins: true,
    title: async () => name,
    open: (version, session) =>
      place.take(session.name, async (left) => {
        const file = await DeviceFile.open(path);
        try {
          const facts = await probeTpm((command) => file.transact(command), path);
          checkFacts(facts, version, name, false);
          const raw = version === "2.0" && isRaw(path);
          // A bridge that was killed may have left something.
          if (raw) await flushLoaded(file);
          const parts = { file, filter, version, session, cancelPath, raw, left, name };
          return new HostSession(parts).served(facts);
        } catch (error) {
          await file.close();
          throw error;
        }
      }),
  };
}

/** Where Linux cancels a command of this device, if it can: new and old places (Documentation/ABI, sysfs-class-tpm). */
export function findCancelPath(path: string, root = "/sys/class"): string | undefined {
  const device = basename(path).replace(/^tpmrm/, "tpm");
  return [`tpm/${device}/cancel`, `tpm/${device}/device/cancel`, `misc/${device}/device/cancel`]
    .map((below) => `${root}/${below}`)
    .find((file) => existsSync(file));
}

interface HostSessionParts {
  file: DeviceFile;
  filter: CommandFilter;
  version: BackendInfo["version"];
  session: SessionUser;
  cancelPath: string | undefined;
  /** Nobody tidies up behind us. */
  raw: boolean;
  left(): void;
  name: string;
}

class HostSession {
  readonly #parts: HostSessionParts;
  readonly #data = new MemoryChannel((message) => this.#take(message));
  /** Authorization sessions that the page has begun and not flushed. */
  readonly #begun = new Set<number>();
  #lose!: (reason: string) => void;
  readonly #lost = new Promise<string>((resolve) => {
    this.#lose = resolve;
  });
  #canceled = false;
  #running = false;
  #stopped: Promise<void> | undefined;

  constructor(parts: HostSessionParts) {
    this.#parts = parts;
  }

  served(facts: Parameters<typeof answeringControl>[0]): ServedTpm {
    const { cancelPath, name } = this.#parts;
    const control = answeringControl(
      facts,
      cancelPath === undefined ? {} : { cancel: () => this.#cancel(cancelPath) },
    );
    return {
      label: name,
      server: name,
      channels: { control, data: this.#data },
      lost: this.#lost,
      stop: () => {
        this.#stopped ??= this.#stop();
        return this.#stopped;
      },
    };
  }

  #take(message: Uint8Array): void {
    const command = deviceCommand(message);
    const { filter, version, session, file } = this.#parts;
    const reason = filter.refuse(version, command);
    if (reason !== undefined) {
      session.refused(`${commandName(commandCode(command)!, version)} on ${file.path}: ${reason}`);
      queueMicrotask(() => this.#data.say(refusedResponse(version)));
      return;
    }
    void this.#run(command);
  }

  async #run(command: Uint8Array): Promise<void> {
    this.#canceled = false;
    this.#running = true;
    try {
      const response = await this.#parts.file.transact(command);
      this.#note(command, response);
      this.#data.say(response);
    } catch (error) {
      // The kernel has no response to a command that it gave up.
      if (this.#canceled) this.#data.say(canceledResponse(command) ?? TPM_FAIL_12.slice());
      else this.#lose(`${this.#parts.name} has failed: ${(error as Error).message}`);
    } finally {
      this.#running = false;
    }
  }

  async #cancel(path: string): Promise<void> {
    if (!this.#running) return;
    this.#canceled = true;
    // Any byte will do.
    await writeFile(path, "-");
  }

  #note(command: Uint8Array, response: Uint8Array): void {
    if (!this.#parts.raw || responseCode(response) !== 0) return;
    const code = commandCode(command);
    if (code === TPM_CC.StartAuthSession)
      this.#begun.add(new ByteReader(response.subarray(MESSAGE_HEADER_SIZE)).u32be());
    if (code === TPM_CC.FlushContext)
      this.#begun.delete(new ByteReader(command.subarray(MESSAGE_HEADER_SIZE)).u32be());
  }

  async #stop(): Promise<void> {
    const { file, cancelPath, raw, left } = this.#parts;
    try {
      if (cancelPath !== undefined) await this.#cancel(cancelPath).catch(() => undefined);
      await this.#tidyUp(raw);
    } finally {
      await file.close().catch(() => undefined);
      left();
    }
  }

  /** Leaves a TPM without a resource manager as it was found. */
  async #tidyUp(raw: boolean): Promise<void> {
    const { file } = this.#parts;
    await file.idle;
    if (!raw) return;
    try {
      await flushLoaded(file);
      for (const handle of this.#begun) await file.transact(flushContext(handle));
    } catch {
      // It has failed, or is gone: there is nothing to tidy up.
    }
  }
}

/** TPM 1.2 has no word for what was canceled: TPM_FAIL, as a whole response. */
const TPM_FAIL_12 = Uint8Array.of(0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 9);

/** The device without the kernel's resource manager, which only one program can have open. */
const isRaw = (path: string) => /^tpm\d+$/.test(basename(path));

const TRANSIENT_FIRST = 0x8000_0000;
const LOADED_SESSION_FIRST = 0x0200_0000;

const flushContext = (handle: number) =>
  withHeader(0x8001, TPM_CC.FlushContext, new ByteWriter().u32be(handle));

/**
 * Flushes objects and sessions that are loaded. Who uses the resource manager has none loaded between two commands, and
 * nobody else can have the device open.
 */
async function flushLoaded(file: DeviceFile): Promise<void> {
  for (const first of [TRANSIENT_FIRST, LOADED_SESSION_FIRST]) {
    const response = await file.transact(TPM2_GetCapability(TPM_CAP.HANDLES, first, 254));
    if (responseCode(response) !== 0) continue;
    const reader = new ByteReader(response.subarray(MESSAGE_HEADER_SIZE));
    reader.take(5);
    for (let left = reader.u32be(); left > 0; left--) await file.transact(flushContext(reader.u32be()));
  }
}
