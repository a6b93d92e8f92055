/** Sends a command of the page's through the registers, as a guest's driver does. */
import type { FrontEndDriver, FrontEndView, MmioDevice } from "../device/frontend/port.ts";
import { TIS_BUFFER_SIZE } from "../device/tis/ports.ts";
import { TpmBusyError, TpmFailedError } from "./errors.ts";

const HEADER_BYTES = 10;
/** How often the response is looked for, in milliseconds. */
const POLL_MS = 2;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @param view what the registers show.
 * @param alive throws when the TPM is gone.
 * @throws {TpmBusyError} when the guest uses the TPM, {TpmFailedError} when the registers are dead.
 */
export async function driveCommand(
  driver: FrontEndDriver,
  device: MmioDevice,
  view: FrontEndView,
  command: Uint8Array,
  alive: () => void,
): Promise<Uint8Array> {
  const { length } = command;
  if (length < HEADER_BYTES || length > TIS_BUFFER_SIZE)
    throw new RangeError(`a TPM command has ${HEADER_BYTES} to ${TIS_BUFFER_SIZE} bytes, got ${length}`);
  const obstacle = driver.obstacle(device, view);
  if (obstacle === "dead")
    throw new TpmFailedError("the TPM's registers are dead (failure mode); reset the machine");
  if (obstacle) throw new TpmBusyError(obstacle);
  try {
    driver.send(device, command);
    while (!driver.answered(device)) {
      alive();
      await pause(POLL_MS);
    }
    const response = driver.take(device);
    if (!response)
      throw new TpmFailedError("the TPM has failed while its response was read; reset the machine");
    return response;
  } finally {
    driver.release(device);
  }
}
