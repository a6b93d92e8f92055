/**
 * What an access costs across threads, measured in the page: of the link alone, so with a TPM that answers at once.
 * `npm run bench` and the test beside this read the numbers.
 */
import { TIS_BASE } from "../../src/device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../../src/device/tis/registers.ts";
import { startEcho } from "./echo.ts";

export interface LinkBench {
  /** Nanoseconds for a read of STS when nothing was written since the last one: medians of batches. */
  readUnchangedNs: number[];
  /** Nanoseconds for a write and a read that depends on it, one after the other. */
  readAfterWriteHotNs: number[];
  /** Microseconds for the same after a rest in which the worker went to sleep: each for itself. */
  readAfterWriteColdUs: number[];
  /** Nanoseconds a byte, by bytes, until the device has taken all of a command of 4096 bytes. */
  fifoWriteNs: number[];
  /** Nanoseconds a byte, by bytes, for a response of 510 bytes. */
  fifoReadNs: number[];
}

const STS_ADDRESS = TIS_BASE + REGISTERS.STS.offset;
const FIFO_ADDRESS = TIS_BASE + REGISTERS.DATA_FIFO.offset;
const ACCESS_ADDRESS = TIS_BASE + REGISTERS.ACCESS.offset;
/** INT_ENABLE: a register of one's own to write to and read back. */
const SCRATCH_ADDRESS = TIS_BASE + REGISTERS.INT_ENABLE.offset;
const COMMAND_BYTES = 4096;
const RESPONSE_WORDS = 125;

const rest = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Nanoseconds a step. */
function time(steps: number, step: (i: number) => void): number {
  const began = performance.now();
  for (let i = 0; i < steps; i++) step(i);
  return ((performance.now() - began) * 1e6) / steps;
}

/** @param rounds how often everything is measured. */
export async function benchLink(rounds = 20): Promise<LinkBench> {
  const { device, end } = await startEcho();
  const result: LinkBench = {
    readUnchangedNs: [],
    readAfterWriteHotNs: [],
    readAfterWriteColdUs: [],
    fifoWriteNs: [],
    fifoReadNs: [],
  };
  device.write(ACCESS_ADDRESS, 1, ACCESS.REQUEST_USE);
  const writeAndRead = (i: number) => {
    device.write(SCRATCH_ADDRESS, 4, i & 0x87);
    if (device.read(SCRATCH_ADDRESS, 4) !== (i & 0x87))
      throw new Error("a read did not see the write before it");
  };
  for (let round = 0; round < rounds; round++) {
    result.readUnchangedNs.push(time(100_000, () => void device.read(STS_ADDRESS, 4)));
    result.readAfterWriteHotNs.push(time(5_000, writeAndRead));
    await rest(5);
    result.readAfterWriteColdUs.push(time(1, () => writeAndRead(1)) / 1000);
    const command = commandBytes();
    device.write(STS_ADDRESS, 1, STS.COMMAND_READY);
    const put = time(1, () => {
      for (const byte of command) device.write(FIFO_ADDRESS, 1, byte);
      if (device.read(STS_ADDRESS, 1) & STS.EXPECT)
        throw new Error("the device wants more than the whole command");
    });
    result.fifoWriteNs.push(put / COMMAND_BYTES);
    device.write(STS_ADDRESS, 1, STS.TPM_GO);
    while (!(device.read(STS_ADDRESS, 1) & STS.DATA_AVAIL)) await rest(0);
    const length = 10 + 4 * RESPONSE_WORDS;
    result.fifoReadNs.push(time(length, () => void device.read(FIFO_ADDRESS, 1)));
    device.write(STS_ADDRESS, 1, STS.COMMAND_READY);
  }
  end();
  return result;
}

/** A command that the test device answers with 510 bytes. */
function commandBytes(): Uint8Array {
  const command = new Uint8Array(COMMAND_BYTES);
  command.set([0x80, 0x01, 0, 0, COMMAND_BYTES >> 8, COMMAND_BYTES & 0xff, 0, 0, 1, RESPONSE_WORDS]);
  return command;
}
