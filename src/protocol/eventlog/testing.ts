/** For tests of this folder: logs made by hand. */
import { ByteWriter } from "../bytes/writer.ts";
import { algorithmId, digestSize } from "../tpm2/algorithms.ts";
import { EVENT_TYPES, type EventTypeName } from "./event-types.ts";
import { hash } from "./hash.ts";

export type Alg = "sha1" | "sha256" | "sha384" | "sha512" | "sm3_256" | "sha3_256" | "sha3_384" | "sha3_512";

const idOf = (name: Alg) => algorithmId(name) as number;
const sizeOf = (name: Alg) => digestSize(idOf(name)) as number;

export const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
export const wide = (text: string) => Uint8Array.from([...text].flatMap((c) => [c.charCodeAt(0), 0]));

export interface MadeEvent {
  pcr: number;
  type: EventTypeName | number;
  data: Uint8Array;
  /** What the digests are the hash of; the data when not given, zeros for a note. */
  measured?: Uint8Array;
  /** The algorithms of its digests, where they are not the log's. */
  algorithms?: Alg[];
}

const number = (type: EventTypeName | number) => (typeof type === "number" ? type : EVENT_TYPES[type].id);

/** What of a header is not as it should be. */
interface HeaderOptions {
  vendorInfo?: Uint8Array;
  /** How many bytes of the vendor's lie behind the event, not counted in its size. */
  outside?: number;
}

/** A crypto-agile log with a Spec ID header. */
export function log20(algorithms: Alg[], events: MadeEvent[], options: HeaderOptions = {}) {
  const { vendorInfo = new Uint8Array(), outside = 0 } = options;
  const header = new ByteWriter()
    .ascii("Spec ID Event03\0")
    .u32le(0)
    .bytes([0, 2, 0, 2])
    .u32le(algorithms.length);
  for (const name of algorithms) header.u16le(idOf(name)).u16le(sizeOf(name));
  const data = header.u8(vendorInfo.length).bytes(vendorInfo).finish();
  const log = new ByteWriter().u32le(0).u32le(3).zeros(20);
  log.u32le(data.length - outside).bytes(data);
  for (const event of events) log.bytes(event20(event.algorithms ?? algorithms, event));
  return log.finish();
}

function event20(algorithms: Alg[], event: MadeEvent): Uint8Array {
  const bytes = new ByteWriter().u32le(event.pcr).u32le(number(event.type)).u32le(algorithms.length);
  for (const name of algorithms) bytes.u16le(idOf(name)).bytes(digest(name, event));
  return bytes.u32le(event.data.length).bytes(event.data).finish();
}

/** A SHA-1 log. */
export function log12(events: MadeEvent[]): Uint8Array<ArrayBuffer> {
  const log = new ByteWriter();
  for (const event of events) {
    log.u32le(event.pcr).u32le(number(event.type)).bytes(digest("sha1", event));
    log.u32le(event.data.length).bytes(event.data);
  }
  return log.finish();
}

function digest(name: Alg, { type, data, measured }: MadeEvent): Uint8Array {
  if (number(type) === EVENT_TYPES.EV_NO_ACTION.id && !measured) return new Uint8Array(sizeOf(name));
  return hash(name, measured ?? data) as Uint8Array;
}
