/**
 * Plays the driver: claims locality 0, hands a command over through the registers and takes the response, as TIS 1.3
 * section 11 and PTP 1.05 describe it.
 */
import type { FrontEndDriver, FrontEndView } from "../frontend/port.ts";
import { LOCALITIES, type MmioDevice, TIS_BASE, TIS_BUFFER_SIZE } from "./ports.ts";
import { ACCESS, REGISTERS, STS } from "./registers.ts";

const LOCALITY_SIZE = 0x1000;
const HEADER_BYTES = 10;

const at = (register: { offset: number }, locality = 0) =>
  TIS_BASE + locality * LOCALITY_SIZE + register.offset;

export const TIS_DRIVER: FrontEndDriver = {
  obstacle(device: MmioDevice, view: FrontEndView) {
    for (let locality = 0; locality < LOCALITIES; locality++) {
      const access = device.read(at(REGISTERS.ACCESS, locality), 1);
      if ((access & ACCESS.VALID) === 0) return "dead";
      const state = view.state(locality);
      if (state === "execution")
        return `the TPM runs a command of the guest's (locality ${locality}); try again when it is over`;
      if (access & ACCESS.ACTIVE_LOCALITY)
        return `the guest has the TPM (locality ${locality}, state ${state}); try again when it has given it back`;
    }
    return undefined;
  },
  send(device, command) {
    device.write(at(REGISTERS.ACCESS), 1, ACCESS.REQUEST_USE);
    device.write(at(REGISTERS.STS), 4, STS.COMMAND_READY);
    for (const byte of command) device.write(at(REGISTERS.DATA_FIFO), 1, byte);
    if (device.read(at(REGISTERS.STS), 1) & STS.EXPECT)
      throw new RangeError(
        `the command's length field says more than the ${command.length} bytes that it has`,
      );
    device.write(at(REGISTERS.STS), 4, STS.TPM_GO);
  },
  answered: (device) => (device.read(at(REGISTERS.STS), 1) & STS.DATA_AVAIL) !== 0,
  take(device) {
    const next = () => device.read(at(REGISTERS.DATA_FIFO), 1);
    const header = Uint8Array.from({ length: HEADER_BYTES }, next);
    const size = new DataView(header.buffer).getUint32(2);
    if (size < HEADER_BYTES || size > TIS_BUFFER_SIZE) return undefined;
    const response = new Uint8Array(size);
    response.set(header);
    for (let i = HEADER_BYTES; i < size; i++) response[i] = next();
    return response;
  },
  release(device) {
    device.write(at(REGISTERS.STS), 4, STS.COMMAND_READY);
    device.write(at(REGISTERS.ACCESS), 1, ACCESS.ACTIVE_LOCALITY);
  },
};
