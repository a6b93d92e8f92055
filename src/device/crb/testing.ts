/** What the tests of the device share: a device with a recording sink, and a guest's usual steps. */
import { RecordingSink, STARTUP } from "../frontend/testing/device.ts";
import { CrbDevice, type CrbOptions } from "./device.ts";
import { type AccessSize, CRB_BASE, LOCALITY_SIZE } from "./ports.ts";
import { CTRL_REQ, CTRL_START, LOC_CTRL, REGISTERS, type RegisterKey } from "./registers.ts";

export { type Action, act, packet, RecordingSink, STARTUP, SUCCESS } from "../frontend/testing/device.ts";

/** A guest at the registers of a device of its own. */
export class Bench {
  readonly sink = new RecordingSink();
  readonly device: CrbDevice;

  constructor(options: Partial<CrbOptions> = {}) {
    this.device = new CrbDevice({ version: "2.0", sink: this.sink, ...options });
  }

  address(register: RegisterKey, locality = 0): number {
    return CRB_BASE + locality * LOCALITY_SIZE + REGISTERS[register].offset;
  }
  read(register: RegisterKey, locality = 0, size: AccessSize = 4): number {
    return this.device.read(this.address(register, locality), size);
  }
  write(register: RegisterKey, value: number, locality = 0, size: AccessSize = 4): void {
    this.device.write(this.address(register, locality), size, value);
  }
  request(locality = 0): void {
    this.write("LOC_CTRL", LOC_CTRL.REQUEST_ACCESS, locality);
  }
  relinquish(locality = 0): void {
    this.write("LOC_CTRL", LOC_CTRL.RELINQUISH, locality);
  }
  seize(locality: number): void {
    this.write("LOC_CTRL", LOC_CTRL.SEIZE, locality);
  }
  /** Makes a free TPM the locality's, ready for a command. */
  ready(locality = 0): void {
    this.request(locality);
    this.write("CTRL_REQ", CTRL_REQ.CMD_READY, locality);
  }
  fill(bytes: Uint8Array, locality = 0): void {
    for (const [i, byte] of bytes.entries())
      this.device.write(this.address("DATA_BUFFER", locality) + i, 1, byte);
  }
  /** Sends a command from a locality that has the TPM, and is ready. */
  send(command: Uint8Array = STARTUP, locality = 0): void {
    this.fill(command, locality);
    this.write("CTRL_START", CTRL_START.START, locality);
  }
  /** What is at the data buffer's begin. */
  bytes(length: number, locality = 0): Uint8Array {
    return Uint8Array.from({ length }, (_, i) =>
      this.device.read(this.address("DATA_BUFFER", locality) + i, 1),
    );
  }
}
