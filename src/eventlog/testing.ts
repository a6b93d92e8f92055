/** For tests of this folder: logs made by hand. */
import { ByteWriter } from "../bytes/writer.ts";
import { EVENT_TYPES, type EventTypeName } from "./event-types.ts";
import { hash } from "./hash.ts";

const ALG = { sha1: 4, sha256: 0xb, sha384: 0xc, sha512: 0xd } as const;
export type Alg = keyof typeof ALG;
const SIZE: Record<Alg, number> = { sha1: 20, sha256: 32, sha384: 48, sha512: 64 };

export const ascii = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0));
export const wide = (text: string) => Uint8Array.from([...text].flatMap((c) => [c.charCodeAt(0), 0]));

export interface MadeEvent {
  pcr: number;
  type: EventTypeName | number;
  data: Uint8Array;
  /** What the digests are the hash of; the data when not given, zeros for a note. */
  measured?: Uint8Array;
}

const number = (type: EventTypeName | number) => (typeof type === "number" ? type : EVENT_TYPES[type].id);

/** A crypto-agile log with a Spec ID header. */
export function log20(algorithms: Alg[], events: MadeEvent[]): Uint8Array<ArrayBuffer> {
  const header = new ByteWriter()
    .ascii("Spec ID Event03\0")
    .u32le(0)
    .bytes([0, 2, 0, 2])
    .u32le(algorithms.length);
  for (const name of algorithms) header.u16le(ALG[name]).u16le(SIZE[name]);
  const data = header.u8(0).finish();
  const log = new ByteWriter().u32le(0).u32le(3).zeros(20).u32le(data.length).bytes(data);
  for (const event of events) {
    log.u32le(event.pcr).u32le(number(event.type)).u32le(algorithms.length);
    for (const name of algorithms) log.u16le(ALG[name]).bytes(digest(name, event));
    log.u32le(event.data.length).bytes(event.data);
  }
  return log.finish();
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
  if (number(type) === EVENT_TYPES.EV_NO_ACTION.id) return new Uint8Array(SIZE[name]);
  return hash(name, measured ?? data) as Uint8Array;
}
