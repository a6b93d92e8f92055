/**
 * A TPM for a machine in Node: the session that the page has, with the device on v86's own thread and a swtpm process
 * behind it. Its commands can be made slow, and are timed by the host's and by the guest's clock.
 */
import type { BackendInfo } from "../../backend/port.ts";
import { REGISTERS as CRB_REGISTERS, CTRL_START } from "../../device/crb/registers.ts";
import type { InterfaceName } from "../../device/interfaces/interfaces.ts";
import { LOCALITIES } from "../../device/tis/ports.ts";
import { REGISTERS, STS } from "../../device/tis/registers.ts";
import type { V86Bus } from "../../machine/v86/v86.ts";
import { commandCode, responseCode } from "../../protocol/tpm2/parse.ts";
import type { OpenTpm } from "../../session/placement.ts";
import { attachTpm, type Tpm } from "../../session/tpm.ts";
import type { AccessTap } from "../../session/types.ts";
import { type NativeBackend, startNativeBackend } from "../bridge/native-backend.ts";
import { SlowBackend } from "./slow-backend.ts";

/** One TPM command of the guest, with what it took. */
export interface TimedCommand {
  code: number;
  responseCode: number;
  /** Milliseconds by the host's clock, from tpmGo to the response. */
  hostMs: number;
  /** The same by the guest's clock, which stands still while a command takes long. */
  guestMs: number;
}

export interface NativeTpmOptions {
  version: BackendInfo["version"];
  /** Extra host milliseconds before the device has the response to a command of the guest's, to play a slow TPM. */
  delayMs?: (command: Uint8Array) => number;
  /** See `TpmAttachOptions`, also for the next three. */
  graceMs?: number;
  firmware?: "bios" | "uefi";
  interface?: InterfaceName;
  interrupt?: boolean;
}

const REGISTER_MASK = 0xfff;
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Attaches a TPM to the machine, which must not run yet; resolves when the TPM is powered on. */
export async function attachNativeTpm(bus: V86Bus, options: NativeTpmOptions): Promise<NativeTpm> {
  const native = new NativeTpm(bus, options);
  await native.tpm.ready;
  return native;
}

export class NativeTpm {
  readonly tpm: Tpm;
  readonly commands: TimedCommand[] = [];
  /** May be changed while the machine runs. */
  delayMs: (command: Uint8Array) => number;
  readonly #bus: V86Bus;
  readonly #version: BackendInfo["version"];
  readonly #opened: NativeBackend[] = [];
  readonly #listeners: ((command: TimedCommand) => void)[] = [];
  /** The register, and the bit in it, by which the guest starts a command. */
  readonly #start: readonly [offset: number, bit: number];
  /** When that was written last, by both clocks. */
  #go = { host: 0, guest: 0 };

  /** Use {@link attachNativeTpm}. */
  constructor(bus: V86Bus, { version, delayMs = () => 0, ...attached }: NativeTpmOptions) {
    this.#bus = bus;
    this.#version = version;
    this.delayMs = delayMs;
    this.#start =
      attached.interface === "CRB"
        ? [CRB_REGISTERS.CTRL_START.offset, CTRL_START.START]
        : [REGISTERS.STS.offset, STS.TPM_GO];
    this.tpm = attachTpm(bus, {
      version,
      open: this.#open,
      placement: "local",
      ...attached,
    });
    this.tpm.tap(this.#tap);
  }

  /** Calls back with each command of the guest, when it is answered. */
  onCommand(listener: (command: TimedCommand) => void): void {
    this.#listeners.push(listener);
  }

  /** Ends the TPM and its swtpm, and removes its state. */
  async close(): Promise<void> {
    await this.tpm.close();
    await this.crash();
  }

  /** Ends its swtpm, of which the TPM learns as of a crash. */
  async crash(): Promise<void> {
    for (const { swtpm } of this.#opened) await swtpm.stop();
  }

  readonly #open: OpenTpm = async (state) => {
    const native = await startNativeBackend({ version: this.#version, ...(state && { state }) });
    this.#opened.push(native);
    const backend = new SlowBackend(native.backend, (command, response) => this.#timed(command, response));
    return { backend, info: native.info, label: "native" };
  };

  readonly #tap: AccessTap = (device, origin) => {
    if (origin !== "guest") return device;
    return {
      read: (address, size) => device.read(address, size),
      write: (address, size, value) => {
        const offset = address & REGISTER_MASK;
        const [register, bit] = this.#start;
        if (offset === register && value & bit)
          this.#go = { host: performance.now(), guest: this.#bus.clock.now() };
        device.write(address, size, value);
      },
    };
  };

  async #timed(command: Uint8Array, response: Promise<Uint8Array>): Promise<Uint8Array> {
    // The page's own commands (it reads PCRs) run while no locality's do.
    if (!this.#guestWaits()) return response;
    const { host, guest } = this.#go;
    const answer = await response;
    const delay = this.delayMs(command);
    if (delay > 0) await sleep(delay);
    const timed = {
      code: commandCode(command) ?? 0,
      responseCode: responseCode(answer) ?? 0,
      hostMs: performance.now() - host,
      guestMs: this.#bus.clock.now() - guest,
    };
    this.commands.push(timed);
    for (const listener of this.#listeners) listener(timed);
    return answer;
  }

  #guestWaits(): boolean {
    return Array.from({ length: LOCALITIES }, (_, locality) => this.tpm.state(locality)).includes(
      "execution",
    );
  }
}
