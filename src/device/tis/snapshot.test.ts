import { describe, expect, it } from "vitest";
import type { TisSnapshot } from "./snapshot.ts";
import { TisSnapshotError } from "./snapshot.ts";
import { Bench, STARTUP, SUCCESS } from "./testing.ts";

/** A device whose command runs. */
function busy(): Bench {
  const bench = new Bench();
  bench.ready(1);
  bench.send(STARTUP, 1);
  return bench;
}

describe("a snapshot", () => {
  it("names what it holds", () => {
    expect(busy().device.snapshot()).toMatchObject({
      format: "webtpm-tis",
      formatVersion: 1,
      tpmVersion: "2.0",
      activeLocality: 1,
      nextLocality: null,
      packetLength: 12,
      execution: { locality: 1, abandoned: false },
      localities: [{ state: "idle" }, { state: "execution", activeLocality: true, sts: 0x80 }, {}, {}, {}],
    });
  });

  it("of a running command waits for the answer and does not run it again", () => {
    const source = busy();
    const target = new Bench();
    target.device.restore(source.device.snapshot());
    expect(target.sink.executed).toEqual([]);
    expect(target.device.executing).toBe(true);
    expect(target.device.complete(SUCCESS)).toBe(true);
    expect(target.response(1)).toEqual(SUCCESS);
  });

  it("ends what ran before it was restored", () => {
    const source = busy();
    const target = busy();
    const { ticket } = target.device;
    target.device.restore(source.device.snapshot());
    expect(target.device.complete(SUCCESS, ticket)).toBe(false);
    expect(target.device.executing).toBe(true);
  });

  it("brings the level of the interrupt line", () => {
    const source = new Bench();
    source.access(0, 0x02);
    source.write(0, 0x08, 0x8000_0080, 4);
    source.sts(0, 0x40);
    const target = new Bench();
    target.device.restore(source.device.snapshot());
    expect(target.sink.irqs).toEqual([true]);
    target.device.restore(new Bench().device.snapshot());
    expect(target.sink.irqs).toEqual([true, false]);
  });

  const wrong: [string, (snapshot: TisSnapshot) => unknown][] = [
    ["nothing", () => null],
    ["text", () => "webtpm-tis"],
    ["another format", (snapshot) => ({ ...snapshot, format: "v86" })],
    ["another format version", (snapshot) => ({ ...snapshot, formatVersion: 2 })],
    ["another kind of TPM", (snapshot) => ({ ...snapshot, tpmVersion: "3.0" })],
    ["a fraction", (snapshot) => ({ ...snapshot, fifoOffset: 1.5 })],
    ["an offset behind the buffer", (snapshot) => ({ ...snapshot, fifoOffset: 4097 })],
    ["a number for a flag", (snapshot) => ({ ...snapshot, established: 1 })],
    ["a locality that there is not", (snapshot) => ({ ...snapshot, activeLocality: 5 })],
    ["too few localities", (snapshot) => ({ ...snapshot, localities: snapshot.localities.slice(1) })],
    ["a short FIFO", (snapshot) => ({ ...snapshot, fifo: snapshot.fifo.slice(1) })],
    ["an unknown state", (snapshot) => change(snapshot, { state: "busy" })],
    ["a status that does not go with the state", (snapshot) => change(snapshot, { sts: 0x10 })],
    ["an owner that does not know it", (snapshot) => change(snapshot, { activeLocality: false })],
    ["unknown interrupts", (snapshot) => change(snapshot, { intStatus: 0x100 })],
    ["a command that nobody runs", (snapshot) => ({ ...snapshot, execution: null })],
    ["an answer owed to nobody", (snapshot) => change(snapshot, { state: "idle", sts: 0 })],
  ];
  const change = (snapshot: TisSnapshot, fields: object) => ({
    ...snapshot,
    localities: snapshot.localities.with(1, { ...snapshot.localities[1]!, ...fields }),
  });

  it.each(wrong)("with %s is refused, and changes nothing", (_, spoil) => {
    const source = busy().device.snapshot();
    const { device } = new Bench({ version: "1.2" });
    const before = device.snapshot();
    expect(() => device.restore(spoil(source))).toThrow(TisSnapshotError);
    expect(device.snapshot()).toEqual(before);
  });
});

describe("programming errors", () => {
  it("are told: too little memory, too small a buffer", () => {
    expect(() => new Bench({ memory: new ArrayBuffer(100) })).toThrow(RangeError);
    expect(() => new Bench({ bufferSize: 9 })).toThrow("at least 10 bytes, got 9");
    expect(() => new Bench().device.setBufferSize(Number.NaN)).toThrow(RangeError);
  });

  it("are not: a buffer larger than the largest", () => {
    const bench = new Bench({ bufferSize: 100_000 });
    bench.ready();
    expect(bench.burst(0)).toBe(4096);
    bench.device.setBufferSize(2808);
    bench.ready();
    expect(bench.burst(0)).toBe(2808);
  });
});
