import { describe, expect, it } from "vitest";
import { equalBytes, fromHex, hexNumber, toHex } from "./hex.ts";
import { own } from "./own.ts";
import { ByteReader, ShortInputError } from "./reader.ts";
import { ByteWriter } from "./writer.ts";

describe("ByteWriter and ByteReader", () => {
  it("give back what was written, in both byte orders, across buffer growth", () => {
    const writer = new ByteWriter().zeros(61);
    writer.u8(0x12).u16be(0x3456).u32be(0x89abcdef).u64be(0x0123456789abcdefn);
    writer.u16le(0x3456).u32le(0x89abcdef).u64le(0x0123456789abcdefn).ascii("TPM2").bytes([1, 2]);
    const reader = new ByteReader(writer.finish());
    expect(toHex(reader.take(61))).toBe("00".repeat(61));
    expect(reader.u8()).toBe(0x12);
    expect(reader.u16be()).toBe(0x3456);
    expect(reader.u32be()).toBe(0x89abcdef);
    expect(reader.u64be()).toBe(0x0123456789abcdefn);
    expect(reader.u16le()).toBe(0x3456);
    expect(reader.u32le()).toBe(0x89abcdef);
    expect(reader.u64le()).toBe(0x0123456789abcdefn);
    expect(toHex(reader.take(6))).toBe("54504d320102");
    expect(reader.left).toBe(0);
  });

  it("refuses to read past the end and says where", () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    reader.u16be();
    expect(() => reader.u32be()).toThrow(ShortInputError);
    expect(() => reader.u32be()).toThrow("need 4 byte(s) at offset 2, 1 left");
    expect(reader.u8()).toBe(3);
  });
});

describe("hex", () => {
  it("reads what people type", () => {
    expect(fromHex("80:01 0x00,0x0c\n00_0C")).toEqual(Uint8Array.of(0x80, 1, 0, 0x0c, 0, 0x0c));
    expect(() => fromHex("80 0g")).toThrow("'g' is not a hexadecimal digit");
    expect(() => fromHex("801")).toThrow("even number of digits, got 3");
  });
  it("writes bytes and numbers", () => {
    expect(toHex(Uint8Array.of(0, 0xab))).toBe("00ab");
    expect(hexNumber(-1)).toBe("0xFFFFFFFF");
    expect(hexNumber(0x17b, 4)).toBe("0x017B");
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1))).toBe(true);
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false);
  });
});

describe("own", () => {
  it("gives what a record has of its own, and nothing that every object has", () => {
    const record = { a: 1, b: undefined };
    expect(own(record, "a")).toBe(1);
    for (const name of ["b", "c", "constructor", "toString", "__proto__", "hasOwnProperty"])
      expect(own(record, name), name).toBeUndefined();
    expect(own(JSON.parse('{"__proto__": 2}') as Record<string, number>, "__proto__")).toBe(2);
  });
});
