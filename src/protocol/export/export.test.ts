import { describe, expect, it } from "vitest";
import { fromHex } from "../bytes/hex.ts";
import { ByteReader } from "../bytes/reader.ts";
import { toTraceJson } from "./json.ts";
import { toPcap } from "./pcap.ts";
import type { TraceEntry } from "./trace.ts";

const START: TraceEntry = {
  time: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
  duration: 1.5,
  request: fromHex("80010000000c000001440000"),
  response: fromHex("80010000000a00000000"),
};
const RUNNING: TraceEntry = {
  time: START.time + 10,
  locality: 3,
  request: fromHex("00c1 0000000e 00000015 00000004"),
};

interface Packet {
  microseconds: number;
  bytes: Uint8Array;
}

function packets(pcap: Uint8Array): Packet[] {
  const reader = new ByteReader(pcap);
  expect(reader.u32be()).toBe(0xa1b2c3d4);
  reader.take(16);
  expect(reader.u32be()).toBe(101);
  const found: Packet[] = [];
  while (reader.left > 0) {
    const microseconds = reader.u32be() * 1e6 + reader.u32be();
    const length = reader.u32be();
    expect(reader.u32be()).toBe(length);
    found.push({ microseconds, bytes: reader.take(length) });
  }
  return found;
}

/** RFC 1071 over bytes that hold their own checksum gives 0xffff. */
function sum(...parts: Uint8Array[]): number {
  const bytes = Uint8Array.from(parts.flatMap((part) => [...part]));
  let total = 0;
  for (let i = 0; i < bytes.length; i += 2) total += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

describe("toPcap", () => {
  it("writes a handshake and one segment a message, with sound sequence numbers and checksums", () => {
    const all = packets(toPcap([START, RUNNING]));
    expect(all).toHaveLength(3 + 3);
    expect(all.slice(3).map(({ bytes }) => bytes.subarray(40))).toEqual([
      START.request,
      START.response,
      RUNNING.request,
    ]);
    const tcp = all.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset + 20));
    expect(tcp.map((view) => view.getUint32(4))).toEqual([0, 0, 1, 1, 1, 13]);
    expect(tcp.map((view) => view.getUint32(8))).toEqual([0, 1, 1, 1, 13, 11]);
    expect(tcp.map((view) => view.getUint16(2))).toEqual([2321, 49152, 2321, 2321, 49152, 2321]);
    for (const { bytes } of all) {
      const length = bytes.length - 20;
      expect(sum(bytes.subarray(0, 20))).toBe(0xffff);
      const pseudo = Uint8Array.of(...bytes.subarray(12, 20), 0, 6, length >> 8, length & 0xff);
      expect(sum(pseudo, bytes.subarray(20))).toBe(0xffff);
    }
    expect(all.slice(3).map(({ microseconds }) => microseconds - START.time * 1000)).toEqual([
      0, 1500, 10_000,
    ]);
  });

  it("cuts a message that no IP packet holds into segments that follow each other", () => {
    const request = Uint8Array.from({ length: 70_000 }, (_, i) => i & 0xff);
    const sent = packets(toPcap([{ ...START, request }])).slice(3);
    expect(sent.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint16(2))).toEqual(
      sent.map(({ bytes }) => bytes.length),
    );
    const tcp = sent.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset + 20));
    expect(tcp.map((view) => view.getUint32(4))).toEqual([1, 65_496, 1]);
    expect(tcp[2]?.getUint32(8)).toBe(70_001);
    const whole = Uint8Array.of(...sent[0]!.bytes.subarray(40), ...sent[1]!.bytes.subarray(40));
    expect(whole).toEqual(request);
  });

  it.each([1e300, -1e300, Number.NaN, 5e15])("keeps a wild time (%s) from wrapping", (time) => {
    const [first] = packets(toPcap([{ ...START, time }]));
    const last = 0x1_0000_0000 * 1e6 - 1;
    expect(first?.microseconds).toBe(time > 0 ? last : 0);
    expect(toTraceJson([{ ...START, time }]).commands[0]?.time).toMatch(/^[+-]?\d{4,6}-\d\d-/);
  });

  it("gives an empty trace a file that opens", () => {
    expect(packets(toPcap([]))).toHaveLength(3);
  });
});

describe("toTraceJson", () => {
  it("has each command with time, summary and fields", () => {
    const trace = toTraceJson([START, RUNNING]);
    expect(trace).toMatchObject({ format: "webtpm-trace", version: 1 });
    expect(trace.commands[0]).toMatchObject({
      time: "2026-01-02T03:04:05.678Z",
      duration: 1.5,
      locality: 0,
      family: "2.0",
      command: "TPM2_Startup",
      summary: "start up (clear)",
      responseCode: "TPM_RC_SUCCESS",
      request: { bytes: "80010000000c000001440000" },
    });
    expect(trace.commands[0]?.request.fields[1]).toMatchObject({
      name: "parameters",
      fields: [
        { name: "startupType", type: "TPM_SU", offset: 10, length: 2, value: 0, text: "TPM_SU_CLEAR" },
      ],
    });
    expect(trace.commands[1]).toMatchObject({
      locality: 3,
      family: "1.2",
      command: "TPM_PCRRead",
      response: null,
      duration: null,
      responseCode: null,
    });
    expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  });
});
