/**
 * A TPM for a machine in Node: the register interface on v86's own thread, a real swtpm process behind it. The page
 * does the same through a worker; here everything is in one place, to boot with and to measure.
 */
import { type NativeBackend, startNativeBackend } from "../bridge/native-backend.ts";
import { CommandHold } from "../machine/command-hold.ts";
import { EVENT_LOG_WINDOW, firmwareFiles } from "../machine/firmware/acpi.ts";
import { EventLogArea } from "../machine/firmware/event-log-area.ts";
import type { V86Bus } from "../machine/v86.ts";
import { TisDevice } from "../tis/device.ts";
import { TIS_BASE, TIS_SIZE, type TpmVersion } from "../tis/ports.ts";
import { commandCode, responseCode } from "../tpm2/parse.ts";

/** One TPM command of the guest, with what it took. */
export interface TimedCommand {
  code: number;
  responseCode: number;
  locality: number;
  /** Milliseconds by the host's clock, from tpmGo to the response. */
  hostMs: number;
  /** The same by the guest's clock, which stands still while a command takes long. */
  guestMs: number;
}

export interface NodeTpmOptions {
  version: Exclude<TpmVersion, "unspecified">;
  /** Extra host milliseconds before a command's response is given to the device, to play a slow TPM. */
  delayMs?: (command: Uint8Array) => number;
  /** See `CommandHold`. */
  graceMs?: number;
}

/** ISA interrupt of the device; the ACPI tables do not tell of it, so Linux polls. */
const IRQ = 5;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Starts swtpm and attaches a TPM to the machine, which must not run yet. */
export async function attachNodeTpm(bus: V86Bus, options: NodeTpmOptions): Promise<NodeTpm> {
  return new NodeTpm(bus, options, await startNativeBackend({ version: options.version }));
}

export class NodeTpm {
  readonly device: TisDevice;
  readonly log = new EventLogArea();
  readonly commands: TimedCommand[] = [];
  /** Set when the TPM behind the device has failed; the device is then in failure mode. */
  failure: Error | undefined;
  /** May be changed while the machine runs. */
  delayMs: (command: Uint8Array) => number;
  readonly #bus: V86Bus;
  readonly #native: NativeBackend;
  readonly #hold: CommandHold;
  readonly #listeners: ((command: TimedCommand) => void)[] = [];
  /** Of the command that was given out last. */
  #cancel = new AbortController();

  /** Use {@link attachNodeTpm}. */
  constructor(bus: V86Bus, { version, delayMs = () => 0, graceMs }: NodeTpmOptions, native: NativeBackend) {
    this.#bus = bus;
    this.#native = native;
    this.delayMs = delayMs;
    this.#hold = new CommandHold(bus, graceMs === undefined ? {} : { graceMs });
    const { backend } = native;
    backend.onFailure = (error) => this.#fail(error);
    this.device = new TisDevice({
      version,
      irq: IRQ,
      bufferSize: native.info.bufferSize,
      sink: {
        execute: (locality, command) => this.#watch(this.#execute(locality, command.slice())),
        cancel: () => this.#cancel.abort(),
        resetEstablishment: (locality) => this.#watch(this.#resetEstablishment(locality)),
        irq: (raised) => bus.setIrq(IRQ, raised),
      },
    });
    bus.attach({ base: TIS_BASE, size: TIS_SIZE }, this.device);
    bus.attach(EVENT_LOG_WINDOW, this.log);
    for (const { name, data } of firmwareFiles(version)) bus.setFirmwareFile(name, data);
    bus.onReset(() => this.#powerCycle());
  }

  /** Runs a command between the guest's; the guest does not see it. */
  run(command: Uint8Array): Promise<Uint8Array> {
    return this.#native.backend.deliver(0, command);
  }

  /** Calls back with each command of the guest, when it is answered. */
  onCommand(listener: (command: TimedCommand) => void): void {
    this.#listeners.push(listener);
  }

  /** Ends swtpm and removes its state. */
  close(): Promise<void> {
    this.#native.backend.onFailure = undefined;
    return this.#native.stop();
  }

  async #execute(locality: number, command: Uint8Array): Promise<void> {
    const { ticket } = this.device;
    const [host, guest] = [performance.now(), this.#bus.clock.now()];
    this.#hold.commandStarted();
    this.#cancel = new AbortController();
    const { signal } = this.#cancel;
    const response = await this.#native.backend.deliver(locality, command, { signal });
    const delay = this.delayMs(command);
    if (delay > 0) await sleep(delay);
    // After a power cycle the answer is nobody's, and a hold is that of a later command.
    if (ticket !== this.device.ticket || !this.device.executing) return;
    this.#hold.commandFinished();
    this.#record({
      code: commandCode(command) ?? 0,
      responseCode: responseCode(response) ?? 0,
      locality,
      hostMs: performance.now() - host,
      guestMs: this.#bus.clock.now() - guest,
    });
    this.device.complete(response, ticket);
  }

  #record(command: TimedCommand): void {
    this.commands.push(command);
    for (const listener of this.#listeners) listener(command);
  }

  async #resetEstablishment(locality: number): Promise<void> {
    await this.#native.backend.resetEstablishmentFlag(locality);
    this.device.setEstablishment(await this.#native.backend.establishmentFlag());
  }

  /** The machine stands still until the TPM has been through its power cycle, so that no guest finds it half reset. */
  #powerCycle(): void {
    this.#hold.commandFinished();
    this.device.reset();
    this.log.reset();
    const release = this.#bus.hold("TPM reset");
    this.#watch(this.#native.backend.reset().finally(release));
  }

  #watch(work: Promise<void>): void {
    work.catch((error: Error) => this.#fail(error));
  }

  #fail(error: Error): void {
    this.failure ??= error;
    this.#hold.commandFinished();
    this.device.fail();
  }
}
