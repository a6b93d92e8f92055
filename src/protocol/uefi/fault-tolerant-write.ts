/**
 * edk2's fault-tolerant writes: what is to stand in some blocks of a flash is written to a spare area first, so that a
 * write which the end of the machine cut off can be finished at the next power-on.
 * Source: edk2, MdeModulePkg/Include/Guid/SystemNvDataGuid.h and Universal/FaultTolerantWriteDxe.
 */
import { viewOf } from "../bytes/view.ts";
import { guidText } from "./guid.ts";

/** EDKII_WORKING_BLOCK_SIGNATURE_GUID: the block with the list of writes begins with it. */
const WORKING_BLOCK = "9e58292b-7c68-497d-a0ce-6500fd9f1b95";
const WORKING_HEADER = 32;
const BLOCK = 0x1000;

/** EFI_FAULT_TOLERANT_WRITE_HEADER: one for some records that belong together. */
const WRITE = { WRITES_AT: 24, PRIVATE_SIZE_AT: 32, SIZE: 40 } as const;
/** EFI_FAULT_TOLERANT_WRITE_RECORD, with private data behind it. */
const RECORD = { LBA_AT: 8, OFFSET_AT: 16, LENGTH_AT: 24, TARGET_FROM_SPARE_AT: 32, SIZE: 40 } as const;
/** Bits of the first byte of both; flash is written from ones to zeros, so one that is cleared says yes. */
const SPARE_COMPLETE = 0x02;
const COMPLETE = 0x04;

/** Where a write goes, and where its copy is. */
interface Write {
  target: number;
  spare: number;
  length: number;
}

/**
 * A flash as its firmware has it after the next power-on.
 * @returns `flash` itself when no write was cut off, or none of which the copy is whole.
 */
export function withFinishedWrite(flash: Uint8Array): Uint8Array {
  const write = cutOff(flash);
  if (!write) return flash;
  const { target, spare, length } = write;
  const finished = flash.slice();
  finished.copyWithin(target, spare, spare + length);
  return finished;
}

function cutOff(flash: Uint8Array): Write | undefined {
  const at = workingBlock(flash);
  if (at === undefined) return undefined;
  const view = viewOf(flash);
  // What is no number of bytes in this flash leads behind its end.
  const number = (offset: number) => Number(view.getBigUint64(offset, true));
  const inFlash = (offset: number, size: number) => offset >= 0 && size >= 0 && offset + size <= flash.length;
  const cleared = (offset: number, bit: number) => (view.getUint8(offset) & bit) === 0;
  for (let header = at + WORKING_HEADER; inFlash(header, WRITE.SIZE + RECORD.SIZE); ) {
    const recordSize = RECORD.SIZE + number(header + WRITE.PRIVATE_SIZE_AT);
    const end = header + WRITE.SIZE + number(header + WRITE.WRITES_AT) * recordSize;
    if (cleared(header, COMPLETE)) {
      header = end;
      continue;
    }
    let record = header + WRITE.SIZE;
    while (record < end && inFlash(record, RECORD.SIZE) && cleared(record, COMPLETE)) record += recordSize;
    if (record >= end || !inFlash(record, RECORD.SIZE) || !cleared(record, SPARE_COMPLETE)) return undefined;
    const target = number(record + RECORD.LBA_AT) * BLOCK;
    const spare = target - Number(view.getBigInt64(record + RECORD.TARGET_FROM_SPARE_AT, true));
    const written = number(record + RECORD.OFFSET_AT) + number(record + RECORD.LENGTH_AT);
    const length = Math.ceil(written / BLOCK) * BLOCK;
    return inFlash(target, length) && inFlash(spare, length) ? { target, spare, length } : undefined;
  }
  return undefined;
}

function workingBlock(flash: Uint8Array): number | undefined {
  for (let at = 0; at + BLOCK <= flash.length; at += BLOCK)
    if (guidText(flash.subarray(at, at + 16)) === WORKING_BLOCK) return at;
  return undefined;
}
