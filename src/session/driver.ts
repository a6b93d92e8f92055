/**
 * Plays the driver: claims locality 0, hands a command over through the registers and takes the response, as TIS 1.3
 * section 11 and PTP 1.05 describe it.
 */
import { LOCALITIES, type MmioDevice, TIS_BASE, TIS_BUFFER_SIZE } from "../tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../tis/registers.ts";
import type { TisView } from "../tis/view.ts";
import { TpmBusyError, TpmFailedError } from "./errors.ts";

const LOCALITY_SIZE = 0x1000;
const HEADER_BYTES = 10;
/** How often the response is looked for, in milliseconds. */
const POLL_MS = 2;

const at = (register: { offset: number }, locality = 0) =>
  TIS_BASE + locality * LOCALITY_SIZE + register.offset;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param view what the registers show.
 * @param alive throws when the TPM is gone.
 * @throws {TpmBusyError} when the guest uses the TPM, {TpmFailedError} when the registers are dead.
 */
export async function driveCommand(
  device: MmioDevice,
  view: TisView,
  command: Uint8Array,
  alive: () => void,
): Promise<Uint8Array> {
  const { length } = command;
  if (length < HEADER_BYTES || length > TIS_BUFFER_SIZE)
    throw new RangeError(`a TPM command has ${HEADER_BYTES} to ${TIS_BUFFER_SIZE} bytes, got ${length}`);
  mustBeFree(device, view);
  device.write(at(REGISTERS.ACCESS), 1, ACCESS.REQUEST_USE);
  try {
    device.write(at(REGISTERS.STS), 4, STS.COMMAND_READY);
    for (const byte of command) device.write(at(REGISTERS.DATA_FIFO), 1, byte);
    if (device.read(at(REGISTERS.STS), 1) & STS.EXPECT)
      throw new RangeError(`the command's length field says more than the ${length} bytes that it has`);
    device.write(at(REGISTERS.STS), 4, STS.TPM_GO);
    while ((device.read(at(REGISTERS.STS), 1) & STS.DATA_AVAIL) === 0) {
      alive();
      await pause(POLL_MS);
    }
    return takeResponse(device);
  } finally {
    device.write(at(REGISTERS.STS), 4, STS.COMMAND_READY);
    device.write(at(REGISTERS.ACCESS), 1, ACCESS.ACTIVE_LOCALITY);
  }
}

function mustBeFree(device: MmioDevice, view: TisView): void {
  for (let locality = 0; locality < LOCALITIES; locality++) {
    const access = device.read(at(REGISTERS.ACCESS, locality), 1);
    if ((access & ACCESS.VALID) === 0)
      throw new TpmFailedError("the TPM's registers are dead (failure mode); reset the machine");
    const state = view.state(locality);
    if (state === "execution")
      throw new TpmBusyError(
        `the TPM runs a command of the guest's (locality ${locality}); try again when it is over`,
      );
    if (access & ACCESS.ACTIVE_LOCALITY)
      throw new TpmBusyError(
        `the guest has the TPM (locality ${locality}, state ${state}); try again when it has given it back`,
      );
  }
}

function takeResponse(device: MmioDevice): Uint8Array {
  const next = () => device.read(at(REGISTERS.DATA_FIFO), 1);
  const header = Uint8Array.from({ length: HEADER_BYTES }, next);
  const size = new DataView(header.buffer).getUint32(2);
  if (size < HEADER_BYTES || size > TIS_BUFFER_SIZE)
    throw new TpmFailedError("the TPM has failed while its response was read; reset the machine");
  const response = new Uint8Array(size);
  response.set(header);
  for (let i = HEADER_BYTES; i < size; i++) response[i] = next();
  return response;
}
