/** Ring, rows, filter and descriptions on what a real device does when a driver talks to it. */
import { describe, expect, it } from "vitest";
import { TisDevice } from "../../device/tis/device.ts";
import { type AccessSize, TIS_BASE } from "../../device/tis/ports.ts";
import { ACCESS, REGISTERS, type RegisterKey, STS } from "../../device/tis/registers.ts";
import { packAccess } from "./access.ts";
import { AccessClock } from "./clock.ts";
import { describeAccess, readBefore } from "./describe.ts";
import { FILTER_WORDS, FilterError, parseFilter } from "./filter.ts";
import { TraceFormatError, TraceRing } from "./ring.ts";
import { TraceRows } from "./rows.ts";

const at = (key: RegisterKey, locality = 0) => TIS_BASE + locality * 0x1000 + REGISTERS[key].offset;
const GET_RANDOM = [0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8];

/** One command as a driver sends it, with two polls too many. */
function recorded(): TraceRing {
  const ring = new TraceRing(1000);
  const device = new TisDevice({
    version: "2.0",
    sink: {
      execute() {},
      cancel() {},
      resetEstablishment() {},
      irq() {},
    },
  });
  let time = 0;
  const write = (key: RegisterKey, size: AccessSize, value: number) => {
    ring.push(time++, packAccess(at(key), size, true, "guest"), value);
    device.write(at(key), size, value);
  };
  const read = (key: RegisterKey, size: AccessSize) => {
    const value = device.read(at(key), size);
    ring.push(time++, packAccess(at(key), size, false, "guest"), value);
  };
  write("ACCESS", 1, ACCESS.REQUEST_USE);
  read("ACCESS", 1);
  write("STS", 4, STS.COMMAND_READY);
  read("STS", 4);
  for (const byte of GET_RANDOM) write("DATA_FIFO", 1, byte);
  read("STS", 4);
  write("STS", 4, STS.TPM_GO);
  for (let i = 0; i < 3; i++) read("STS", 4);
  device.complete(Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0));
  read("STS", 4);
  return ring;
}

const texts = (ring: TraceRing, rows: TraceRows) =>
  Array.from({ length: rows.length }, (_, i) => {
    const { first, count } = rows.row(i);
    const access = ring.access(first)!;
    const { register, fields } = describeAccess(access);
    return `${count} × ${access.write ? "write" : "read"} ${register} ${fields}`.trim();
  });

describe("rows", () => {
  it("fold polls and FIFO bytes, and say what they are in the table's names", () => {
    const ring = recorded();
    const rows = new TraceRows(ring);
    rows.update();
    expect(texts(ring, rows)).toEqual([
      "1 × write TPM_ACCESS requestUse",
      "1 × read TPM_ACCESS tpmRegValidSts · activeLocality · tpmEstablishment",
      "1 × write TPM_STS commandReady",
      "1 × read TPM_STS tpmFamily TPM 2.0 · burstCount 4096 · commandReady",
      "12 × write TPM_DATA_FIFO",
      "1 × read TPM_STS tpmFamily TPM 2.0 · burstCount 4084 · stsValid",
      "1 × write TPM_STS tpmGo",
      "3 × read TPM_STS tpmFamily TPM 2.0 · burstCount 4084 · stsValid",
      "1 × read TPM_STS tpmFamily TPM 2.0 · burstCount 10 · stsValid · dataAvail",
    ]);
  });

  it("leave out what a filter does, and can be told by access", () => {
    const ring = recorded();
    const rows = new TraceRows(ring, { filter: parseFilter("sts read"), fold: false });
    rows.update();
    expect(rows.length).toBe(6);
    expect(rows.indexOf(rows.row(3).first)).toBe(3);
    expect(rows.indexOf(0)).toBe(-1);
  });

  it("are not folded over what a filter left out between them", () => {
    const ring = recorded();
    const rows = new TraceRows(ring, { filter: parseFilter("sts read") });
    rows.update();
    expect(texts(ring, rows).map((text) => text.slice(0, 3))).toEqual(["1 ×", "1 ×", "3 ×", "1 ×"]);
  });

  it("take a long trace in pieces, and follow a ring that loses its beginning", () => {
    const ring = new TraceRing(100);
    const rows = new TraceRows(ring);
    for (let i = 0; i < 250; i++) {
      ring.push(i, packAccess(at("STS"), 4, false, "guest"), i >> 1);
      if (i % 7 === 0) rows.update();
    }
    while (!rows.complete) rows.update(3);
    expect(rows.length).toBe(50);
    expect(rows.row(0)).toEqual({ first: 150, last: 151, count: 2 });
    expect(rows.row(49)).toEqual({ first: 248, last: 249, count: 2 });
    expect(rows.dropped).toBeGreaterThan(0);
  });

  it("hold a million different accesses", () => {
    const ring = new TraceRing();
    for (let i = 0; i < 1_100_000; i++) ring.push(i, packAccess(at("STS"), 4, false, "guest"), i);
    const rows = new TraceRows(ring);
    rows.update();
    expect(rows.length).toBe(1_000_000);
    expect(rows.row(999_999).first).toBe(1_099_999);
    expect(ring.at(500_000.5)).toBe(500_001);
  });
});

describe("a description", () => {
  it("tells what has changed since the read before", () => {
    const ring = recorded();
    const last = ring.access(ring.end - 1)!;
    expect(describeAccess(last, readBefore(ring, last)).changes).toEqual([
      "burstCount 4084 → 10",
      "+dataAvail",
    ]);
  });

  it("reads single bytes of a register as what they are", () => {
    const ring = new TraceRing(4);
    ring.push(0, packAccess(at("STS") + 1, 1, false, "guest"), 0x10);
    ring.push(0, packAccess(at("STS"), 1, false, "guest"), 0x90);
    ring.push(0, packAccess(at("STS"), 1, false, "guest"), 0xff);
    ring.push(0, packAccess(TIS_BASE + 0x1fc0, 4, false, "page"), 0);
    const [, sts, absent, none] = [0, 1, 2, 3].map((sequence) => describeAccess(ring.access(sequence)!));
    expect(sts?.fields).toBe("stsValid · dataAvail");
    expect(absent?.fields).toContain("all ones");
    expect(none).toEqual({ register: "+0xfc0", fields: "no register", changes: [] });
  });
});

describe("a filter", () => {
  const matches = (text: string, ring = recorded()) => {
    const filter = parseFilter(text);
    return Array.from({ length: ring.length }, (_, i) => i).filter(
      (i) => !filter || filter(ring.word(i), ring.value(i)),
    );
  };

  it("knows registers, fields, kinds and numbers", () => {
    expect(matches("write sts")).toHaveLength(2);
    expect(matches("TPM_STS write tpmGo")).toHaveLength(1);
    expect(matches("fifo")).toHaveLength(12);
    expect(matches("dataAvail")).toHaveLength(1);
    expect(matches("-fifo -sts")).toHaveLength(2);
    expect(matches("value:0x7b")).toHaveLength(1);
    expect(matches("locality:1")).toHaveLength(0);
    expect(matches("")).toHaveLength(recorded().length);
  });

  it("says what it does not know", () => {
    expect(() => parseFilter("wrtie sts")).toThrow(FilterError);
    expect(() => parseFilter("constructor")).toThrow(FilterError);
    expect(() => parseFilter("locality:x")).toThrow(FilterError);
  });

  it("knows every word that it suggests", () => {
    for (const word of FILTER_WORDS) expect(() => parseFilter(word)).not.toThrow();
  });
});

describe("the time of accesses", () => {
  it("is looked up where it tells something, and at least once a slice", () => {
    let time = 0;
    const machine = { slices: 1 };
    const clock = new AccessClock(() => ++time, machine);
    const at4 = (key: RegisterKey, write: boolean) => clock.time(packAccess(at(key), 4, write, "guest"));
    expect([at4("STS", false), at4("ACCESS", false), at4("STS", true)]).toEqual([1, 1, 2]);
    expect([at4("DATA_FIFO", true), at4("DATA_FIFO", true), at4("STS", false)]).toEqual([3, 3, 3]);
    machine.slices++;
    expect([at4("STS", false), at4("STS", false), at4("DATA_FIFO", false)]).toEqual([4, 4, 5]);
  });

  it("is that of each access where there is no machine", () => {
    let time = 0;
    const clock = new AccessClock(() => ++time, undefined);
    const word = packAccess(at("STS"), 4, false, "page");
    expect([clock.time(word), clock.time(word)]).toEqual([1, 2]);
  });
});

describe("a ring", () => {
  it("goes through bytes and comes back the same", () => {
    const ring = recorded();
    const copy = TraceRing.fromBytes(ring.toBytes());
    expect(copy.toJSON()).toEqual(ring.toJSON());
    expect(copy.toJSON()[0]).toEqual({
      time: 0,
      by: "guest",
      access: "write",
      locality: 0,
      register: "ACCESS",
      offset: "0x000",
      size: 1,
      value: "0x02",
    });
  });

  it("refuses other bytes", () => {
    const bytes = recorded().toBytes();
    expect(() => TraceRing.fromBytes(bytes.subarray(1))).toThrow(TraceFormatError);
    expect(() => TraceRing.fromBytes(bytes.subarray(0, bytes.length - 1))).toThrow(TraceFormatError);
    expect(() => TraceRing.fromBytes(new Uint8Array())).toThrow(TraceFormatError);
  });
});
