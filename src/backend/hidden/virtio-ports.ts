/**
 * Byte ports between the host and a Linux in v86, over v86's virtio-console. It moves whole buffers, one interrupt
 * each, where a serial port moves bytes. Works on internals of v86 that are not documented, hence the checks.
 *
 * Port p has the receive queue 2p+2 and the transmit queue 2p+3 (port 0: 0 and 1; queues 2 and 3 are the device's
 * own). Source: Virtual I/O Device (VIRTIO) 1.2, section 5.3.
 */
import { TRIED_V86_VERSION, type V86Emulator, V86VersionError } from "../../machine/v86/v86-internals.ts";

/** Linux posts receive buffers of one page each; more than that would be cut. */
export const PORT_PAGE = 4096;
/** VIRTIO_CONSOLE_CONSOLE_PORT: makes the guest turn the port into a terminal, which then cannot be opened as a port. */
const CONSOLE_PORT = 4;

const receiveQueue = (port: number) => (port === 0 ? 0 : 2 * port + 2);

interface VirtioQueue {
  has_request(): boolean;
}

interface VirtioConsole {
  SendEvent(port: number, event: number, value: number): void;
  virtio: { queues: VirtioQueue[] };
}

type PortEmulator = V86Emulator & {
  bus: { send(event: string, argument: unknown): void };
  v86: { cpu: { devices?: { virtio_console?: VirtioConsole } } };
};

/** The guest has no buffer for what the host sends; bytes would be lost. */
export class PortOverrunError extends Error {
  override name = "PortOverrunError";
}

export class VirtioPorts {
  readonly #emulator: PortEmulator;
  readonly #console: VirtioConsole;

  /**
   * @param emulator a loaded v86, made with `virtio_console: true`, not yet run.
   * @throws {V86VersionError} when this v86 has no such device, or another one.
   */
  constructor(emulator: V86Emulator) {
    this.#emulator = emulator as PortEmulator;
    const device = this.#emulator.v86.cpu.devices?.virtio_console;
    if (
      typeof device?.SendEvent !== "function" ||
      typeof device.virtio?.queues?.[4]?.has_request !== "function"
    ) {
      throw new V86VersionError(["v86.cpu.devices.virtio_console", `(tried: v86 ${TRIED_V86_VERSION})`]);
    }
    this.#console = device;
    const sendEvent = device.SendEvent.bind(device);
    // All are to be plain ports.
    device.SendEvent = (port, event, value) => {
      if (event !== CONSOLE_PORT) sendEvent(port, event, value);
    };
  }

  /** Calls back with each buffer that the guest writes to a port. */
  onOutput(port: number, listener: (bytes: Uint8Array) => void): void {
    this.#emulator.add_listener(`virtio-console${port}-output-bytes`, listener);
  }

  /**
   * Sends up to a page to a port, as one buffer.
   * @throws {PortOverrunError} when the guest has no buffer left: v86 would drop the bytes without a word.
   */
  send(port: number, bytes: Uint8Array): void {
    if (bytes.length > PORT_PAGE)
      throw new RangeError(`at most ${PORT_PAGE} bytes at a time, got ${bytes.length}`);
    if (!this.#console.virtio.queues[receiveQueue(port)]?.has_request()) {
      throw new PortOverrunError(`the guest has no receive buffer on port ${port}`);
    }
    this.#emulator.bus.send(`virtio-console${port}-input-bytes`, bytes);
  }
}
