/**
 * Writes TPM messages as a packet capture that Wireshark opens: each message is one TCP segment on loopback (several,
 * when it is longer than an IP packet) with the
 * TPM at port 2321, which Wireshark's TPM 2.0 dissector listens to; swtpm's own `--pcap` has the same shape. A
 * command is followed by an acknowledged response, so sequence numbers are sound and nothing is marked as broken.
 * Format: libpcap, microseconds, link type raw IP (https://www.tcpdump.org/manpages/pcap-savefile.5.html).
 */
import { ByteWriter } from "../bytes/writer.ts";
import type { TraceEntry } from "./trace.ts";

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const LINKTYPE_RAW = 101;
const SNAP_LENGTH = 65535;
const TPM_PORT = 2321;
const CLIENT_PORT = 49152;
const CLIENT = 0x7f00_0001;
const TPM = 0x7f00_0002;
const IP_HEADER = 20;
const TCP_HEADER = 20;
const PROTOCOL_TCP = 6;
/** Seconds have 32 bits: until 2106. A later time, or one before 1970, is the nearest that there is. */
const LAST_MICROSECOND = 0x1_0000_0000 * 1e6 - 1;
const FLAG_SYN = 0x02;
const FLAG_PUSH = 0x08;
const FLAG_ACK = 0x10;

/** One side of the made-up connection. */
interface Side {
  address: number;
  port: number;
  /** Sequence number of its next byte. */
  sequence: number;
}

/** A capture file of the commands and responses of a trace, in order. */
export function toPcap(entries: readonly TraceEntry[]): Uint8Array<ArrayBuffer> {
  const file = new ByteWriter();
  file.u32be(MAGIC_MICROSECONDS).u16be(2).u16be(4).u32be(0).u32be(0).u32be(SNAP_LENGTH).u32be(LINKTYPE_RAW);
  const client: Side = { address: CLIENT, port: CLIENT_PORT, sequence: 0 };
  const tpm: Side = { address: TPM, port: TPM_PORT, sequence: 0 };
  const first = entries[0]?.time ?? 0;
  segment(file, first, client, tpm, FLAG_SYN, new Uint8Array(0));
  segment(file, first, tpm, client, FLAG_SYN | FLAG_ACK, new Uint8Array(0));
  segment(file, first, client, tpm, FLAG_ACK, new Uint8Array(0));
  for (const { time, duration, request, response } of entries) {
    message(file, time, client, tpm, request);
    if (response) message(file, time + (duration ?? 0), tpm, client, response);
  }
  return file.finish();
}

/** What fits into an IP packet, whose length has 16 bits. */
const MOST_DATA = 0xffff - IP_HEADER - TCP_HEADER;

function message(file: ByteWriter, time: number, from: Side, to: Side, data: Uint8Array): void {
  for (let at = 0; at === 0 || at < data.length; at += MOST_DATA) {
    const rest = at + MOST_DATA < data.length;
    const flags = rest ? FLAG_ACK : FLAG_PUSH | FLAG_ACK;
    segment(file, time, from, to, flags, data.subarray(at, at + MOST_DATA));
  }
}

/** Writes one packet record. `time` is in milliseconds since 1970. */
function segment(
  file: ByteWriter,
  time: number,
  from: Side,
  to: Side,
  flags: number,
  data: Uint8Array,
): void {
  const packet = ipPacket(from, to, tcpSegment(from, to, flags, data));
  const microseconds = Math.min(Math.max(0, Math.round(time * 1000)), LAST_MICROSECOND) || 0;
  file.u32be(Math.floor(microseconds / 1e6)).u32be(microseconds % 1e6);
  file.u32be(packet.length).u32be(packet.length).bytes(packet);
  from.sequence = (from.sequence + data.length + (flags & FLAG_SYN ? 1 : 0)) >>> 0;
}

function ipPacket(from: Side, to: Side, payload: Uint8Array): Uint8Array {
  const header = new ByteWriter();
  header
    .u8(0x45)
    .u8(0)
    .u16be(IP_HEADER + payload.length);
  header.u16be(0).u16be(0x4000).u8(64).u8(PROTOCOL_TCP).u16be(0).u32be(from.address).u32be(to.address);
  const bytes = header.finish();
  new DataView(bytes.buffer).setUint16(10, checksum(bytes));
  return new ByteWriter().bytes(bytes).bytes(payload).finish();
}

function tcpSegment(from: Side, to: Side, flags: number, data: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  writer
    .u16be(from.port)
    .u16be(to.port)
    .u32be(from.sequence)
    .u32be(flags & FLAG_ACK ? to.sequence : 0);
  writer
    .u8((TCP_HEADER / 4) << 4)
    .u8(flags)
    .u16be(SNAP_LENGTH)
    .u16be(0)
    .u16be(0)
    .bytes(data);
  const bytes = writer.finish();
  const pseudo = new ByteWriter()
    .u32be(from.address)
    .u32be(to.address)
    .u16be(PROTOCOL_TCP)
    .u16be(bytes.length);
  const sum = checksum(pseudo.bytes(bytes).finish());
  new DataView(bytes.buffer).setUint16(16, sum);
  return bytes;
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
