/**
 * Reads a TCG event log: the SHA-1 format of TPM 1.2 (TCG_PCR_EVENT) and the crypto-agile one of TPM 2.0
 * (TCG_PCR_EVENT2), little-endian. Nothing here throws at a log's content: a log is what a guest wrote.
 * Source: TCG PC Client Platform Firmware Profile 1.06, sections 10.2 and 10.4.5.
 */
import { ByteReader, ShortInputError } from "../bytes/reader.ts";
import { algorithmName, digestSize, TPM_ALG } from "../tpm2/algorithms.ts";
import { EVENT_TYPES } from "./event-types.ts";
import { type EventLog, type LogAlgorithm, type LogEvent, PCR_COUNT, type SpecId } from "./log.ts";
import { latin1 } from "./text.ts";

const SPEC_ID_SIGNATURE = "Spec ID Event03\0";
/** An event of format 1.2 without data: PCR, type, SHA-1 digest, size. */
const SHORTEST_EVENT_12 = 32;
/** An event of format 2.0 has at least PCR, type and digest count. */
const SHORTEST_EVENT_20 = 12;
/** More algorithms than any TPM has: a count above it is not one. */
const MOST_ALGORITHMS = 16;
const ALL_PCRS = 0xffff_ffff;
const SHA1 = TPM_ALG.SHA1.id;

/** Something that makes the rest of the log unreadable. */
class Unreadable extends Error {
  constructor(
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Parses a log, or a whole log area with a log at its start: a header of zeros is taken for the log's end.
 * @returns as much as could be read, with what is wrong in `problems`.
 */
export function parseEventLog(bytes: Uint8Array): EventLog {
  const log: EventLog = { format: "1.2", algorithms: [sha1()], events: [], end: 0, problems: [] };
  // A copy: a log area changes while the guest runs.
  const reader = new ByteReader(new Uint8Array(bytes));
  try {
    while (!atEnd(reader, log)) {
      const event = log.format === "2.0" ? readEvent20(reader, log) : readEvent12(reader, log);
      log.events.push(event);
      log.end = reader.offset;
      if (event.index === 0) readSpecId(event, log);
      noteOddities(event, log);
    }
  } catch (error) {
    if (error instanceof Unreadable) log.problems.push({ offset: error.offset, message: error.message });
    else if (error instanceof ShortInputError) log.problems.push(cutOff(log, error));
    else throw error;
  }
  return log;
}

function sha1(): LogAlgorithm {
  return { id: SHA1, name: "sha1", digestSize: 20 };
}

function cutOff(log: EventLog, error: ShortInputError) {
  const message = `the log is cut off: event ${log.events.length} needs ${error.wanted} byte(s) at offset ${error.offset}, ${error.left} are left`;
  return { offset: log.end, message };
}

/** True after the last event: at the end of the bytes, or where a header is all zeros. */
function atEnd(reader: ByteReader, log: EventLog): boolean {
  if (!reader.left) return true;
  const shortest = log.format === "2.0" ? SHORTEST_EVENT_20 : SHORTEST_EVENT_12;
  const rest = reader.bytes.subarray(reader.offset);
  if (rest.subarray(0, shortest).some((byte) => byte !== 0)) return false;
  const stray = rest.findIndex((byte) => byte !== 0);
  if (stray >= 0) {
    log.problems.push({
      offset: reader.offset + stray,
      message: "there are bytes other than zero after the end of the log",
    });
  }
  return true;
}

function readEvent12(reader: ByteReader, log: EventLog): LogEvent {
  const offset = reader.offset;
  const pcr = reader.u32le();
  const type = reader.u32le();
  const digests = [{ algorithm: SHA1, digest: reader.take(20) }];
  const data = readData(reader, log);
  return { index: log.events.length, offset, size: reader.offset - offset, pcr, type, digests, data };
}

function readEvent20(reader: ByteReader, log: EventLog): LogEvent {
  const offset = reader.offset;
  const pcr = reader.u32le();
  const type = reader.u32le();
  const count = reader.u32le();
  if (count > MOST_ALGORITHMS) {
    throw new Unreadable(offset, `event ${log.events.length} says it has ${count} digests`);
  }
  const digests = Array.from({ length: count }, () => {
    const at = reader.offset;
    const algorithm = reader.u16le();
    const size = log.algorithms.find(({ id }) => id === algorithm)?.digestSize ?? digestSize(algorithm);
    if (size === undefined) {
      const name = algorithmName(algorithm);
      throw new Unreadable(at, `event ${log.events.length} has a digest of unknown algorithm ${name}`);
    }
    return { algorithm, digest: reader.take(size) };
  });
  const data = readData(reader, log);
  return { index: log.events.length, offset, size: reader.offset - offset, pcr, type, digests, data };
}

function readData(reader: ByteReader, log: EventLog): Uint8Array {
  const at = reader.offset;
  const size = reader.u32le();
  if (size > reader.left) {
    const left = `${reader.left} are left`;
    throw new Unreadable(at, `event ${log.events.length} says it has ${size} bytes of data, ${left}`);
  }
  return reader.take(size);
}

/** Turns to format 2.0 when the first event is the header of a crypto-agile log. */
function readSpecId(event: LogEvent, log: EventLog): void {
  const signature = latin1(event.data.subarray(0, SPEC_ID_SIGNATURE.length));
  if (event.type !== EVENT_TYPES.EV_NO_ACTION.id || signature !== SPEC_ID_SIGNATURE) return;
  log.format = "2.0";
  const reader = new ByteReader(event.data.subarray(SPEC_ID_SIGNATURE.length));
  try {
    const header = {
      platformClass: reader.u32le(),
      versionMinor: reader.u8(),
      versionMajor: reader.u8(),
      errata: reader.u8(),
      uintnSize: reader.u8(),
    };
    const count = reader.u32le();
    if (count > MOST_ALGORITHMS) throw new Unreadable(event.offset, `the header lists ${count} algorithms`);
    log.algorithms = Array.from({ length: count }, () => readAlgorithm(reader));
    const specId: SpecId = { ...header, vendorInfo: reader.take(reader.u8()) };
    log.specId = specId;
  } catch (error) {
    if (!(error instanceof ShortInputError)) throw error;
    log.problems.push({ offset: event.offset, message: "the header of the log is cut off" });
  }
  for (const { id, name, digestSize: size } of log.algorithms) {
    const known = digestSize(id);
    if (known === undefined || known === size) continue;
    const message = `the header says that a ${name} digest has ${size} bytes; it has ${known}`;
    log.problems.push({ offset: event.offset, message });
  }
}

function readAlgorithm(reader: ByteReader): LogAlgorithm {
  const id = reader.u16le();
  return { id, name: algorithmName(id), digestSize: reader.u16le() };
}

/** Notes what is odd about an event but does not keep the log from being read. */
function noteOddities(event: LogEvent, log: EventLog): void {
  const note = (message: string) => log.problems.push({ offset: event.offset, message });
  const isNote = event.type === EVENT_TYPES.EV_NO_ACTION.id;
  if (event.pcr >= PCR_COUNT && !(isNote && event.pcr === ALL_PCRS)) {
    note(`event ${event.index} names PCR ${event.pcr}, which no PC has`);
  }
  if (log.format === "1.2" || event.index === 0) return;
  const has = new Set(event.digests.map(({ algorithm }) => algorithm));
  const missing = log.algorithms.filter(({ id }) => !has.has(id)).map(({ name }) => name);
  if (missing.length) note(`event ${event.index} has no ${missing.join(", ")} digest`);
}
