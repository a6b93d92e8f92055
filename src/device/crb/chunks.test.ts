/** Commands and responses larger than the data buffer (PTP 1.07): offered by a bit, off unless asked for. */
import { describe, expect, it } from "vitest";
import { CRB_DRIVER } from "./driver.ts";
import { CRB_DATA_BYTES, CRB_PACKET_BYTES } from "./ports.ts";
import { CTRL_REQ, CTRL_START } from "./registers.ts";
import { Bench, packet, SUCCESS } from "./testing.ts";

const big = (length: number, code = 0x17a) => {
  const bytes = packet(length, code);
  new DataView(bytes.buffer).setUint32(2, length);
  return bytes;
};
const next = (bench: Bench) => bench.write("CTRL_START", CTRL_START.NEXT_CHUNK);

describe("chunks", () => {
  it.each([CRB_DATA_BYTES + 1, 2 * CRB_DATA_BYTES, CRB_PACKET_BYTES])(
    "carry a command and a response of %i bytes",
    (length) => {
      const bench = new Bench({ chunks: true });
      const command = big(length);
      CRB_DRIVER.send(bench.device, command);
      expect(bench.sink.executed).toEqual([{ locality: 0, command }]);
      expect(CRB_DRIVER.answered(bench.device)).toBe(false);
      bench.device.complete(big(length, 0));
      expect(CRB_DRIVER.answered(bench.device)).toBe(true);
      expect(CRB_DRIVER.take(bench.device)).toEqual(big(length, 0));
    },
  );

  it("go on to the response's end, and from its start again", () => {
    const bench = new Bench({ chunks: true });
    bench.ready();
    bench.send();
    const response = big(5000, 0);
    bench.device.complete(response);
    next(bench);
    const rest = 5000 - CRB_DATA_BYTES;
    expect(bench.bytes(rest)).toEqual(response.subarray(CRB_DATA_BYTES));
    next(bench);
    expect(bench.bytes(rest)).toEqual(response.subarray(CRB_DATA_BYTES));
    bench.write("CTRL_START", CTRL_START.RSP_RETRY);
    expect(bench.bytes(100)).toEqual(response.subarray(0, 100));
    expect(bench.read("CTRL_START")).toBe(0);
  });

  it("of a command that is given up are forgotten", () => {
    const bench = new Bench({ chunks: true });
    bench.ready();
    bench.fill(big(5000).subarray(0, CRB_DATA_BYTES));
    next(bench);
    bench.write("CTRL_REQ", CTRL_REQ.CMD_READY);
    bench.send();
    expect(bench.sink.executed[0]!.command.length).toBe(12);
  });

  it("that never end, or say another size, are answered here", () => {
    const bench = new Bench({ chunks: true });
    bench.ready();
    bench.fill(big(CRB_PACKET_BYTES + 1).subarray(0, CRB_DATA_BYTES));
    for (let i = 0; i < 5; i++) next(bench);
    bench.write("CTRL_START", CTRL_START.START);
    expect(bench.bytes(10)).toEqual(Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x42));
    expect(bench.sink.executed).toEqual([]);
  });

  it("are none where the bit is not there: nextChunk and crbRspRetry are ignored", () => {
    const bench = new Bench();
    bench.ready();
    bench.fill(big(5000).subarray(0, 20));
    next(bench);
    expect(bench.device.view.state(0)).toBe("reception");
    expect(() => CRB_DRIVER.send(bench.device, big(5000))).toThrow(
      "a command of 5000 bytes; this interface takes 3968",
    );
    bench.send();
    bench.device.complete(SUCCESS);
    bench.write("CTRL_START", CTRL_START.RSP_RETRY | CTRL_START.NEXT_CHUNK);
    expect(bench.bytes(10)).toEqual(SUCCESS);
  });
});
