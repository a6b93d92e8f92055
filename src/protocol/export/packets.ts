/** The TCP segments of a capture file: libpcap or pcapng around Ethernet, loopback or nothing, around IPv4 or IPv6. */
import { toHex } from "../bytes/hex.ts";
import { viewOf } from "../bytes/view.ts";

/** The file is no capture that can be read. The words say what is wrong with it. */
export class CaptureError extends Error {
  override readonly name = "CaptureError";
}

export interface Endpoint {
  address: string;
  port: number;
}

export interface Packet {
  /** Milliseconds since 1970. */
  time: number;
  from: Endpoint;
  to: Endpoint;
  /** Where it begins in the file. */
  at: number;
  /** Of the first byte of `data`, or of the SYN. */
  sequence: number;
  syn: boolean;
  data: Uint8Array;
}

/** A link layer's packet, as the file has it. */
interface Frame {
  time: number;
  /** Where it begins in the file. */
  at: number;
  link: number;
  bytes: Uint8Array;
}

const SECTION = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;
const INTERFACE = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
/** Magic numbers of libpcap's files, as read with the right byte order: what a fraction of a second is counted in. */
const UNITS = new Map([
  [0xa1b2c3d4, 1e6],
  [0xa1b23c4d, 1e9],
]);
const TIME_RESOLUTION = 9;
const PROTOCOL_TCP = 6;
const SYN = 0x02;

/** Whether a file begins as captures do. */
export function isCapture(file: Uint8Array): boolean {
  if (file.length < 24) return false;
  const view = viewOf(file);
  return (
    view.getUint32(0) === SECTION || [true, false].some((little) => UNITS.has(view.getUint32(0, little)))
  );
}

/** @param tell gets what is left out; @throws {CaptureError} when the file is no capture. */
export function* capturePackets(file: Uint8Array, tell: (problem: string) => void): Generator<Packet> {
  if (!isCapture(file)) throw new CaptureError("it does not begin as a packet capture does");
  const frames = viewOf(file).getUint32(0) === SECTION ? blocks(file, tell) : records(file, tell);
  const unknown = new Set<number>();
  for (const frame of frames) {
    const ip = ipOf(frame);
    if (ip === undefined) {
      if (!unknown.has(frame.link))
        tell(`Packets of link type ${frame.link} cannot be read; they are left out.`);
      unknown.add(frame.link);
      continue;
    }
    const packet = tcpOf(ip);
    if (packet) yield { time: frame.time, at: frame.at, ...packet };
  }
}

function* records(file: Uint8Array, tell: (problem: string) => void): Generator<Frame> {
  const view = viewOf(file);
  const little = UNITS.has(view.getUint32(0, true));
  const unit = UNITS.get(view.getUint32(0, little)) as number;
  const link = view.getUint32(20, little) & 0xffff;
  let at = 24;
  while (at + 16 <= file.length) {
    const size = view.getUint32(at + 8, little);
    if (at + 16 + size > file.length) break;
    const time = view.getUint32(at, little) * 1000 + (view.getUint32(at + 4, little) / unit) * 1000;
    yield { time, at, link, bytes: file.subarray(at + 16, at + 16 + size) };
    at += 16 + size;
  }
  if (at !== file.length) tell(`The file ends within a packet, at byte ${at}.`);
}

interface CaptureInterface {
  link: number;
  /** Counts of a time stamp in a second. */
  unit: number;
}

function* blocks(file: Uint8Array, tell: (problem: string) => void): Generator<Frame> {
  const view = viewOf(file);
  let little = true;
  let interfaces: CaptureInterface[] = [];
  let at = 0;
  while (at + 12 <= file.length) {
    if (view.getUint32(at) === SECTION) {
      little = view.getUint32(at + 8, true) === BYTE_ORDER;
      interfaces = [];
    }
    const type = view.getUint32(at, little);
    const size = view.getUint32(at + 4, little);
    if (size < 12 || size % 4 || at + size > file.length) break;
    const body = file.subarray(at + 8, at + size - 4);
    if (type === INTERFACE && body.length >= 8) interfaces.push(interfaceOf(body, little));
    else if (type === ENHANCED_PACKET && body.length >= 20) {
      const frame = enhanced(body, little, interfaces);
      if (frame) yield { ...frame, at };
    } else if (type === SIMPLE_PACKET && body.length >= 4 && interfaces[0]) {
      const length = Math.min(viewOf(body).getUint32(0, little), body.length - 4);
      yield { time: 0, at, link: interfaces[0].link, bytes: body.subarray(4, 4 + length) };
    }
    at += size;
  }
  if (at !== file.length) tell(`The file ends within a block, at byte ${at}.`);
}

function interfaceOf(body: Uint8Array, little: boolean): CaptureInterface {
  const view = viewOf(body);
  let unit = 1e6;
  for (let at = 8; at + 4 <= body.length; ) {
    const code = view.getUint16(at, little);
    const length = view.getUint16(at + 2, little);
    if (code === 0 || at + 4 + length > body.length) break;
    const value = body[at + 4] ?? 0;
    // A power of ten, or of two where the highest bit is set.
    if (code === TIME_RESOLUTION && length === 1) unit = value & 0x80 ? 2 ** (value & 0x7f) : 10 ** value;
    at += 4 + length + (-length & 3);
  }
  return { link: view.getUint16(0, little), unit };
}

function enhanced(
  body: Uint8Array,
  little: boolean,
  interfaces: readonly CaptureInterface[],
): Omit<Frame, "at"> | undefined {
  const view = viewOf(body);
  const known = interfaces[view.getUint32(0, little)];
  const size = view.getUint32(12, little);
  if (!known || 20 + size > body.length) return undefined;
  const count = view.getUint32(4, little) * 2 ** 32 + view.getUint32(8, little);
  return { time: (count / known.unit) * 1000, link: known.link, bytes: body.subarray(20, 20 + size) };
}

/** Bytes before the IP packet, by link type (https://www.tcpdump.org/linktypes.html). */
const LINK_HEADERS = new Map([
  [0, 4], // loopback of BSD
  [1, 14], // Ethernet
  [12, 0], // raw IP, as some systems number it
  [101, 0], // raw IP
  [108, 4], // loopback of OpenBSD
  [113, 16], // Linux "any", version 1
  [228, 0], // IPv4
  [229, 0], // IPv6
  [276, 20], // Linux "any", version 2
]);

function ipOf({ link, bytes }: Frame): Uint8Array | undefined {
  const header = LINK_HEADERS.get(link);
  return header === undefined ? undefined : bytes.subarray(header);
}

/** What a packet has of its own, whenever and wherever it was captured. */
type Segment = Omit<Packet, "time" | "at">;

function tcpOf(ip: Uint8Array): Segment | undefined {
  const version = (ip[0] ?? 0) >> 4;
  if (version === 4 && ip.length >= 20 && ip[9] === PROTOCOL_TCP) {
    const view = viewOf(ip);
    const header = ((ip[0] as number) & 0x0f) * 4;
    // Offloading leaves the length out.
    const total = view.getUint16(2) || ip.length;
    return segment(ip.subarray(header, total), ip.subarray(12, 16), ip.subarray(16, 20));
  }
  if (version === 6 && ip.length >= 40 && ip[6] === PROTOCOL_TCP) {
    const total = viewOf(ip).getUint16(4);
    return segment(ip.subarray(40, 40 + total), ip.subarray(8, 24), ip.subarray(24, 40));
  }
  return undefined;
}

function segment(tcp: Uint8Array, source: Uint8Array, target: Uint8Array): Segment | undefined {
  if (tcp.length < 20) return undefined;
  const view = viewOf(tcp);
  return {
    from: { address: toHex(source), port: view.getUint16(0) },
    to: { address: toHex(target), port: view.getUint16(2) },
    sequence: view.getUint32(4),
    syn: ((tcp[13] as number) & SYN) !== 0,
    data: tcp.subarray(((tcp[12] as number) >> 4) * 4),
  };
}
