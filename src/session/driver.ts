/**
 * Plays the driver: claims locality 0, hands a command over through the registers and takes the response, as TIS 1.3
 * section 11 and PTP 1.05 describe it.
 */
import { type AccessSize, LOCALITIES, TIS_BASE } from "../tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../tis/registers.ts";
import { TpmBusyError, TpmFailedError } from "./errors.ts";

export interface DriverBus {
  read(address: number, size: AccessSize): number;
  write(address: number, size: AccessSize, value: number): void;
}

const LOCALITY_SIZE = 0x1000;
const HEADER_BYTES = 10;
/** How often the response is looked for, in milliseconds. */
const POLL_MS = 2;

const at = (register: { offset: number }, locality = 0) =>
  TIS_BASE + locality * LOCALITY_SIZE + register.offset;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @throws {TpmBusyError} when a guest owns the TPM, {TpmFailedError} when the registers are dead.
 */
export async function driveCommand(
  bus: DriverBus,
  command: Uint8Array,
  alive: () => void,
): Promise<Uint8Array> {
  if (command.length < HEADER_BYTES)
    throw new RangeError(`a TPM command has at least ${HEADER_BYTES} bytes, got ${command.length}`);
  for (let locality = 0; locality < LOCALITIES; locality++) {
    const access = bus.read(at(REGISTERS.ACCESS, locality), 1);
    if ((access & ACCESS.VALID) === 0)
      throw new TpmFailedError("the TPM's registers are dead (failure mode)");
    if (access & ACCESS.ACTIVE_LOCALITY) {
      throw new TpmBusyError(
        `the guest uses the TPM at locality ${locality}; try again when its command is over, or pause the machine between two commands`,
      );
    }
  }
  bus.write(at(REGISTERS.ACCESS), 1, ACCESS.REQUEST_USE);
  try {
    bus.write(at(REGISTERS.STS), 4, STS.COMMAND_READY);
    for (const byte of command) bus.write(at(REGISTERS.DATA_FIFO), 1, byte);
    bus.write(at(REGISTERS.STS), 4, STS.TPM_GO);
    while ((bus.read(at(REGISTERS.STS), 4) & STS.DATA_AVAIL) === 0) {
      alive();
      await pause(POLL_MS);
    }
    const header = Uint8Array.from({ length: HEADER_BYTES }, () => bus.read(at(REGISTERS.DATA_FIFO), 1));
    const size = new DataView(header.buffer).getUint32(2, false);
    const response = new Uint8Array(size);
    response.set(header);
    for (let i = HEADER_BYTES; i < size; i++) response[i] = bus.read(at(REGISTERS.DATA_FIFO), 1);
    return response;
  } finally {
    bus.write(at(REGISTERS.STS), 4, STS.COMMAND_READY);
    bus.write(at(REGISTERS.ACCESS), 1, ACCESS.ACTIVE_LOCALITY);
  }
}
