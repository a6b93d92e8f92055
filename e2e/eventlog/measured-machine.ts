/** A machine in Node that boots the guest by a measured direct boot, with a real swtpm behind its TPM. */

import { DirectBoot, type DirectBootImages } from "../../src/machine/rom/index.ts";
import { readGuestImages } from "../../src/node/tools/guest-images.ts";
import { attachNativeTpm, type NativeTpm } from "../../src/node/tools/native-tpm.ts";
import { createNodeMachine, type NodeMachine } from "../../src/node/tools/node-machine.ts";
import {
  type Bank,
  type EventLog,
  parseEventLog,
  type ReplayedBank,
  replay,
} from "../../src/protocol/eventlog/index.ts";

const guest = await readGuestImages();
const BOOT_MS = 120_000;

type Version = "2.0" | "1.2";

/** The guest's own kernel, initrd and command line. */
export const IMAGES: DirectBootImages & { initrd: Uint8Array } = {
  kernel: guest.kernel as Uint8Array,
  initrd: guest.initrd as Uint8Array,
  cmdline: guest.cmdline ?? "",
};

export interface Measured {
  log: EventLog;
  replayed: ReplayedBank[];
  /** The PCRs that the TPM holds. */
  pcrs: Bank[];
}

export class MeasuredMachine {
  private constructor(
    readonly machine: NodeMachine,
    readonly native: NativeTpm,
    readonly boot: DirectBoot,
    readonly version: Version,
  ) {}

  /** Makes the machine and starts it. */
  static async start(version: Version, options: { engine?: boolean } = {}): Promise<MeasuredMachine> {
    const { bios, vgaBios, prompt, memorySize } = guest;
    // With the prompt, a command is over before the next is typed, whose echo would else come before it.
    const machine = await createNodeMachine({ bios, vgaBios, prompt }, memorySize);
    const native = await attachNativeTpm(machine.bus, { version });
    const boot = new DirectBoot(machine.bus, machine.emulator, IMAGES, { memorySize, ...options });
    machine.bus.resume();
    return new MeasuredMachine(machine, native, boot, version);
  }

  /** Waits for the guest's shell; then what was measured, and what the TPM holds. */
  async measured(): Promise<Measured> {
    await this.machine.serial.expect(guest.prompt, BOOT_MS);
    const log = parseEventLog(this.native.tpm.eventLog());
    const named = new Set(log.algorithms.map(({ name }) => name));
    const pcrs = (await this.native.tpm.pcrs()).filter(({ algorithm }) => named.has(algorithm));
    return { log, replayed: replay(log), pcrs };
  }

  /** Has the guest reboot itself, or presses the reset button, and waits as `measured` does. */
  async rebooted(how: "reboot" | "reset"): Promise<Measured> {
    const { serial, bus } = this.machine;
    if (how === "reset") bus.reset();
    else serial.send("reboot -f\n");
    // What the guest has said before must not be taken for what it will say.
    await serial.expect(how === "reset" ? /[\s\S]*/ : "reboot -f", BOOT_MS);
    return this.measured();
  }

  /** A file of the guest, by way of the serial port. */
  async file(path: string): Promise<Uint8Array> {
    const { output, status } = await this.machine.serial.run(`base64 ${path}`, BOOT_MS);
    if (status !== 0) throw new Error(`base64 ${path}: ${output}`);
    return new Uint8Array(Buffer.from(output, "base64"));
  }

  async close(): Promise<void> {
    await this.machine.emulator.destroy();
    await this.native.close();
  }
}
