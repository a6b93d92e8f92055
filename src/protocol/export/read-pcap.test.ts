import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../bytes/hex.ts";
import { toPcap } from "./pcap.ts";
import { CaptureError, isCapture, readCapture, splitMessages } from "./read-pcap.ts";
import type { TraceEntry } from "./trace.ts";

const STARTUP = fromHex("80010000000c000001440000");
const SUCCESS = fromHex("80010000000a00000000");
const TIME = Date.UTC(2026, 1, 3);
const ENTRIES: TraceEntry[] = [
  { time: TIME, duration: 2, request: STARTUP, response: SUCCESS },
  { time: TIME + 10, duration: 0.5, request: STARTUP, response: fromHex("80010000000a00000100") },
];
const plain = (entries: readonly TraceEntry[]) =>
  entries.map(({ time, duration, request, response }) => ({
    time: Math.round(time * 1000),
    duration: duration === undefined ? undefined : Math.round(duration * 1000),
    request: toHex(request),
    response: response && toHex(response),
  }));

/** A libpcap file's header, and its packets. */
function piecesOf(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const pieces = [file.subarray(0, 24)];
  for (let at = 24; at < file.length; at += pieces.at(-1)!.length)
    pieces.push(file.subarray(at, at + 16 + view.getUint32(at + 8)));
  return pieces;
}

/** The packets of a libpcap file, in blocks of pcapng. */
function asPcapng(file: Uint8Array, little: boolean): Uint8Array {
  const words = (...values: number[]) => {
    const bytes = new DataView(new ArrayBuffer(4 * values.length));
    for (const [i, value] of values.entries()) bytes.setUint32(4 * i, value, little);
    return new Uint8Array(bytes.buffer);
  };
  const block = (type: number, ...parts: Uint8Array[]) => {
    const body = Buffer.concat(parts);
    const size = 12 + body.length;
    return Buffer.concat([words(type, size), body, words(size)]);
  };
  const link = words(little ? 101 : 101 << 16, 65535);
  const all = [
    block(0x0a0d0d0a, words(0x1a2b3c4d, little ? 1 : 1 << 16, 0xffffffff, 0xffffffff)),
    block(1, link),
  ];
  for (const packet of piecesOf(file).slice(1)) {
    const view = new DataView(packet.buffer, packet.byteOffset);
    const size = view.getUint32(8);
    const count = BigInt(view.getUint32(0)) * 1_000_000n + BigInt(view.getUint32(4));
    const head = words(0, Number(count >> 32n), Number(count & 0xffffffffn), size, size);
    all.push(block(6, head, packet.subarray(16), new Uint8Array(-size & 3)));
  }
  return Buffer.concat(all);
}

describe("a capture", () => {
  it("gives back what was written, also as pcapng of either byte order", () => {
    const file = toPcap(ENTRIES);
    for (const form of [file, asPcapng(file, true), asPcapng(file, false)]) {
      expect(isCapture(form)).toBe(true);
      const { entries, problems } = readCapture(form);
      expect(problems).toEqual([]);
      expect(plain(entries)).toEqual(plain(ENTRIES));
    }
  });

  it("gives back any commands, of any length, in order", () => {
    const message = fc.uint8Array({ minLength: 0, maxLength: 3000 }).map((rest) => {
      const bytes = new Uint8Array(10 + rest.length);
      bytes.set(rest, 10);
      new DataView(bytes.buffer).setUint16(0, 0x8001);
      new DataView(bytes.buffer).setUint32(2, bytes.length);
      return bytes;
    });
    const entries = fc.array(fc.tuple(message, message), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(entries, (all) => {
        const written = all.map(([request, response], i) => ({
          time: TIME + i,
          duration: 0,
          request,
          response,
        }));
        expect(plain(readCapture(toPcap(written)).entries)).toEqual(plain(written));
      }),
    );
  });

  it("that is cut, or has lost a packet, gives what came before", () => {
    const file = toPcap(ENTRIES);
    const cut = readCapture(file.subarray(0, file.length - 3));
    expect(cut.entries.map(({ response }) => response !== undefined)).toEqual([true, false]);
    expect(cut.problems).toEqual([expect.stringMatching(/ends within a packet, at byte \d+/)]);
  });

  it("whose packets are out of order, or there twice, is put in order", () => {
    const [header, syn, synAck, ack, first, second, third, fourth] = piecesOf(toPcap(ENTRIES));
    const mixed = [header!, syn!, synAck!, ack!, fourth!, third!, first!, first!, second!, third!];
    expect(plain(readCapture(Buffer.concat(mixed)).entries)).toEqual(plain(ENTRIES));
  });

  it("that begins while a command runs leaves the answer to that out, and says so", () => {
    const [header, ...packets] = piecesOf(toPcap(ENTRIES));
    // Without the handshake and the first command.
    const late = readCapture(Buffer.concat([header!, ...packets.slice(4)]));
    expect(plain(late.entries)).toEqual(plain(ENTRIES.slice(1)));
    expect(late.problems).toEqual([expect.stringMatching(/begun while a command ran/)]);
  });

  it("of something else is refused in words", () => {
    expect(() => readCapture(new Uint8Array(100))).toThrow(CaptureError);
    expect(() => readCapture(toPcap([]))).toThrow(/no TPM messages in it, at TCP port 2321/);
    expect(isCapture(STARTUP)).toBe(false);
  });

  it("never makes the reader fail in another way", () => {
    const file = toPcap(ENTRIES);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 6 }), (changes) => {
        const damaged = file.slice();
        for (const [at, value] of changes) damaged[at] = value;
        try {
          readCapture(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(CaptureError);
        }
      }),
    );
  });
});

describe("a run of messages", () => {
  it("is cut where each ends", () => {
    const both = fromHex(`${toHex(STARTUP)}${toHex(SUCCESS)}`);
    expect(splitMessages(both)?.map(toHex)).toEqual([toHex(STARTUP), toHex(SUCCESS)]);
    expect(splitMessages(fromHex("00000000aaaaaaaaaaaaaa"))).toBeUndefined();
    expect(splitMessages(both.subarray(1))).toBeUndefined();
  });
});
