/** The recorder between a driver and a real device. */

import { TisDevice } from "../../../device/tis/device.ts";
import { type AccessSize, type MmioDevice, TIS_BASE } from "../../../device/tis/ports.ts";
import { ACCESS, REGISTERS, type RegisterKey, STS } from "../../../device/tis/registers.ts";
import type { AccessTap, TpmEvents } from "../../types.ts";
import { TraceRecorder } from "../recorder.ts";
import { TraceRing } from "../ring.ts";
import type { TracedMachine } from "../stepping.ts";

export const at = (key: RegisterKey, locality = 0) => TIS_BASE + locality * 0x1000 + REGISTERS[key].offset;
export const GET_RANDOM = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8];
const REFUSED = [0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x01];

/** A machine that stops at once; its guest is the test. */
export class StillMachine implements TracedMachine {
  holds = 0;
  precise = false;
  hold(): () => void {
    this.holds++;
    let released = false;
    return () => {
      if (!released) this.holds--;
      released = true;
    };
  }
  settled = async () => {};
  endSlice(): void {}
  setPrecise(on: boolean): void {
    this.precise = on;
  }
}

export function world(response: readonly number[] = REFUSED) {
  const device = new TisDevice({
    version: "2.0",
    sink: {
      execute: () => queueMicrotask(() => device.complete(Uint8Array.from(response))),
      cancel() {},
      resetEstablishment() {},
      irq() {},
    },
  });
  let guest: MmioDevice = device;
  const listeners = new Map<string, (detail: never) => void>();
  const tpm = {
    tap(tap: AccessTap | undefined) {
      guest = tap ? tap(device, "guest") : device;
    },
    on<K extends keyof TpmEvents>(event: K, listener: (detail: TpmEvents[K]) => void) {
      listeners.set(event, listener as (detail: never) => void);
      return () => listeners.delete(event);
    },
  };
  const machine = new StillMachine();
  const recorder = new TraceRecorder({ ring: new TraceRing(1000), now: () => 7 });
  const detach = recorder.attach(tpm, machine);
  /** Waits while the machine is held, as a guest does without knowing. */
  const access = async (key: RegisterKey, size: AccessSize, value?: number): Promise<number> => {
    while (machine.holds > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    if (value === undefined) return guest.read(at(key), size);
    guest.write(at(key), size, value);
    return 0;
  };
  const command = async () => {
    await access("ACCESS", 1, ACCESS.REQUEST_USE);
    await access("STS", 4, STS.COMMAND_READY);
    for (const byte of GET_RANDOM) await access("DATA_FIFO", 1, byte);
    await access("STS", 4, STS.TPM_GO);
    while (((await access("STS", 1)) & STS.DATA_AVAIL) === 0);
    for (let i = 0; i < response.length; i++) await access("DATA_FIFO", 1);
    await access("STS", 4, STS.COMMAND_READY);
    await access("ACCESS", 1, ACCESS.ACTIVE_LOCALITY);
  };
  const tell = <K extends keyof TpmEvents>(event: K, detail: TpmEvents[K]) =>
    listeners.get(event)?.(detail as never);
  return { device, guest: () => guest, recorder, machine, tpm, command, access, detach, tell };
}

/** Runs `work` to its end and notes at which access the machine stood still each time. */
export async function stops({ recorder }: ReturnType<typeof world>, work: Promise<void>): Promise<string[]> {
  const found: string[] = [];
  let done = false;
  work.then(() => {
    done = true;
  });
  while (!done || recorder.stop) {
    if (recorder.stop?.ranOn !== undefined) {
      const { write, register, value } = recorder.ring.access(recorder.stop.sequence)!;
      found.push(`${write ? "write" : "read"} ${register} ${value.toString(16)}`);
      recorder.resume();
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return found;
}
