import { describe, expect, it } from "vitest";
import { ACCESS, INT, INT_ENABLE, REGISTERS, STS } from "./registers.ts";
import { Bench, STARTUP, SUCCESS } from "./testing.ts";

const { ACTIVE_LOCALITY, BEEN_SEIZED, PENDING_REQUEST, REQUEST_USE, SEIZE } = ACCESS;

describe("the TPM", () => {
  it("goes to who asks, if it is free, and otherwise to the highest that waits", () => {
    const bench = new Bench();
    bench.access(1, REQUEST_USE);
    expect(bench.accessBits(1)).toBe(ACTIVE_LOCALITY);
    bench.access(0, REQUEST_USE);
    bench.access(3, REQUEST_USE);
    expect(bench.accessBits(0)).toBe(REQUEST_USE | PENDING_REQUEST);
    expect(bench.accessBits(1)).toBe(ACTIVE_LOCALITY | PENDING_REQUEST);
    bench.access(1, ACTIVE_LOCALITY);
    expect([0, 1, 3].map((locality) => bench.accessBits(locality))).toEqual([
      REQUEST_USE,
      PENDING_REQUEST,
      ACTIVE_LOCALITY | PENDING_REQUEST,
    ]);
    bench.access(0, ACTIVE_LOCALITY);
    expect(bench.accessBits(0)).toBe(0);
    bench.access(3, ACTIVE_LOCALITY);
    expect(bench.accessBits(3)).toBe(0);
  });

  it("can be seized by a higher locality only", () => {
    const bench = new Bench();
    bench.access(2, REQUEST_USE);
    bench.access(1, SEIZE);
    bench.access(2, SEIZE);
    expect([1, 2].map((locality) => bench.accessBits(locality))).toEqual([0, ACTIVE_LOCALITY]);
    bench.access(3, SEIZE);
    expect([2, 3].map((locality) => bench.accessBits(locality))).toEqual([BEEN_SEIZED, ACTIVE_LOCALITY]);
    bench.access(2, BEEN_SEIZED);
    expect(bench.accessBits(2)).toBe(0);
  });

  it("is not seized from nobody in the sense of beenSeized, and not by locality 4", () => {
    const bench = new Bench();
    bench.access(4, SEIZE);
    expect(bench.accessBits(4)).toBe(0);
    bench.access(2, SEIZE | REQUEST_USE);
    expect([0, 1, 2, 3].map((locality) => bench.accessBits(locality))).toEqual([0, 0, ACTIVE_LOCALITY, 0]);
  });

  it("released and asked for in one write is released by its owner, and asked for by another", () => {
    const bench = new Bench();
    bench.access(0, REQUEST_USE | ACTIVE_LOCALITY);
    expect(bench.accessBits(0)).toBe(ACTIVE_LOCALITY);
    bench.access(0, REQUEST_USE | ACTIVE_LOCALITY);
    expect(bench.accessBits(0)).toBe(0);
  });
});

describe("while a command runs", () => {
  it("a seize waits for the answer, asks for a cancel, and drops the response", () => {
    const bench = new Bench();
    bench.ready(0);
    bench.send();
    bench.access(2, SEIZE);
    expect(bench.sink.cancels).toBe(1);
    expect([0, 2].map((locality) => bench.accessBits(locality))).toEqual([ACTIVE_LOCALITY, 0]);
    bench.device.complete(SUCCESS);
    expect([0, 2].map((locality) => bench.accessBits(locality))).toEqual([BEEN_SEIZED, ACTIVE_LOCALITY]);
    expect(bench.read(2, 0x18)).toBe(0x0410_0000);
    bench.access(2, ACTIVE_LOCALITY);
    bench.access(0, REQUEST_USE);
    expect(bench.read(0, 0x18)).toBe(0x0410_0000);
    expect(bench.read(0, 0x24)).toBe(0xffff_ffff);
  });

  it("a higher seize takes the place of a lower one", () => {
    const bench = new Bench();
    bench.ready(0);
    bench.send();
    bench.access(1, SEIZE);
    bench.access(3, SEIZE);
    bench.access(2, SEIZE);
    bench.device.complete(SUCCESS);
    expect([1, 2, 3].map((locality) => bench.accessBits(locality))).toEqual([0, 0, ACTIVE_LOCALITY]);
  });

  it("a release to one that waits keeps the response for who sent the command", () => {
    const bench = new Bench();
    bench.ready(0);
    bench.send();
    bench.access(1, REQUEST_USE);
    bench.access(0, ACTIVE_LOCALITY);
    expect(bench.accessBits(0)).toBe(ACTIVE_LOCALITY | PENDING_REQUEST);
    bench.device.complete(SUCCESS);
    expect(bench.accessBits(1)).toBe(ACTIVE_LOCALITY);
    bench.access(1, ACTIVE_LOCALITY);
    bench.access(0, REQUEST_USE);
    expect(bench.response(0)).toEqual(SUCCESS);
  });

  it("a release to nobody takes effect at once, and the response stays readable", () => {
    const bench = new Bench();
    bench.ready(0);
    bench.send();
    bench.access(0, ACTIVE_LOCALITY);
    expect(bench.accessBits(0)).toBe(0);
    bench.device.complete(SUCCESS);
    bench.access(0, REQUEST_USE);
    expect(bench.response(0)).toEqual(SUCCESS);
  });

  it("the next owner's command waits for the answer that nobody wants any more", () => {
    const bench = new Bench();
    bench.ready(0);
    bench.send();
    bench.access(0, ACTIVE_LOCALITY);
    bench.ready(1);
    expect(bench.status(1)).toBe(STS.COMMAND_READY);
    const other = Uint8Array.from(STARTUP).with(11, 1);
    bench.send(other, 1);
    expect(bench.sink.cancels).toBe(1);
    expect(bench.sink.executed).toHaveLength(1);
    expect(bench.status(1)).toBe(STS.VALID);
    bench.device.complete(SUCCESS);
    expect(bench.sink.executed[1]).toEqual({ locality: 1, command: other });
    expect(bench.status(1)).toBe(STS.VALID);
    bench.device.complete(SUCCESS);
    expect(bench.response(1)).toEqual(SUCCESS);
    bench.access(1, ACTIVE_LOCALITY);
    bench.access(0, REQUEST_USE);
    expect(bench.status(0)).toBe(0);
  });

  it("a waiting command can be aborted before it has run", () => {
    const bench = new Bench();
    bench.ready(0);
    bench.send();
    bench.access(0, ACTIVE_LOCALITY);
    bench.ready(1);
    bench.send(STARTUP, 1);
    bench.sts(1, STS.COMMAND_READY);
    bench.device.complete(SUCCESS);
    expect(bench.sink.executed).toHaveLength(1);
    expect(bench.device.executing).toBe(false);
    expect(bench.status(1)).toBe(STS.COMMAND_READY);
  });

  it("a waiting command that is cancelled is answered at once, and never given out", () => {
    const bench = new Bench();
    bench.ready(0);
    bench.send();
    bench.access(0, ACTIVE_LOCALITY);
    bench.ready(1);
    bench.send(STARTUP, 1);
    bench.write(1, REGISTERS.STS.offset, STS.COMMAND_CANCEL, 4);
    expect(bench.response(1)).toEqual(Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 0x09, 0x09));
    bench.device.complete(SUCCESS);
    expect(bench.sink.executed).toHaveLength(1);
    bench.send(STARTUP, 1);
    bench.device.complete(SUCCESS);
    expect(bench.response(1)).toEqual(SUCCESS);
  });
});

it.each([
  ["given up", ACTIVE_LOCALITY, 0],
  ["lost to a seize", 0, SEIZE],
])(
  "a locality that was ready is idle once the TPM was %s, and hears of commandReady anew",
  (_, own, other) => {
    const bench = new Bench();
    bench.access(0, REQUEST_USE);
    bench.write(0, REGISTERS.INT_ENABLE.offset, INT_ENABLE.GLOBAL | INT.COMMAND_READY, 4);
    bench.sts(0, STS.COMMAND_READY);
    bench.access(0, own);
    bench.access(1, other);
    bench.access(1, ACTIVE_LOCALITY);
    bench.access(0, REQUEST_USE);
    expect(bench.status(0)).toBe(0);
    bench.write(0, REGISTERS.INT_STATUS.offset, INT.COMMAND_READY, 4);
    expect(bench.sink.irqs.at(-1)).toBe(false);
    bench.sts(0, STS.COMMAND_READY);
    expect(bench.status(0)).toBe(STS.COMMAND_READY);
    expect(bench.sink.irqs.at(-1)).toBe(true);
  },
);

describe("a half command", () => {
  it.each([
    ["released", ACTIVE_LOCALITY, 0, REQUEST_USE],
    ["seized", 0, SEIZE, 0],
  ])("is dropped when its locality is %s", (_, own, other, request) => {
    const bench = new Bench();
    bench.ready(0);
    bench.fill(STARTUP.subarray(0, 7));
    bench.access(0, own);
    bench.access(1, other | request);
    expect(bench.read(1, 0x18)).toBe(0x0410_0000);
    bench.send(STARTUP, 1);
    expect(bench.sink.executed[0]?.command).toEqual(STARTUP);
    bench.device.complete(SUCCESS);
    bench.access(1, ACTIVE_LOCALITY);
    bench.access(0, REQUEST_USE);
    expect(bench.status(0)).toBe(0);
  });
});

it("a response is not left for the next owner to see or to spoil", () => {
  const bench = new Bench();
  bench.ready(0);
  bench.send();
  bench.device.complete(SUCCESS);
  bench.read(0, 0x24, 4);
  bench.access(0, ACTIVE_LOCALITY);
  bench.ready(1);
  expect(bench.read(1, 0x24)).toBe(0xffff_ffff);
  bench.fill(STARTUP.subarray(0, 1), 1);
  expect(bench.burst(1)).toBe(4095);
  bench.access(1, ACTIVE_LOCALITY);
  bench.access(0, REQUEST_USE);
  expect(bench.status(0)).toBe(0);
});
