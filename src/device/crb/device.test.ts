import { describe, expect, it } from "vitest";
import { CRB_BASE, CRB_DATA_BYTES, CRB_SIZE } from "./ports.ts";
import { CTRL_CANCEL, CTRL_REQ, CTRL_START, CTRL_STS, INTF_ID, LOC_STATE, REGISTERS } from "./registers.ts";
import { Bench, packet, STARTUP, SUCCESS } from "./testing.ts";

describe("after a power cycle", () => {
  it("shows each register's reset value, in every locality", () => {
    const bench = new Bench();
    for (const [key, register] of Object.entries(REGISTERS)) {
      const value = bench.read(key as keyof typeof REGISTERS, 0);
      expect([key, value]).toEqual([key, register.reset["2.0"]]);
    }
    expect(bench.read("CTRL_CMD_LADDR", 3)).toBe(CRB_BASE + 0x3080);
    expect(bench.read("INTF_ID", 4)).toBe(0x25911);
  });

  it("has zeros between the registers, and ones outside of its window", () => {
    const { device } = new Bench();
    for (const offset of [0x04, 0x10, 0x2c, 0x70, 0x7c]) expect(device.read(CRB_BASE + offset, 4)).toBe(0);
    for (const address of [CRB_BASE - 4, CRB_BASE + CRB_SIZE, 0, 0xffff_fffc])
      expect(device.read(address, 4)).toBe(0xffff_ffff);
  });

  it("is QEMU's with one locality, and says when it has chunks", () => {
    const one = new Bench({ localities: 1 });
    expect(one.read("INTF_ID")).toBe(0x25811);
    expect(one.read("LOC_STATE", 1)).toBe(0xffff_ffff);
    one.request(1);
    expect(one.device.view.activeLocality).toBe(-1);
    expect(new Bench({ chunks: true }).read("INTF_ID") & INTF_ID.CAP_CRB_CHUNK).not.toBe(0);
  });

  it("keeps the lock of the interface's choice until the next one", () => {
    const { device, read, write } = bound(new Bench());
    write("INTF_ID", INTF_ID.LOCK, 2);
    expect(read("INTF_ID", 0)).toBe(0x2_5911 | INTF_ID.LOCK);
    device.reset();
    expect(read("INTF_ID", 0)).toBe(0x2_5911);
  });
});

const bound = (bench: Bench) => ({
  device: bench.device,
  read: bench.read.bind(bench),
  write: bench.write.bind(bench),
});

describe("a command", () => {
  it("goes through idle, ready, reception, execution, completion", () => {
    const bench = new Bench();
    const { view } = bench.device;
    const states = [view.state(0)];
    const step = (work: () => void) => {
      work();
      states.push(view.state(0));
    };
    step(() => bench.request());
    expect(bench.read("CTRL_STS")).toBe(CTRL_STS.IDLE);
    step(() => bench.write("CTRL_REQ", CTRL_REQ.CMD_READY));
    expect([bench.read("CTRL_STS"), bench.read("CTRL_REQ")]).toEqual([0, 0]);
    step(() => bench.fill(STARTUP));
    step(() => bench.write("CTRL_START", CTRL_START.START));
    expect(bench.read("CTRL_START")).toBe(1);
    expect(bench.sink.executed).toEqual([{ locality: 0, command: STARTUP }]);
    step(() => bench.device.complete(SUCCESS));
    expect(bench.read("CTRL_START")).toBe(0);
    expect(bench.bytes(10)).toEqual(SUCCESS);
    step(() => bench.write("CTRL_REQ", CTRL_REQ.GO_IDLE));
    expect(states).toEqual(["idle", "idle", "ready", "reception", "execution", "completion", "idle"]);
  });

  it("is taken in pieces of any size and alignment, and read so", () => {
    const bench = new Bench();
    const data = bench.address("DATA_BUFFER");
    bench.ready();
    const { device } = bench;
    device.write(data - 2, 4, 0x0180_ffff);
    device.write(data + 2, 1, 0);
    device.write(data + 3, 4, 0x000c_0000);
    device.write(data + 7, 4, 0x0044_0100);
    device.write(data + 11, 1, 0);
    bench.write("CTRL_START", CTRL_START.START);
    expect(bench.sink.executed.map(({ command }) => command)).toEqual([STARTUP]);
    device.complete(packet(20, 0));
    expect(device.read(data + 9, 4)).toBe(0x0c0b_0a00);
    expect(device.read(data - 1, 2)).toBe(0x8000);
  });

  it("wakes the TPM by its first byte, as SeaBIOS does, not by Start alone", () => {
    const bench = new Bench();
    bench.request();
    bench.write("CTRL_START", CTRL_START.START);
    expect(bench.sink.executed).toEqual([]);
    bench.fill(STARTUP);
    expect(bench.device.view.state(0)).toBe("reception");
    bench.write("CTRL_START", CTRL_START.START);
    expect(bench.sink.executed).toEqual([{ locality: 0, command: STARTUP }]);
  });

  it("keeps its bytes while it runs", () => {
    const bench = new Bench();
    bench.ready();
    bench.send();
    bench.fill(packet(12));
    bench.write("CTRL_REQ", CTRL_REQ.GO_IDLE);
    bench.write("CTRL_START", CTRL_START.START);
    expect(bench.bytes(12)).toEqual(STARTUP);
    expect(bench.device.view.state(0)).toBe("execution");
    expect(bench.sink.executed.length).toBe(1);
  });

  it("can follow a response at once, written over it, or after cmdReady", () => {
    const bench = new Bench();
    bench.ready();
    bench.send();
    bench.device.complete(SUCCESS);
    bench.write("CTRL_START", CTRL_START.START);
    expect(bench.sink.executed.length).toBe(1);
    bench.send();
    bench.device.complete(SUCCESS);
    bench.write("CTRL_REQ", CTRL_REQ.CMD_READY);
    bench.send();
    expect(bench.sink.executed.length).toBe(3);
  });

  it("is cancelled by Cancel, which reads back until software clears it", () => {
    const bench = new Bench();
    bench.ready();
    bench.write("CTRL_CANCEL", CTRL_CANCEL.CANCEL);
    expect(bench.sink.cancels).toBe(0);
    bench.send();
    bench.write("CTRL_CANCEL", 0xff, 0, 2);
    expect([bench.sink.cancels, bench.read("CTRL_CANCEL")]).toEqual([1, 1]);
    bench.device.write(bench.address("CTRL_CANCEL") + 1, 1, 0);
    expect(bench.read("CTRL_CANCEL")).toBe(1);
    bench.device.complete(SUCCESS);
    bench.write("CTRL_CANCEL", 0);
    expect(bench.read("CTRL_CANCEL")).toBe(0);
    expect(bench.bytes(10)).toEqual(SUCCESS);
  });

  it("is answered here when it cannot be one: too short, too long for the buffer", () => {
    const bench = new Bench();
    bench.ready();
    for (const declared of [0, 9, CRB_DATA_BYTES + 1, 0xffff_ffff]) {
      const command = packet(12);
      new DataView(command.buffer).setUint32(2, declared);
      bench.send(command);
      expect(bench.bytes(10)).toEqual(Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x42));
      expect(bench.device.view.state(0)).toBe("completion");
    }
    expect(bench.sink.executed).toEqual([]);
  });

  it("fills the data buffer to its last byte", () => {
    const bench = new Bench();
    bench.ready();
    const command = packet(CRB_DATA_BYTES);
    bench.send(command);
    expect(bench.sink.executed[0]!.command).toEqual(command);
    bench.device.complete(packet(CRB_DATA_BYTES, 0));
    expect(bench.bytes(CRB_DATA_BYTES)).toEqual(packet(CRB_DATA_BYTES, 0));
  });

  it("gets the failure response for an answer that is none", () => {
    const bench = new Bench();
    for (const answer of [new Uint8Array(), packet(9), packet(CRB_DATA_BYTES + 1, 0), SUCCESS.slice(0, 9)]) {
      bench.ready();
      bench.send();
      bench.device.complete(answer);
      expect(bench.bytes(10)).toEqual(Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 1, 1));
    }
  });
});

describe("failure mode", () => {
  it("reads 0 everywhere and ignores writes, until the TPM is there again", () => {
    const bench = new Bench();
    bench.ready();
    bench.send();
    const { ticket } = bench.device;
    bench.device.fail();
    expect(bench.device.complete(SUCCESS, ticket)).toBe(false);
    for (const key of Object.keys(REGISTERS) as (keyof typeof REGISTERS)[]) expect(bench.read(key)).toBe(0);
    bench.ready();
    bench.device.setVersion("2.0");
    expect(bench.read("LOC_STATE")).toBe(LOC_STATE.VALID | LOC_STATE.ESTABLISHED);
  });

  it("is where a new front end's device begins; a TPM 1.2 is refused in words", () => {
    const { device } = new Bench({ version: "unspecified" });
    expect(device.version).toBe("unspecified");
    expect(() => device.setVersion("1.2")).toThrow("the CRB interface is for a TPM 2.0, not for a TPM 1.2");
    expect(() => new Bench({ version: "1.2" })).toThrow(RangeError);
    expect(() => new Bench({ memory: new ArrayBuffer(100) })).toThrow(RangeError);
    expect(() => device.setBufferSize(9)).toThrow("at least 10 bytes, got 9");
  });
});
