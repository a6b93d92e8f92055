import { describe, expect, it } from "vitest";
import { CTRL_REQ, CTRL_START, CTRL_STS, LOC_CTRL, LOC_STATE, LOC_STS } from "./registers.ts";
import { Bench, STARTUP, SUCCESS } from "./testing.ts";
import type { CrbTrace } from "./trace.ts";

const standing = (bench: Bench) => [0, 1, 2, 3, 4].map((locality) => bench.read("LOC_STS", locality));

describe("locality", () => {
  it("is granted to who asks while nobody has the TPM, and shown to all", () => {
    const bench = new Bench();
    bench.request(2);
    expect(standing(bench)).toEqual([0, 0, LOC_STS.GRANTED, 0, 0]);
    const state = LOC_STATE.VALID | LOC_STATE.ESTABLISHED | LOC_STATE.ASSIGNED | (2 << 2);
    for (const locality of [0, 2, 4]) expect(bench.read("LOC_STATE", locality)).toBe(state);
    bench.relinquish(2);
    expect(standing(bench)).toEqual([0, 0, 0, 0, 0]);
    expect(bench.read("LOC_STATE")).toBe(LOC_STATE.VALID | LOC_STATE.ESTABLISHED);
  });

  it("goes to the highest that waits; a request can be withdrawn", () => {
    const bench = new Bench();
    for (const locality of [1, 0, 3, 2]) bench.request(locality);
    bench.relinquish(3);
    bench.relinquish(1);
    expect(bench.device.view.activeLocality).toBe(2);
    bench.relinquish(2);
    expect(bench.device.view.activeLocality).toBe(0);
    bench.relinquish(0);
    expect(bench.device.view.activeLocality).toBe(-1);
  });

  it("is seized by a higher one, not by a lower; who has lost it sees that until he asks again", () => {
    const bench = new Bench();
    bench.request(1);
    bench.seize(0);
    bench.seize(1);
    expect(bench.device.view.activeLocality).toBe(1);
    bench.seize(3);
    expect(standing(bench)).toEqual([0, LOC_STS.BEEN_SEIZED, 0, LOC_STS.GRANTED, 0]);
    bench.request(1);
    expect(bench.read("LOC_STS", 1)).toBe(0);
    bench.relinquish(3);
    expect(bench.read("LOC_STS", 1)).toBe(LOC_STS.GRANTED);
  });

  it("4 is the processor's: software cannot ask for it, nor use it", () => {
    const bench = new Bench();
    bench.ready(4);
    bench.seize(4);
    bench.write("INT_ENABLE", 0x8000_000f, 4);
    expect(bench.device.view.activeLocality).toBe(-1);
    expect(bench.read("INT_ENABLE", 4)).toBe(0);
  });

  it("that has not the TPM changes nothing and sees nothing of it", () => {
    const bench = new Bench();
    bench.ready(1);
    bench.fill(STARTUP, 1);
    bench.fill(new Uint8Array(12).fill(7), 0);
    bench.write("CTRL_REQ", CTRL_REQ.GO_IDLE, 0);
    bench.write("CTRL_START", CTRL_START.START, 2);
    bench.write("CTRL_CANCEL", 1, 2);
    expect(bench.bytes(4, 0)).toEqual(new Uint8Array(4).fill(0xff));
    expect(bench.bytes(12, 1)).toEqual(STARTUP);
    expect([bench.read("CTRL_STS", 0), bench.read("CTRL_CANCEL", 0)]).toEqual([0, 0]);
    expect(bench.sink.executed).toEqual([]);
  });
});

describe("the data buffer", () => {
  it("stays one's own over relinquish and request, and is empty for another", () => {
    const bench = new Bench();
    bench.ready();
    bench.send();
    bench.device.complete(SUCCESS);
    bench.relinquish();
    expect(bench.bytes(2)).toEqual(Uint8Array.of(0xff, 0xff));
    bench.request();
    expect(bench.bytes(10)).toEqual(SUCCESS);
    bench.relinquish();
    bench.request(1);
    expect(bench.bytes(10, 1)).toEqual(new Uint8Array(10));
    expect(bench.read("CTRL_STS", 1)).toBe(CTRL_STS.IDLE);
    bench.relinquish(1);
    bench.request();
    expect(bench.bytes(10)).toEqual(new Uint8Array(10));
  });
});

describe("while a command runs", () => {
  const busy = () => {
    const bench = new Bench();
    bench.ready();
    bench.send();
    return bench;
  };

  it("a seize cancels it, waits for its end, and drops its response", () => {
    const bench = busy();
    bench.seize(2);
    expect([bench.sink.cancels, bench.device.view.activeLocality]).toEqual([1, 0]);
    bench.seize(1);
    bench.seize(3);
    expect(bench.sink.cancels).toBe(2);
    bench.device.complete(SUCCESS);
    expect(standing(bench)).toEqual([LOC_STS.BEEN_SEIZED, 0, 0, LOC_STS.GRANTED, 0]);
    expect(bench.bytes(10, 3)).toEqual(new Uint8Array(10));
  });

  it("giving up cancels it, too; it ends before the TPM changes hands", () => {
    const bench = busy();
    bench.request(1);
    bench.relinquish();
    expect([bench.sink.cancels, bench.read("LOC_STS"), bench.read("LOC_STS", 1)]).toEqual([1, 1, 0]);
    bench.device.complete(SUCCESS);
    expect(standing(bench)).toEqual([0, LOC_STS.GRANTED, 0, 0, 0]);
    bench.write("CTRL_REQ", CTRL_REQ.CMD_READY, 1);
    bench.send(STARTUP, 1);
    expect(bench.sink.executed.map(({ locality }) => locality)).toEqual([0, 1]);
  });

  it("who gives up and asks again has an idle TPM afterwards, without a response", () => {
    const bench = busy();
    bench.relinquish();
    bench.request();
    bench.device.complete(SUCCESS);
    expect([bench.read("LOC_STS"), bench.read("CTRL_STS")]).toEqual([LOC_STS.GRANTED, CTRL_STS.IDLE]);
    expect(bench.bytes(12)).toEqual(STARTUP);
  });

  it("a reset ends it; its answer is nobody's", () => {
    const bench = busy();
    const { ticket } = bench.device;
    bench.device.reset();
    bench.ready();
    bench.send();
    expect(bench.device.complete(SUCCESS, ticket)).toBe(false);
    expect(bench.device.executing).toBe(true);
  });
});

describe("the establishment flag", () => {
  it("reads inverted, and is reset from localities 3 and 4 alone, whoever has the TPM", () => {
    const bench = new Bench();
    bench.device.setEstablishment(true);
    expect(bench.read("LOC_STATE") & LOC_STATE.ESTABLISHED).toBe(0);
    for (const locality of [0, 1, 2, 3, 4]) bench.write("LOC_CTRL", LOC_CTRL.RESET_ESTABLISHMENT, locality);
    expect(bench.sink.establishmentResets).toEqual([3, 4]);
    bench.device.setEstablishment(false);
    expect(bench.read("LOC_STATE") & LOC_STATE.ESTABLISHED).toBe(LOC_STATE.ESTABLISHED);
  });
});

describe("the trace", () => {
  it("tells moves and owners with the access that caused them", () => {
    const bench = new Bench();
    const told: CrbTrace[] = [];
    bench.device.onTrace = (event) => told.push(event);
    bench.ready();
    bench.send(STARTUP);
    bench.seize(1);
    bench.device.complete(SUCCESS);
    bench.device.reset();
    const seen = told.map((event) =>
      event.kind === "state" ? `${event.locality} ${event.event}: ${event.from}-${event.to}` : event.kind,
    );
    expect(seen).toEqual([
      "owner",
      "0 cmdReady: idle-ready",
      "0 dataWrite: ready-reception",
      "0 start: reception-execution",
      "0 responseDropped: execution-idle",
      "owner",
      "reset",
    ]);
    expect(told[1]).toMatchObject({ access: { address: bench.address("CTRL_REQ"), size: 4, value: 1 } });
    expect(told[5]).toMatchObject({ from: 0, to: 1, seized: true, access: undefined });
  });
});
