import { describe, expect, it } from "vitest";
import { TIS_BASE } from "./ports.ts";
import { ACCESS, REGISTERS, STS } from "./registers.ts";
import { Bench, packet, STARTUP, SUCCESS } from "./testing.ts";

const FIFO = REGISTERS.DATA_FIFO.offset;
const XFIFO = REGISTERS.XDATA_FIFO.offset;

describe("a command", () => {
  it("goes through idle, ready, reception, execution and completion", () => {
    const bench = new Bench();
    bench.access(0, ACCESS.REQUEST_USE);
    expect(bench.read(0, 0x18)).toBe(0x0410_0000);
    bench.sts(0, STS.COMMAND_READY);
    expect(bench.read(0, 0x18)).toBe(0x0410_0040);
    bench.fill(STARTUP.subarray(0, 11));
    expect(bench.read(0, 0x18)).toBe(0x040f_f588);
    bench.fill(STARTUP.subarray(11));
    expect(bench.read(0, 0x18)).toBe(0x040f_f480);
    bench.sts(0, STS.TPM_GO);
    expect(bench.sink.executed).toEqual([{ locality: 0, command: STARTUP }]);
    expect(bench.read(0, 0x18)).toBe(0x040f_f480);
    expect(bench.device.complete(SUCCESS)).toBe(true);
    expect(bench.read(0, 0x18)).toBe(0x0400_0a90);
    expect(bench.response()).toEqual(SUCCESS);
    expect(bench.read(0, 0x18)).toBe(0x040f_f680);
    expect(bench.read(0, FIFO)).toBe(0xffff_ffff);
    bench.sts(0, STS.COMMAND_READY);
    expect(bench.read(0, 0x18)).toBe(0x0410_0040);
  });

  it("moves through the FIFO in any width, by the FIFO and by XDATA_FIFO", () => {
    const bench = new Bench();
    bench.ready();
    bench.write(0, FIFO, 0x0000_0180, 4);
    bench.write(0, XFIFO + 0x3e, 0x0c00, 2);
    bench.write(0, FIFO + 1, 0x00, 1);
    bench.write(0, XFIFO + 4, 0x00_4401_00, 4);
    bench.write(0, FIFO, 0, 1);
    expect(bench.status(0)).toBe(STS.VALID);
    bench.sts(0, STS.TPM_GO);
    expect(bench.sink.executed[0]?.command).toEqual(STARTUP);
    bench.device.complete(packet(11, 0));
    expect(bench.read(0, FIFO, 4)).toBe(0x0000_0180);
    expect(bench.read(0, XFIFO + 2, 2)).toBe(0x0b00);
    expect(bench.read(0, FIFO + 3, 1)).toBe(0);
    expect(bench.read(0, XFIFO + 0x3c, 4)).toBe(0x0a00_0000);
    expect(bench.read(0, FIFO, 4)).toBe(0xffff_ffff);
  });

  it("may be answered from within execute", () => {
    const bench = new Bench();
    bench.sink.execute = () => bench.device.complete(SUCCESS);
    bench.ready();
    bench.send();
    expect(bench.response()).toEqual(SUCCESS);
    bench.send();
    expect(bench.response()).toEqual(SUCCESS);
  });

  it("with a wrong size is answered by the interface, in the TPM's own words", () => {
    for (const [version, answer] of [
      ["2.0", "128,1,0,0,0,10,0,0,1,66"],
      ["1.2", "0,196,0,0,0,10,0,0,0,25"],
    ] as const) {
      const bench = new Bench({ version });
      bench.ready();
      bench.fill(packet(6));
      expect(bench.status(0)).toBe(STS.VALID);
      bench.sts(0, STS.TPM_GO);
      expect(bench.sink.executed).toEqual([]);
      expect(bench.response().join()).toBe(answer);
      bench.send();
      expect(bench.sink.executed).toHaveLength(1);
    }
  });

  it("that a stale answer would complete, is not completed", () => {
    const bench = new Bench();
    const tickets: number[] = [];
    bench.sink.execute = () => tickets.push(bench.device.ticket);
    bench.ready();
    bench.send();
    bench.device.reset();
    expect(bench.device.complete(SUCCESS)).toBe(false);
    bench.ready();
    bench.send();
    expect(bench.device.complete(SUCCESS, tickets[0])).toBe(false);
    expect(bench.status(0)).toBe(STS.VALID);
    expect(bench.device.complete(SUCCESS, tickets[1])).toBe(true);
  });
});

describe("failure mode", () => {
  it("reads 0 everywhere and ignores writes until a version is set", () => {
    const bench = new Bench();
    bench.ready();
    bench.device.fail();
    for (const offset of [0, 0x18, 0x24, 0x30, 0x28, 0xf00]) expect(bench.read(2, offset)).toBe(0);
    bench.access(0, ACCESS.REQUEST_USE);
    bench.device.setVersion("2.0");
    expect(bench.accessBits(0)).toBe(0);
    expect(bench.read(0, 0)).toBe(0x81);
  });
});

describe("the bus", () => {
  it("answers misaligned accesses piece by piece, and all ones outside", () => {
    const { device } = new Bench();
    expect(device.read(TIS_BASE + 0xf01, 4)).toBe(0x0100_0110);
    expect(device.read(TIS_BASE + 0x4ffe, 4)).toBe(0xffff_ffff);
    expect(device.read(TIS_BASE - 1, 1)).toBe(0xff);
    expect(device.read((TIS_BASE + 0xf00) | 0, 2)).toBe(0x1014);
  });
});
