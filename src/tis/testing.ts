/** What the tests of the device share: a device with a recording sink, and a guest's usual steps. */
import { TisDevice, type TisOptions } from "./device.ts";
import { type AccessSize, TIS_BASE, type TisSink } from "./ports.ts";
import { ACCESS, REGISTERS, STS } from "./registers.ts";

/** TPM2_Startup(TPM_SU_CLEAR). */
export const STARTUP = Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44, 0, 0);
/** A TPM 2.0 response without parameters. */
export const SUCCESS = Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0);

/** A TPM packet: header and `length - 10` bytes counting up. */
export function packet(length: number, code = 0x17a, tag = 0x8001): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => i);
  bytes.set(
    [tag >> 8, tag & 0xff, 0, 0, length >> 8, length & 0xff, 0, 0, code >> 8, code & 0xff].slice(0, length),
  );
  return bytes;
}

/** Notes what the device asks for. */
export class RecordingSink implements TisSink {
  readonly executed: { locality: number; command: Uint8Array }[] = [];
  cancels = 0;
  readonly establishmentResets: number[] = [];
  /** Each change of the interrupt line. */
  readonly irqs: boolean[] = [];

  execute(locality: number, command: Uint8Array): void {
    this.executed.push({ locality, command });
  }
  cancel(): void {
    this.cancels++;
  }
  resetEstablishment(locality: number): void {
    this.establishmentResets.push(locality);
  }
  irq(raised: boolean): void {
    this.irqs.push(raised);
  }
}

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

/** What a guest or the TPM may do to a device. */
export type Action =
  | { kind: "read"; address: number; size: AccessSize }
  | { kind: "write"; address: number; size: AccessSize; value: number }
  /** The TPM answers the command that runs, if one does. */
  | { kind: "answer"; response: Uint8Array }
  | { kind: "reset" };

/** Does it. @returns the value read. */
export function act(device: TisDevice, action: Action): number | undefined {
  switch (action.kind) {
    case "read":
      return device.read(action.address, action.size);
    case "write":
      return void device.write(action.address, action.size, action.value);
    case "answer":
      return void device.complete(action.response);
    case "reset":
      return void device.reset();
  }
}
