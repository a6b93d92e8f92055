/** Reads a packet capture of TPM messages as Wireshark does, for tests: each side's pieces, in order. */
import { viewOf } from "../../protocol/bytes/view.ts";

const RECORD = 16;
const IP = 20;
const TCP = 20;
const SYN = 0x02;
const TPM_PORT = 2321;

/** @throws {RangeError} where the file is not as its headers say, or bytes of a connection are missing. */
export function packetsOf(file: Uint8Array): { fromClient: Uint8Array[]; fromTpm: Uint8Array[] } {
  const view = viewOf(file);
  const wrong = (what: string, at: number) => new RangeError(`${what} is wrong at byte ${at}`);
  if (view.getUint32(0) !== 0xa1b2c3d4 || view.getUint32(20) !== 101) throw wrong("the file header", 0);
  const sides = { client: [] as Uint8Array[], tpm: [] as Uint8Array[] };
  const next = new Map<number, number>();
  let at = 24;
  while (at < file.length) {
    const size = view.getUint32(at + 8);
    if (view.getUint32(at + 4) >= 1e6 || size !== view.getUint32(at + 12)) throw wrong("a record", at);
    const ip = at + RECORD;
    if (view.getUint16(ip + 2) !== size || sumOf(file.subarray(ip, ip + IP)) !== 0xffff)
      throw wrong("an IP header", ip);
    const tcp = ip + IP;
    const port = view.getUint16(tcp);
    const sequence = view.getUint32(tcp + 4);
    const data = file.subarray(tcp + TCP, ip + size);
    if ((next.get(port) ?? sequence) !== sequence) throw wrong("a sequence number", tcp);
    next.set(port, (sequence + data.length + (view.getUint8(tcp + 13) & SYN ? 1 : 0)) >>> 0);
    sides[port === TPM_PORT ? "tpm" : "client"].push(data);
    at = ip + size;
  }
  if (at !== file.length) throw wrong("the end", at);
  return { fromClient: sides.client, fromTpm: sides.tpm };
}

/** The Internet checksum's sum (RFC 1071): all ones over a header that has its checksum. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}
