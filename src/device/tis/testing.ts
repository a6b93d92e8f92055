/** What the tests of the device share: a device with a recording sink, and a guest's usual steps. */
import { RecordingSink, STARTUP } from "../frontend/testing/device.ts";
import { TisDevice, type TisOptions } from "./device.ts";
import { type AccessSize, TIS_BASE } from "./ports.ts";
import { ACCESS, REGISTERS, STS } from "./registers.ts";

export { type Action, act, packet, RecordingSink, STARTUP, SUCCESS } from "../frontend/testing/device.ts";

/** A guest at the registers of a device of its own. */
export class Bench {
  readonly sink = new RecordingSink();
  readonly device: TisDevice;

  constructor(options: Partial<TisOptions> = {}) {
    this.device = new TisDevice({ version: "2.0", sink: this.sink, ...options });
  }

  read(locality: number, offset: number, size: AccessSize = 4): number {
    return this.device.read(TIS_BASE + locality * 0x1000 + offset, size);
  }
  write(locality: number, offset: number, value: number, size: AccessSize = 1): void {
    this.device.write(TIS_BASE + locality * 0x1000 + offset, size, value);
  }
  access(locality: number, value: number): void {
    this.write(locality, REGISTERS.ACCESS.offset, value);
  }
  sts(locality: number, value: number): void {
    this.write(locality, REGISTERS.STS.offset, value);
  }
  /** TPM_ACCESS without the bits that are always there. */
  accessBits(locality: number): number {
    return this.read(locality, REGISTERS.ACCESS.offset) & ~(ACCESS.VALID | ACCESS.ESTABLISHMENT);
  }
  /** The low byte of TPM_STS. */
  status(locality: number): number {
    return this.read(locality, REGISTERS.STS.offset, 1);
  }
  burst(locality: number): number {
    return (this.read(locality, REGISTERS.STS.offset) >>> 8) & 0xffff;
  }
  /** Makes a free TPM the locality's, ready for a command. */
  ready(locality = 0): void {
    this.access(locality, ACCESS.REQUEST_USE);
    this.sts(locality, STS.COMMAND_READY);
  }
  fill(bytes: Uint8Array, locality = 0): void {
    for (const byte of bytes) this.write(locality, REGISTERS.DATA_FIFO.offset, byte);
  }
  /** Sends a command from a locality that is active. */
  send(command: Uint8Array = STARTUP, locality = 0): void {
    this.sts(locality, STS.COMMAND_READY);
    this.fill(command, locality);
    this.sts(locality, STS.TPM_GO);
  }
  /** Reads the response as long as dataAvail says that there is some. */
  response(locality = 0): Uint8Array {
    const bytes: number[] = [];
    while (this.status(locality) & STS.DATA_AVAIL) {
      bytes.push(this.read(locality, REGISTERS.DATA_FIFO.offset, 1));
    }
    return Uint8Array.from(bytes);
  }
}
