/**
 * Plays the driver: asks for locality 0, makes the TPM ready, writes a command into the data buffer, starts it and takes
 * the response, as PTP 1.05 section 6.5.3 describes it.
 */

import { HEADER_BYTES, isWellFormed } from "../frontend/packet.ts";
import type { FrontEndDriver, FrontEndView } from "../frontend/port.ts";
import { type AccessSize, CRB_BASE, LOCALITIES, type MmioDevice } from "./ports.ts";
import { CTRL_REQ, CTRL_START, INTF_ID, LOC_CTRL, LOC_STATE, LOC_STS, REGISTERS } from "./registers.ts";

const at = (register: { offset: number }) => CRB_BASE + register.offset;

export const CRB_DRIVER: FrontEndDriver = {
  obstacle(device: MmioDevice, view: FrontEndView) {
    if ((device.read(at(REGISTERS.LOC_STATE), 1) & LOC_STATE.VALID) === 0) return "dead";
    for (let locality = 0; locality < LOCALITIES; locality++) {
      if (view.activeLocality !== locality) continue;
      const state = view.state(locality);
      if (state === "execution")
        return `the TPM runs a command of the guest's (locality ${locality}); try again when it is over`;
      return `the guest has the TPM (locality ${locality}, state ${state}); try again when it has given it back`;
    }
    return undefined;
  },
  send(device, command) {
    device.write(at(REGISTERS.LOC_CTRL), 4, LOC_CTRL.REQUEST_ACCESS);
    device.write(at(REGISTERS.CTRL_REQ), 4, CTRL_REQ.CMD_READY);
    if (!isWellFormed(command, command.length))
      throw new RangeError(
        `the command's length field does not say that it has the ${command.length} bytes that it has`,
      );
    const size = device.read(at(REGISTERS.CTRL_CMD_SIZE), 4);
    const chunks = (device.read(at(REGISTERS.INTF_ID), 4) & INTF_ID.CAP_CRB_CHUNK) !== 0;
    if (command.length > size && !chunks)
      throw new RangeError(`a command of ${command.length} bytes; this interface takes ${size}`);
    let begin = 0;
    for (; command.length - begin > size; begin += size) {
      fill(device, command.subarray(begin, begin + size));
      device.write(at(REGISTERS.CTRL_START), 4, CTRL_START.NEXT_CHUNK);
    }
    fill(device, command.subarray(begin));
    device.write(at(REGISTERS.CTRL_START), 4, CTRL_START.START);
  },
  answered(device) {
    const granted = device.read(at(REGISTERS.LOC_STS), 4) & LOC_STS.GRANTED;
    return granted !== 0 && (device.read(at(REGISTERS.CTRL_START), 4) & CTRL_START.START) === 0;
  },
  take(device) {
    const header = bytes(device, HEADER_BYTES);
    const length = new DataView(header.buffer).getUint32(2);
    const size = device.read(at(REGISTERS.CTRL_RSP_SIZE), 4);
    if (length < HEADER_BYTES || size === 0 || length > MOST_CHUNKS * size) return undefined;
    const response = new Uint8Array(length);
    for (let done = 0; done < length; done += size) {
      if (done > 0) device.write(at(REGISTERS.CTRL_START), 4, CTRL_START.NEXT_CHUNK);
      response.set(bytes(device, Math.min(size, length - done)), done);
    }
    return response;
  },
  release(device) {
    device.write(at(REGISTERS.CTRL_REQ), 4, CTRL_REQ.GO_IDLE);
    device.write(at(REGISTERS.LOC_CTRL), 4, LOC_CTRL.RELINQUISH);
  },
};

/** What a response that says more than this is: none. */
const MOST_CHUNKS = 3;

/** Four bytes at a time, as far as they go: the data buffer takes any size. */
const sizeAt = (left: number): AccessSize => (left >= 4 ? 4 : 1);

function fill(device: MmioDevice, part: Uint8Array): void {
  for (let i = 0; i < part.length; ) {
    const size = sizeAt(part.length - i);
    let value = 0;
    for (let byte = size - 1; byte >= 0; byte--) value = ((value << 8) | part[i + byte]!) >>> 0;
    device.write(at(REGISTERS.DATA_BUFFER) + i, size, value);
    i += size;
  }
}

function bytes(device: MmioDevice, length: number): Uint8Array<ArrayBuffer> {
  const part = new Uint8Array(length);
  for (let i = 0; i < length; ) {
    const size = sizeAt(length - i);
    const value = device.read(at(REGISTERS.DATA_BUFFER) + i, size);
    for (let byte = 0; byte < size; byte++) part[i + byte] = value >>> (8 * byte);
    i += size;
  }
  return part;
}
