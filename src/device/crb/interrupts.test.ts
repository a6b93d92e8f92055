import { describe, expect, it } from "vitest";
import { CTRL_REQ, INT, INT_ENABLE, LOC_CTRL } from "./registers.ts";
import { Bench, STARTUP, SUCCESS } from "./testing.ts";

const ALL = INT.START | INT.CMD_READY | INT.ESTABLISHMENT_CLEAR | INT.LOCALITY_CHANGE;
const ON = INT_ENABLE.GLOBAL | ALL;

describe("interrupts", () => {
  it("tell of the locality's change, of ready, and of a command's end; the acknowledging access drops the line", () => {
    const bench = new Bench();
    const { irqs } = bench.sink;
    bench.write("INT_ENABLE", ON);
    const events: number[] = [];
    const event = (work: () => void) => {
      work();
      expect(irqs.at(-1)).toBe(true);
      events.push(bench.read("INT_STS"));
      bench.write("INT_STS", bench.read("INT_STS"));
      expect(irqs.at(-1)).toBe(false);
    };
    event(() => bench.request());
    event(() => bench.write("CTRL_REQ", CTRL_REQ.CMD_READY));
    event(() => {
      bench.send();
      bench.device.complete(SUCCESS);
    });
    event(() => bench.write("CTRL_REQ", CTRL_REQ.CMD_READY));
    expect(events).toEqual([INT.LOCALITY_CHANGE, INT.CMD_READY, INT.START, INT.CMD_READY]);
    expect(irqs).toEqual([true, false, true, false, true, false, true, false]);
  });

  it("stay away where they are not enabled, all or one, and are not made up for later", () => {
    const bench = new Bench();
    bench.write("INT_ENABLE", ALL);
    bench.ready();
    bench.write("INT_ENABLE", INT_ENABLE.GLOBAL | INT.START);
    bench.write("CTRL_REQ", CTRL_REQ.CMD_READY);
    bench.write("INT_ENABLE", ON);
    expect([bench.read("INT_STS"), bench.sink.irqs]).toEqual([0, []]);
  });

  it("hold the line as long as one is pending and enabled, at any locality", () => {
    const bench = new Bench();
    const { irqs } = bench.sink;
    bench.write("INT_ENABLE", ON, 0);
    bench.write("INT_ENABLE", ON, 1);
    bench.ready(0);
    bench.seize(1);
    bench.write("INT_STS", INT.LOCALITY_CHANGE, 0);
    bench.write("INT_STS", INT.CMD_READY, 0);
    expect(irqs).toEqual([true]);
    // Masking is as good as acknowledging: the line is a level.
    bench.write("INT_ENABLE", INT_ENABLE.GLOBAL, 1);
    expect(irqs).toEqual([true, false]);
    bench.write("INT_ENABLE", ON, 1);
    expect(irqs).toEqual([true, false, true]);
    bench.write("INT_STS", 0xff, 1, 1);
    expect(irqs).toEqual([true, false, true, false]);
  });

  it("tell of the establishment flag's reset when it has happened, and not when it was refused", () => {
    const bench = new Bench();
    bench.device.setEstablishment(true);
    bench.write("INT_ENABLE", ON, 3);
    bench.write("LOC_CTRL", LOC_CTRL.RESET_ESTABLISHMENT, 3);
    expect(bench.sink.irqs).toEqual([]);
    bench.device.setEstablishment(true);
    expect(bench.sink.irqs).toEqual([]);
    bench.write("LOC_CTRL", LOC_CTRL.RESET_ESTABLISHMENT, 3);
    bench.device.setEstablishment(false);
    expect([bench.read("INT_STS", 3), bench.sink.irqs]).toEqual([INT.ESTABLISHMENT_CLEAR, [true]]);
  });

  it("end with a reset, and with the TPM's failure", () => {
    for (const end of ["reset", "fail"] as const) {
      const bench = new Bench();
      bench.write("INT_ENABLE", ON);
      bench.ready();
      bench.device[end]();
      expect(bench.sink.irqs).toEqual([true, false]);
      expect([bench.read("INT_ENABLE"), bench.read("INT_STS")]).toEqual([0, 0]);
      expect(bench.device.view.interruptsEnabled).toBe(false);
    }
  });

  it("are enabled byte by byte, reserved bits excepted", () => {
    const bench = new Bench();
    bench.write("INT_ENABLE", 0xffff_ffff);
    expect(bench.read("INT_ENABLE")).toBe(ON >>> 0);
    bench.device.write(bench.address("INT_ENABLE") + 3, 1, 0);
    expect(bench.read("INT_ENABLE")).toBe(ALL);
    bench.ready();
    bench.send(STARTUP);
    bench.device.complete(SUCCESS);
    expect(bench.sink.irqs).toEqual([]);
  });
});
