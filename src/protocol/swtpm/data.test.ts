import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../bytes/hex.ts";
import { checkCommandMessage, DataMessageError, ResponseAssembler, withLocality } from "./data.ts";

const GET_RANDOM = "80010000000c0000017b0010";
const RESPONSE = "80010000000c00000000beef";
const FRAMED = `0000000c${RESPONSE}00000000`;

describe("commands", () => {
  it("get a header with the locality", () => {
    expect(toHex(withLocality(3, fromHex(GET_RANDOM)))).toBe(`00000008030000000c${GET_RANDOM}`);
  });

  it("are accepted whole, with and without the header", () => {
    expect(checkCommandMessage(fromHex(GET_RANDOM))).toEqual({ framed: false });
    expect(checkCommandMessage(withLocality(0, fromHex(GET_RANDOM)))).toEqual({ framed: true });
  });

  it.each([
    ["80010000000c", "at least 10 bytes, got 6"],
    ["", "at least 10 bytes, got 0"],
    [`${GET_RANDOM}00`, "length field says 12, the message has 13 bytes"],
    [GET_RANDOM.slice(0, -2), "length field says 12, the message has 11 bytes"],
    [GET_RANDOM + GET_RANDOM, "length field says 12, the message has 24 bytes"],
    [`00000008000000000d${GET_RANDOM}`, "announces 13 bytes, 12 follow"],
    [`00000008050000000c${GET_RANDOM}`, "locality 5"],
    ["000000080000000006800100000006", "at least 10 bytes, got 6"],
    [`00000008000000000c8001ffffffff0000017b0010`, "length field says 4294967295"],
  ])("are refused when they are not exactly one: %s", (hex, words) => {
    expect(() => checkCommandMessage(fromHex(hex))).toThrow(DataMessageError);
    expect(() => checkCommandMessage(fromHex(hex))).toThrow(words);
  });
});

describe("responses", () => {
  it.each([
    [false, RESPONSE],
    [true, FRAMED],
  ])("are put together from pieces of any size (header: %s)", (framed, hex) => {
    const assembler = new ResponseAssembler(4096);
    const bytes = fromHex(hex);
    for (let size = 1; size <= bytes.length; size++) {
      assembler.begin(framed);
      let response: Uint8Array | undefined;
      for (let at = 0; at < bytes.length; at += size) {
        expect(response).toBeUndefined();
        response = assembler.push(bytes.subarray(at, at + size));
      }
      expect(toHex(response!)).toBe(RESPONSE);
    }
  });

  it("do not share memory with the chunk", () => {
    const assembler = new ResponseAssembler(4096);
    const chunk = Buffer.from(RESPONSE, "hex");
    assembler.begin(false);
    const response = assembler.push(chunk)!;
    chunk.fill(0);
    expect(toHex(response)).toBe(RESPONSE);
    expect(response.buffer.byteLength).toBe(response.length);
  });

  it("may be as long as the buffer", () => {
    const assembler = new ResponseAssembler(4096);
    const longest = fromHex(`80010000100000000000${"5a".repeat(4086)}`);
    assembler.begin(true);
    expect(assembler.push(fromHex("00001000"))).toBeUndefined();
    expect(assembler.push(longest)).toBeUndefined();
    expect(assembler.push(fromHex("00000000"))).toHaveLength(4096);
  });

  it.each([
    [false, "8001 00000009 00000000", "says 9"],
    [false, "8001 00001001 00000000", "says 4097"],
    [false, "8001 ffffffff 00000000", "says 4294967295"],
    [false, `${RESPONSE}00`, "1 bytes follow"],
    [true, `0000000d${RESPONSE}00000000`, "announced as 13"],
    [true, `0000000c${RESPONSE}00000001`, "acknowledgement"],
    [true, `${FRAMED}${FRAMED}`, "20 bytes follow"],
  ])("with impossible lengths are refused (header: %s, %s)", (framed, hex, words) => {
    const assembler = new ResponseAssembler(4096);
    assembler.begin(framed);
    expect(() => assembler.push(fromHex(hex))).toThrow(words);
  });
});
