/**
 * Reads a TCG event log: the SHA-1 format of TPM 1.2 (TCG_PCR_EVENT) and the crypto-agile one of TPM 2.0
 * (TCG_PCR_EVENT2), little-endian. Nothing here throws at a log's content: a log is what a guest wrote, or a file from
 * anybody. Time and memory grow with the log's size, up to limits.ts.
 * Source: TCG PC Client Platform Firmware Profile 1.06, sections 10.2 and 10.4.5.
 */
import { ByteReader, ShortInputError } from "../bytes/reader.ts";
import { algorithmName, digestSize, TPM_ALG } from "../tpm2/algorithms.ts";
import { EVENT_TYPES } from "./event-types.ts";
import { addProblem, LIMITS, type Progress, tick, withinLimit } from "./limits.ts";
import { type EventLog, type LogAlgorithm, type LogEvent, PCR_COUNT } from "./log.ts";
import { isPadding, paddingEnd, readSpecId } from "./parse-header.ts";
import { registersOf } from "./registers.ts";

/** An event of format 1.2 without data: PCR, type, SHA-1 digest, size. */
const SHORTEST_EVENT_12 = 32;
/** An event of format 2.0 has at least PCR, type and digest count. */
const SHORTEST_EVENT_20 = 12;
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
 * Parses a log, or a whole log area with a log at its start: a header of zeros, or of ones as confidential VMs have
 * it, is taken for the log's end.
 * @param progress told the bytes read, of all.
 * @returns as much as could be read, with what is wrong in `problems`.
 */
export function parseEventLog(bytes: Uint8Array, progress?: Progress): EventLog {
  const log: EventLog = {
    format: "1.2",
    registers: "PCR",
    algorithms: [sha1()],
    events: [],
    end: 0,
    problems: [],
  };
  // A copy: a log area changes while the guest runs.
  const reader = new ByteReader(new Uint8Array(withinLimit(bytes, log.problems)));
  try {
    while (!atEnd(reader, log)) {
      tick(progress, log.events.length, reader.offset, reader.bytes.length);
      const event = log.format === "2.0" ? readEvent20(reader, log) : readEvent12(reader, log);
      log.events.push(event);
      if (event.index === 0) readSpecId(event, log, reader);
      log.end = reader.offset;
      noteOddities(event, log);
    }
  } catch (error) {
    if (error instanceof Unreadable) log.problems.push({ offset: error.offset, message: error.message });
    else if (error instanceof ShortInputError)
      log.problems.push({ offset: log.end, message: cutOff(log, error) });
    else throw error;
  }
  log.registers = registersOf(log);
  progress?.(reader.bytes.length, reader.bytes.length);
  return log;
}

function sha1(): LogAlgorithm {
  return { id: SHA1, name: "sha1", digestSize: 20 };
}

function cutOff(log: EventLog, error: ShortInputError): string {
  return `the log is cut off: event ${log.events.length} needs ${error.wanted} byte(s) at offset ${error.offset}, ${error.left} are left`;
}

/** True after the last event: at the end of the bytes, where a header is padding, or at the limit. */
function atEnd(reader: ByteReader, log: EventLog): boolean {
  if (!reader.left) return true;
  const shortest = log.format === "2.0" ? SHORTEST_EVENT_20 : SHORTEST_EVENT_12;
  if (isPadding(reader.bytes, reader.offset, shortest)) {
    const stray = paddingEnd(reader.bytes, reader.offset);
    if (stray < reader.bytes.length) {
      const padding = reader.bytes[reader.offset] ? "0xFF" : "zero";
      const message = `there are bytes other than ${padding} after the end of the log`;
      log.problems.push({ offset: stray, message });
    }
    return true;
  }
  if (log.events.length < LIMITS.events) return false;
  const message = `the log has more than ${LIMITS.events} events; the ${reader.left} bytes from here on are not read`;
  log.problems.push({ offset: reader.offset, message });
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
  if (count > LIMITS.algorithms) {
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

/** Notes what is odd about an event but does not keep the log from being read. */
function noteOddities(event: LogEvent, log: EventLog): void {
  const note = (message: string) => addProblem(log.problems, event.offset, message);
  const isNote = event.type === EVENT_TYPES.EV_NO_ACTION.id;
  if (event.pcr >= PCR_COUNT && !(isNote && event.pcr === ALL_PCRS)) {
    note(`event ${event.index} names PCR ${event.pcr}, which no PC has`);
  }
  if (log.format === "1.2" || event.index === 0) return;
  const has = new Set(event.digests.map(({ algorithm }) => algorithm));
  const missing = log.algorithms.filter(({ id }) => !has.has(id)).map(({ name }) => name);
  if (missing.length) note(`event ${event.index} has no ${missing.join(", ")} digest`);
  for (const { algorithm, digest } of event.digests) {
    if (log.algorithms.some(({ id }) => id === algorithm)) continue;
    const name = algorithmName(algorithm);
    log.algorithms.push({ id: algorithm, name, digestSize: digest.length });
    note(`event ${event.index} has a ${name} digest, which the header does not list`);
  }
}
