import { describe, expect, it } from "vitest";
import { TIS_BASE } from "./ports.ts";
import { ACCESS, INT, INT_ENABLE, REGISTERS, STS } from "./registers.ts";
import { EVENTS, STATES, TRANSITIONS } from "./states.ts";
import { Bench, packet, STARTUP, SUCCESS } from "./testing.ts";
import type { TisTrace } from "./trace.ts";

describe("TPM_STS", () => {
  it("ignores more than one command at a time", () => {
    const bench = new Bench();
    bench.access(0, ACCESS.REQUEST_USE);
    bench.sts(0, STS.COMMAND_READY | STS.TPM_GO);
    bench.sts(0, 0xff);
    expect(bench.status(0)).toBe(0);
  });

  it("aborts by commandReady: at once while bytes come in, after the answer while a command runs", () => {
    const bench = new Bench();
    bench.ready();
    bench.fill(STARTUP.subarray(0, 4));
    bench.sts(0, STS.COMMAND_READY);
    expect(bench.read(0, 0x18)).toBe(0x0410_0040);
    bench.send();
    bench.sts(0, STS.COMMAND_READY);
    expect(bench.sink.cancels).toBe(1);
    expect(bench.status(0)).toBe(STS.VALID);
    bench.device.complete(SUCCESS);
    expect(bench.read(0, 0x18)).toBe(0x0410_0040);
  });

  it("retries a response from its start", () => {
    const bench = new Bench();
    bench.ready();
    bench.send();
    bench.device.complete(SUCCESS);
    bench.response();
    bench.sts(0, STS.RESPONSE_RETRY);
    expect(bench.response()).toEqual(SUCCESS);
  });

  it("cancels and resets the establishment flag, for a TPM 2.0 and from locality 3", () => {
    const bench = new Bench();
    bench.ready(3);
    bench.send(STARTUP, 3);
    bench.write(3, 0x18, STS.COMMAND_CANCEL | STS.RESET_ESTABLISHMENT, 4);
    expect([bench.sink.cancels, bench.sink.establishmentResets]).toEqual([1, [3]]);
    bench.device.complete(SUCCESS);
    expect(bench.response(3)).toEqual(SUCCESS);
    bench.write(3, 0x1b, 0x02, 1);
    expect(bench.sink.establishmentResets).toEqual([3, 3]);

    const old = new Bench({ version: "1.2" });
    old.ready(3);
    old.send(packet(12, 0x99, 0xc1), 3);
    old.write(3, 0x18, STS.COMMAND_CANCEL | STS.RESET_ESTABLISHMENT, 4);
    expect([old.sink.cancels, old.sink.establishmentResets]).toEqual([0, []]);
  });

  it("remembers a TPM 1.2's self test", () => {
    const bench = new Bench({ version: "1.2" });
    bench.ready();
    bench.send(packet(10, 0x53, 0xc1));
    bench.device.complete(packet(10, 1, 0xc4));
    expect(bench.status(0) & STS.SELF_TEST_DONE).toBe(0);
    bench.send(packet(10, 0x53, 0xc1));
    bench.device.complete(packet(10, 0, 0xc4));
    expect(bench.status(0)).toBe(STS.VALID | STS.DATA_AVAIL | STS.SELF_TEST_DONE);
    bench.access(0, ACCESS.ACTIVE_LOCALITY);
    bench.access(1, ACCESS.REQUEST_USE);
    expect(bench.status(1)).toBe(STS.SELF_TEST_DONE);
  });

  it("expects what the whole size field says, up to the buffer's end", () => {
    const bench = new Bench({ bufferSize: 64 });
    bench.ready();
    const huge = Uint8Array.from(packet(64)).with(3, 1);
    bench.fill(huge);
    expect([bench.status(0), bench.burst(0)]).toEqual([STS.VALID | STS.EXPECT, 0]);
    bench.fill(Uint8Array.of(0));
    expect(bench.status(0)).toBe(STS.VALID);
    bench.sts(0, STS.TPM_GO);
    expect(bench.sink.executed).toEqual([]);
    expect(bench.response().join()).toBe("128,1,0,0,0,10,0,0,1,66");
  });

  it("shows a byte reader of burstCount 255 while there is more room", () => {
    const bench = new Bench();
    bench.ready();
    expect([0, 1, 2, 3].map((lane) => bench.read(0, 0x18 + lane, 1))).toEqual([0x40, 0xff, 0, 0x04]);
    expect([bench.read(0, 0x18, 2), bench.read(0, 0x1a, 2)]).toEqual([0x0040, 0x0410]);
  });
});

describe("a response", () => {
  it.each([
    ["shorter than its header", packet(9)],
    ["larger than the buffer", packet(65)],
    ["not as long as it says", packet(20).subarray(0, 15)],
  ])("that is %s becomes the TPM's failure response", (_, response) => {
    for (const [version, failure] of [
      ["2.0", "128,1,0,0,0,10,0,0,1,1"],
      ["1.2", "0,196,0,0,0,10,0,0,0,9"],
    ] as const) {
      const bench = new Bench({ version, bufferSize: 64 });
      bench.ready();
      bench.send();
      bench.device.complete(response);
      expect(bench.response().join()).toBe(failure);
    }
  });
});

describe("interrupts", () => {
  const enable = (bench: Bench, bits: number) =>
    bench.write(0, REGISTERS.INT_ENABLE.offset, INT_ENABLE.GLOBAL | bits, 4);
  const pending = (bench: Bench) => bench.read(0, REGISTERS.INT_STATUS.offset);
  const clear = (bench: Bench, bits: number) => bench.write(0, REGISTERS.INT_STATUS.offset, bits, 4);

  it("raise the line on events that are enabled, until the last one is cleared", () => {
    const bench = new Bench();
    bench.access(0, ACCESS.REQUEST_USE);
    enable(bench, 0x87);
    bench.sts(0, STS.COMMAND_READY);
    expect(pending(bench)).toBe(INT.COMMAND_READY);
    clear(bench, INT.COMMAND_READY);
    bench.send();
    expect(bench.sink.irqs).toEqual([true, false]);
    bench.device.complete(SUCCESS);
    clear(bench, INT.DATA_AVAIL);
    expect(pending(bench)).toBe(INT.STS_VALID);
    expect(bench.sink.irqs).toEqual([true, false, true]);
    clear(bench, INT.STS_VALID);
    expect(bench.sink.irqs).toEqual([true, false, true, false]);
    bench.response();
    expect(pending(bench)).toBe(INT.STS_VALID);
  });

  it("are not remembered while they are disabled, and the line falls on reset", () => {
    const bench = new Bench();
    bench.ready();
    enable(bench, 0);
    bench.send();
    bench.device.complete(SUCCESS);
    expect(pending(bench)).toBe(0);
    enable(bench, INT.COMMAND_READY);
    bench.sts(0, STS.COMMAND_READY);
    bench.device.reset();
    expect(bench.sink.irqs).toEqual([true, false]);
  });

  it("are set up by the active locality, byte by byte", () => {
    const bench = new Bench();
    bench.write(0, REGISTERS.INT_ENABLE.offset, 0xffff_ffff, 4);
    expect(bench.read(0, REGISTERS.INT_ENABLE.offset)).toBe(0x08);
    bench.access(0, ACCESS.REQUEST_USE);
    bench.write(0, REGISTERS.INT_ENABLE.offset, 0xffff_ffff, 4);
    expect(bench.read(0, REGISTERS.INT_ENABLE.offset)).toBe(0x8000_009f);
    bench.write(0, REGISTERS.INT_ENABLE.offset, 0x05, 1);
    bench.write(0, REGISTERS.INT_ENABLE.offset + 3, 0, 1);
    expect(bench.read(0, REGISTERS.INT_ENABLE.offset)).toBe(0x05);
  });
});

describe("what is common to all localities", () => {
  it("locks the interface until reset", () => {
    const bench = new Bench();
    bench.write(2, REGISTERS.INTERFACE_ID.offset + 2, 0x08, 1);
    expect(bench.read(0, REGISTERS.INTERFACE_ID.offset)).toBe(0x0008_2100);
    bench.device.reset();
    expect(bench.read(4, REGISTERS.INTERFACE_ID.offset)).toBe(0x2100);
  });

  it("shows the establishment flag inverted, across resets", () => {
    const bench = new Bench();
    bench.device.setEstablishment(true);
    bench.device.reset();
    expect(bench.read(1, 0)).toBe(0x80);
    bench.device.setEstablishment(false);
    expect(bench.read(1, 0)).toBe(0x81);
  });
});

describe("the table of transitions", () => {
  it("has each state and event, and no event twice in a state", () => {
    const keys = TRANSITIONS.map(({ from, on }) => `${from} ${on}`);
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(TRANSITIONS.map(({ on }) => on))).toEqual(new Set(EVENTS));
    expect(new Set(TRANSITIONS.map(({ to }) => to))).toEqual(new Set(STATES));
  });

  it("is what the device traces, with the access that caused it", () => {
    const bench = new Bench();
    const events: TisTrace[] = [];
    bench.device.onTrace = (event) => events.push(event);
    bench.ready();
    bench.sts(0, STS.COMMAND_READY);
    bench.fill(STARTUP);
    bench.sts(0, STS.TPM_GO);
    bench.device.complete(SUCCESS);
    bench.response();
    bench.access(1, ACCESS.SEIZE);
    bench.device.reset();
    expect(events.at(-1)).toEqual({ kind: "reset" });
    const states = events.filter((event) => event.kind === "state");
    expect(states.map(({ event, to }) => `${event}: ${to}`)).toEqual([
      "commandReady: ready",
      "commandReady: ready",
      "fifoWrite: reception",
      "commandComplete: reception",
      "tpmGo: execution",
      "response: completion",
      "lastByteRead: completion",
    ]);
    expect(states[4]?.access).toEqual({ address: TIS_BASE + 0x18, size: 1, value: STS.TPM_GO });
    expect(states[5]?.access).toBeUndefined();
    expect(states[6]?.access).toEqual({ address: TIS_BASE + 0x24, size: 1, value: undefined });
    expect(events.filter((event) => event.kind === "owner")).toMatchObject([
      { from: -1, to: 0, seized: false },
      { from: 0, to: 1, seized: true },
    ]);
  });
});
