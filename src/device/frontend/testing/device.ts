/** What the tests of register interfaces share: packets, a sink that records, and what can happen to a device. */
import type { AccessSize, FrontEndDevice, FrontEndSink, LaunchStep } from "../port.ts";

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
export class RecordingSink implements FrontEndSink {
  readonly executed: { locality: number; command: Uint8Array }[] = [];
  cancels = 0;
  readonly establishmentResets: number[] = [];
  /** Each change of the interrupt line. */
  readonly irqs: boolean[] = [];

  /** Of dynamic launches. */
  readonly launchSteps: LaunchStep[] = [];

  execute(locality: number, command: Uint8Array): void {
    this.executed.push({ locality, command });
  }
  cancel(): void {
    this.cancels++;
  }
  resetEstablishment(locality: number): void {
    this.establishmentResets.push(locality);
  }
  launch(step: LaunchStep): void {
    this.launchSteps.push(step);
  }
  irq(raised: boolean): void {
    this.irqs.push(raised);
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
export function act(device: FrontEndDevice, action: Action): number | undefined {
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
