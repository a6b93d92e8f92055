import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../bytes/hex.ts";
import { capabilityNames, SwtpmError } from "./commands.ts";
import {
  cancelTpmCommand,
  getCapability,
  getConfig,
  getInfo,
  getStateBlob,
  getTpmEstablished,
  hashData,
  hashEnd,
  hashStart,
  init,
  lockStorage,
  resetTpmEstablished,
  setBufferSize,
  setLocality,
  setStateBlob,
  shutdown,
  stop,
  storeVolatile,
} from "./control.ts";
import { type ControlExchange, decodeReply } from "./exchange.ts";

/** Decodes a reply that arrives byte by byte; checks that `need` never asks for more than there is. */
function decode<T>(exchange: ControlExchange<T>, hex: string): T {
  const bytes = fromHex(hex);
  for (let length = 0; ; length++) {
    const decoded = decodeReply(exchange, bytes.subarray(0, length));
    if (!decoded.done) {
      expect(decoded.need).toBeGreaterThan(length);
      expect(decoded.need).toBeLessThanOrEqual(bytes.length);
      continue;
    }
    expect(decoded.used).toBe(length);
    expect(length).toBe(bytes.length);
    if ("error" in decoded) throw decoded.error;
    return decoded.value;
  }
}

describe("requests", () => {
  // Byte sequences as QEMU 7.2 and swtpm_ioctl 0.7.1 put them on the wire.
  it.each([
    [getCapability(), "00000001"],
    [init(1), "00000002 00000001"],
    [shutdown(), "00000003"],
    [getTpmEstablished(), "00000004"],
    [setLocality(3), "00000005 03"],
    [hashStart(), "00000006"],
    [hashData(fromHex("31323334")), "00000007 00000004 31323334"],
    [hashEnd(), "00000008"],
    [cancelTpmCommand(), "00000009"],
    [storeVolatile(), "0000000a"],
    [resetTpmEstablished(4), "0000000b 04"],
    [getStateBlob("volatile", 16), "0000000c 00000001 00000002 00000010"],
    [setStateBlob("savestate", fromHex("abcd"), 2), "0000000d 00000002 00000003 00000002 abcd"],
    [setStateBlob("permanent", fromHex("abcd"), 1), "0000000d 00000000 00000001 00000002 abcd"],
    [stop(), "0000000e"],
    [getConfig(), "0000000f"],
    [setBufferSize(4096), "00000011 00001000"],
    [getInfo(3), "00000012 0000000000000003 00000000 00000000"],
    [lockStorage(300), "00000013 0000012c"],
  ] as [ControlExchange<unknown>, string][])("$0.command", (exchange, hex) => {
    expect(toHex(exchange.request)).toBe(hex.replaceAll(" ", ""));
  });
});

describe("replies", () => {
  it("gives numbers, flags and sizes", () => {
    expect(decode(getCapability(), "00000000 0000ffff")).toBe(0xffff);
    expect(decode(getConfig(), "00000000 00000003")).toBe(3);
    expect(decode(stop(), "00000000")).toBeUndefined();
    expect(decode(getTpmEstablished(), "00000000 01000000")).toBe(true);
    expect(decode(getTpmEstablished(), "00000000 00000000")).toBe(false);
    expect(decode(setBufferSize(0), "00000000 00001000 00000af8 00001000")).toEqual({
      size: 4096,
      min: 2808,
      max: 4096,
    });
  });

  it("gives a blob with its flags, also an empty one", () => {
    const piece = decode(getStateBlob("permanent"), "00000000 00000002 00000005 00000003 aabbcc");
    expect(piece).toEqual({ flags: 2, total: 5, bytes: fromHex("aabbcc") });
    expect(decode(getStateBlob("savestate"), `00000000${"00".repeat(12)}`).bytes).toHaveLength(0);
  });

  it("reads the description, and takes unreadable text for none", () => {
    // swtpm 0.7.1, flags 3.
    const json =
      '{"TPMSpecification":{"family":"2.0","level":0,"revision":164},' +
      '"TPMAttributes":{"manufacturer":"id:00001014","version":"id:20191023","model":"swtpm"}}';
    const text = toHex(new TextEncoder().encode(`${json}\0`));
    expect(text.length / 2).toBe(0x96);
    expect(decode(getInfo(3), `00000000 00000096 00000096 ${text}`)).toEqual(JSON.parse(json));
    expect(decode(getInfo(3), "00000000 00000003 00000003 7b7b00")).toEqual({});
  });

  it("stops after the result when swtpm refuses", () => {
    expect(() => decode(init(0), "00000101")).toThrow("CMD_INIT with 0x101 (TPM_RC_FAILURE");
    expect(() => decode(setBufferSize(0), "0000000a")).toThrow(SwtpmError);
    expect(() => decode(getTpmEstablished(), "0000000a")).toThrow("TPM_BAD_ORDINAL");
    expect(() => decode(setLocality(7), "0000003d")).toThrow("TPM_BAD_LOCALITY");
    expect(() => decode(stop(), "12345678")).toThrow("0x12345678 (a result code without a known meaning)");
  });

  it("reads the header that comes with a refused blob, but not when the TPM is stopped", () => {
    expect(() => decode(getStateBlob("savestate"), `00000800${"00".repeat(12)}`)).toThrow("TPM_RETRY");
    expect(() => decode(getStateBlob("permanent"), "0000000a")).toThrow("TPM_BAD_ORDINAL");
  });

  it("leaves what follows the reply alone", () => {
    const decoded = decodeReply(stop(), fromHex("00000000 ff"));
    expect(decoded).toMatchObject({ done: true, used: 4 });
  });
});

describe("capabilities", () => {
  it("have names", () => {
    // TPM 1.2 of swtpm 0.7.1, and TPM 2.0 of a newer one.
    expect(capabilityNames(0x7fff)).toHaveLength(15);
    expect(capabilityNames(0x7fff)).not.toContain("SEND_COMMAND_HEADER");
    expect(capabilityNames(0x1ffff)).toContain("LOCK_STORAGE");
    expect(capabilityNames(0x402)).toEqual(["SHUTDOWN", "STOP"]);
  });
});
