import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { INT_ENABLE } from "./registers.ts";
import { type CrbSnapshot, CrbSnapshotError } from "./snapshot.ts";
import { Bench, packet, STARTUP, SUCCESS } from "./testing.ts";

/** A device whose command runs, at locality 1. */
function busy(options = {}): Bench {
  const bench = new Bench(options);
  bench.ready(1);
  bench.send(STARTUP, 1);
  return bench;
}

describe("a snapshot", () => {
  it("names what it holds", () => {
    expect(busy().device.snapshot()).toMatchObject({
      format: "webtpm-crb",
      formatVersion: 1,
      tpmVersion: "2.0",
      localityCount: 5,
      chunks: false,
      state: "execution",
      activeLocality: 1,
      bufferLocality: 1,
      seizingLocality: null,
      localities: [{ requested: false, beenSeized: false, intEnable: 0 }, {}, {}, {}, {}],
    });
  });

  it("of a running command waits for the answer and does not run it again", () => {
    const target = new Bench();
    target.device.restore(busy().device.snapshot());
    expect(target.sink.executed).toEqual([]);
    expect(target.device.executing).toBe(true);
    expect(target.device.complete(SUCCESS)).toBe(true);
    expect(target.bytes(10, 1)).toEqual(SUCCESS);
  });

  it("ends what ran before it was restored", () => {
    const target = busy();
    const { ticket } = target.device;
    target.device.restore(busy().device.snapshot());
    expect(target.device.complete(SUCCESS, ticket)).toBe(false);
    expect(target.device.executing).toBe(true);
  });

  it("holds a half gathered command, and a half given out response", () => {
    const source = new Bench({ chunks: true });
    source.ready();
    source.fill(packet(3968));
    source.write("CTRL_START", 4);
    const target = new Bench();
    target.device.restore(structuredClone(source.device.snapshot()));
    const command = new Uint8Array(4000);
    command.set(packet(3968));
    expect(target.device.snapshot().packet.length).toBe(3968);
    expect(target.read("INTF_ID")).toBe(source.read("INTF_ID"));
  });

  it("brings the level of the interrupt line", () => {
    const source = new Bench();
    source.write("INT_ENABLE", INT_ENABLE.GLOBAL | INT_ENABLE.LOCALITY_CHANGE);
    source.request();
    const target = new Bench();
    target.device.restore(source.device.snapshot());
    expect(target.sink.irqs).toEqual([true]);
    target.device.restore(new Bench().device.snapshot());
    expect(target.sink.irqs).toEqual([true, false]);
  });

  const change = (snapshot: CrbSnapshot, fields: object) => ({
    ...snapshot,
    localities: snapshot.localities.with(1, { ...snapshot.localities[1]!, ...fields }),
  });
  const wrong: [string, (snapshot: CrbSnapshot) => unknown][] = [
    ["nothing", () => null],
    ["text", () => "webtpm-crb"],
    ["another format", (snapshot) => ({ ...snapshot, format: "webtpm-tis" })],
    ["another format version", (snapshot) => ({ ...snapshot, formatVersion: 2 })],
    ["a kind of TPM that has no CRB", (snapshot) => ({ ...snapshot, tpmVersion: "1.2" })],
    ["a fraction", (snapshot) => ({ ...snapshot, packetLength: 1.5 })],
    [
      "a packet without chunks",
      (snapshot) => ({ ...snapshot, packetLength: 10, packet: new Uint8Array(10) }),
    ],
    ["a number for a flag", (snapshot) => ({ ...snapshot, established: 1 })],
    ["three localities", (snapshot) => ({ ...snapshot, localityCount: 3 })],
    ["the processor's locality as owner", (snapshot) => ({ ...snapshot, activeLocality: 4 })],
    ["an owner of one locality that has none", (snapshot) => ({ ...snapshot, localityCount: 1 })],
    ["too few localities", (snapshot) => ({ ...snapshot, localities: snapshot.localities.slice(1) })],
    ["a short buffer", (snapshot) => ({ ...snapshot, data: snapshot.data.slice(1) })],
    ["an unknown state", (snapshot) => ({ ...snapshot, state: "busy" })],
    ["a command that nobody runs", (snapshot) => ({ ...snapshot, activeLocality: null })],
    ["another's buffer", (snapshot) => ({ ...snapshot, bufferLocality: 0 })],
    [
      "a change of locality that nothing holds up",
      (snapshot) => ({ ...snapshot, state: "ready", leaving: true }),
    ],
    ["unknown interrupts", (snapshot) => change(snapshot, { intStatus: 0x100 })],
    ["a line that nothing raises", (snapshot) => ({ ...snapshot, irqRaised: true })],
  ];

  it.each(wrong)("with %s is refused, and changes nothing", (_, spoil) => {
    const source = busy().device.snapshot();
    const { device } = new Bench();
    const before = device.snapshot();
    expect(() => device.restore(spoil(source))).toThrow(CrbSnapshotError);
    expect(device.snapshot()).toEqual(before);
  });

  it("changed anywhere is refused in words, or is a valid one", () => {
    const source = busy({ chunks: true }).device.snapshot();
    const names = Object.keys(source);
    const value = fc.oneof(
      fc.constantFrom(null, true, false, "", "idle", "2.0", -1, 0, 1, 5, 4096, 2 ** 31, 0.5, Number.NaN),
      fc.constantFrom([], {}, new Uint8Array(10), undefined),
    );
    let refused = 0;
    fc.assert(
      fc.property(fc.constantFrom(...names), value, (name, changed) => {
        const { device } = new Bench();
        const before = device.snapshot();
        try {
          device.restore({ ...source, [name]: changed });
        } catch (error) {
          refused++;
          expect(error).toBeInstanceOf(CrbSnapshotError);
          expect((error as Error).message).toMatch(/^this (is no )?snapshot of the TPM interface/);
          expect(device.version).toBe(before.tpmVersion);
          return;
        }
        expect(() => new Bench().device.restore(device.snapshot())).not.toThrow();
      }),
      { numRuns: 1000 },
    );
    expect(refused).toBeGreaterThan(500);
  });
});
