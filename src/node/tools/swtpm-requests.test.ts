import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { ControlProtocol, DataProtocol } from "./swtpm-requests.ts";

/** A command that announces `announced` bytes and has `sent`. */
function command(announced: number, sent: number): Uint8Array {
  return fromHex(`8001${announced.toString(16).padStart(8, "0")}0000017b`.padEnd(2 * sent, "0"));
}

describe("the data channel", () => {
  it("takes what one read of swtpm takes: 4105 bytes, with a header or without", () => {
    const protocol = new DataProtocol();
    expect(protocol.requestLength(command(4097, 4096))).toBe(0);
    expect(protocol.requestLength(command(4097, 4097))).toBe(4097);
    expect(protocol.requestLength(command(12, 5000))).toBe(4105);
    expect(protocol.requestLength(command(0xffff_ffff, 4105))).toBe(4105);
    const framed = Uint8Array.of(...fromHex("000000080000001000"), ...command(4096, 4096), 1);
    expect(protocol.requestLength(framed)).toBe(4105);
  });

  it("hands on of a command that is too long what is refused like it", () => {
    const protocol = new DataProtocol();
    for (const [announced, sent] of [
      [4097, 4097],
      [4096, 4097],
      [4095, 4100],
      [12, 4105],
    ] as const) {
      const handed = protocol.begin(command(announced, sent));
      expect(handed.length).toBeLessThanOrEqual(4096);
      expect(handed.length).not.toBe(announced);
      expect(toHex(handed.subarray(0, 10))).toBe(toHex(command(announced, 10)));
    }
    const longest = command(4096, 4096);
    expect(protocol.begin(longest)).toBe(longest);
  });
});

describe("the control channel", () => {
  it("does not wait for bodies that swtpm does not wait for", () => {
    const protocol = new ControlProtocol();
    const length = (hex: string) => protocol.requestLength(fromHex(hex));
    for (const request of ["00000011", "000000110000", "00000012", "000000120000", "00000013", "0000001300"])
      expect(length(request), request).toBe(request.length / 2);
    expect(length("00000002000000")).toBe(0);
    expect(length("00000005")).toBe(0);
    expect(length("000000")).toBe(0);
  });

  it("knows where a refusal ends", () => {
    const protocol = new ControlProtocol();
    for (const [request, refusal] of [
      ["000000110000", "00000003"],
      ["00000012", "00000003"],
      ["00000013", "0000000a"],
      ["0000000f00", "00000003"],
    ] as const) {
      protocol.begin(fromHex(request));
      expect(toHex(protocol.answer(fromHex(refusal)) ?? new Uint8Array(0)), request).toBe(refusal);
    }
  });
});
