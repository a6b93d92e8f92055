/** The header of a crypto-agile log (TCG_EfiSpecIdEvent), and how a log area is filled up behind its last event. */
import { ByteReader, ShortInputError } from "../bytes/reader.ts";
import { algorithmName, digestSize } from "../tpm2/algorithms.ts";
import { EVENT_TYPES } from "./event-types.ts";
import { addProblem, LIMITS } from "./limits.ts";
import { type EventLog, type LogAlgorithm, type LogEvent, PCR_COUNT, type SpecId } from "./log.ts";
import { latin1 } from "./text.ts";

const SPEC_ID_SIGNATURE = "Spec ID Event03\0";
const NO_ACTION = EVENT_TYPES.EV_NO_ACTION.id;
/** PCR, type and digest count of an event of format 2.0. */
const EVENT_START = 12;
const ALL_PCRS = 0xffff_ffff;

/** Whether `count` bytes, or those that are left, are all zero or all 0xFF. */
export function isPadding(bytes: Uint8Array, offset: number, count: number): boolean {
  const fill = bytes[offset];
  if (fill !== 0 && fill !== 0xff) return false;
  const end = Math.min(bytes.length, offset + count);
  for (let i = offset + 1; i < end; i++) if (bytes[i] !== fill) return false;
  return true;
}

/** Where the run of equal bytes that begins at `offset` ends. */
export function paddingEnd(bytes: Uint8Array, offset: number): number {
  let end = offset + 1;
  while (end < bytes.length && bytes[end] === bytes[offset]) end++;
  return end;
}

/**
 * Turns to format 2.0 when the first event is the header of a crypto-agile log. A header that is not whole keeps the
 * fields that it has: digests of known algorithms can be read without it.
 * @param reader stands behind the event, and is moved on when the header is longer than its event.
 */
export function readSpecId(event: LogEvent, log: EventLog, reader: ByteReader): void {
  const signature = latin1(event.data.subarray(0, SPEC_ID_SIGNATURE.length));
  if (event.type !== NO_ACTION || signature !== SPEC_ID_SIGNATURE) return;
  log.format = "2.0";
  log.algorithms = [];
  const note = (message: string) => addProblem(log.problems, event.offset, message);
  const header = new ByteReader(event.data.subarray(SPEC_ID_SIGNATURE.length));
  try {
    const specId: SpecId = {
      platformClass: header.u32le(),
      versionMinor: header.u8(),
      versionMajor: header.u8(),
      errata: header.u8(),
      uintnSize: header.u8(),
      algorithms: [],
      vendorInfo: new Uint8Array(),
    };
    log.specId = specId;
    const count = header.u32le();
    if (count > LIMITS.algorithms) note(`the header lists ${count} algorithms, which no TPM has`);
    while (specId.algorithms.length < Math.min(count, LIMITS.algorithms)) {
      const algorithm = readAlgorithm(header);
      specId.algorithms.push(algorithm);
      if (!log.algorithms.some(({ id }) => id === algorithm.id)) log.algorithms.push(algorithm);
    }
    if (count <= LIMITS.algorithms) readVendorInfo(specId, header, event, log, reader);
  } catch (error) {
    if (!(error instanceof ShortInputError)) throw error;
    note("the header of the log is cut off");
  }
  for (const { id, name, digestSize: size } of log.algorithms) {
    const known = digestSize(id);
    if (known === undefined || known === size) continue;
    note(`the header says that a ${name} digest has ${size} bytes; it has ${known}`);
  }
}

function readAlgorithm(reader: ByteReader): LogAlgorithm {
  const id = reader.u16le();
  return { id, name: algorithmName(id), digestSize: reader.u16le() };
}

/**
 * The vendor's own bytes at the header's end. Some firmware forgets to count them in the event's size, so that they
 * lie behind it; others give a wrong length. Where the next event begins tells which.
 */
function readVendorInfo(
  specId: SpecId,
  header: ByteReader,
  event: LogEvent,
  log: EventLog,
  reader: ByteReader,
): void {
  const size = header.u8();
  const behind = size - header.left;
  if (behind <= 0) {
    specId.vendorInfo = header.take(size);
    return;
  }
  const note = (message: string) => addProblem(log.problems, event.offset, message);
  const { bytes, offset } = reader;
  if (behind > reader.left || beginsEvent(bytes, offset, log) || !mayFollow(bytes, offset + behind, log)) {
    note(`the header says that it has ${size} bytes of the vendor's, ${header.left} are there`);
    specId.vendorInfo = header.take(header.left);
    return;
  }
  note(`the vendor's bytes in the header go on for ${behind} byte(s) behind its event`);
  reader.take(behind);
  event.size += behind;
  specId.vendorInfo = bytes.subarray(offset + behind - size, offset + behind);
}

/** Whether the bytes look like the beginning of an event with digests of the log's algorithms. */
function beginsEvent(bytes: Uint8Array, offset: number, { algorithms }: EventLog): boolean {
  if (bytes.length - offset < EVENT_START + 2) return false;
  const reader = new ByteReader(bytes.subarray(offset, offset + EVENT_START + 2));
  const pcr = reader.u32le();
  reader.u32le(); // any type
  const count = reader.u32le();
  const first = reader.u16le();
  const some = count > 0 && count <= LIMITS.algorithms && algorithms.some(({ id }) => id === first);
  return some && (pcr < PCR_COUNT || pcr === ALL_PCRS);
}

/** Whether the log can go on, or end, at this place. */
function mayFollow(bytes: Uint8Array, offset: number, log: EventLog): boolean {
  return offset === bytes.length || isPadding(bytes, offset, EVENT_START) || beginsEvent(bytes, offset, log);
}
