import { describe, expect, it, vi } from "vitest";
import { equalBytes } from "../../protocol/bytes/hex.ts";
import { BLOCK_SIZE, Flash } from "./flash.ts";

const BASE = 0xffc0_0000;
const [PROGRAM, ERASE, CONFIRM, READ_STATUS, CLEAR_STATUS, READ_ARRAY] = [0x40, 0x20, 0xd0, 0x70, 0x50, 0xff];

function chip(options: { readOnly?: boolean } = {}) {
  const content = Uint8Array.from({ length: 2 * BLOCK_SIZE }, (_, at) => at & 0xff);
  return new Flash(content, { base: BASE, ...options });
}

/** Writes each value as one byte cycle to the same place. */
function cycles(flash: Flash, offset: number, ...values: number[]): void {
  for (const value of values) flash.write(BASE + offset, 1, value);
}

describe("a flash chip", () => {
  it("is little-endian memory until it is told something", () => {
    const flash = chip();
    expect(flash.read(BASE + 4, 1)).toBe(4);
    expect(flash.read(BASE + 4, 2)).toBe(0x0504);
    expect(flash.read(BASE + 0xfc, 4)).toBe(0xfffe_fdfc);
  });

  it("answers edk2's question whether it is flash", () => {
    const flash = chip();
    cycles(flash, 5, CLEAR_STATUS);
    expect(flash.read(BASE + 5, 1)).toBe(5);
    cycles(flash, 5, READ_STATUS);
    expect(flash.read(BASE + 5, 1)).toBe(0);
    cycles(flash, 5, READ_ARRAY);
    expect(flash.read(BASE + 5, 1)).toBe(5);
  });

  it.each([PROGRAM, 0x10])(
    "programs with command 0x%s and shows its status until told otherwise",
    (command) => {
      const flash = chip();
      cycles(flash, 0x80, command);
      expect(flash.read(BASE + 0x80, 1)).toBe(0);
      cycles(flash, 0x80, 0xa5);
      expect(flash.read(BASE, 1)).toBe(0x80);
      expect(flash.read(BASE, 2)).toBe(0x80);
      expect(flash.read(BASE, 4)).toBe(0x0080_0080);
      cycles(flash, 0, READ_ARRAY);
      expect(flash.read(BASE + 0x80, 1)).toBe(0xa5);
      expect(flash.read(BASE + 0x81, 1)).toBe(0x81);
    },
  );

  it("tells what it is when it is asked, by the tables of CFI", () => {
    const flash = chip();
    cycles(flash, 0, 0x98, READ_STATUS);
    const at = (offset: number) => flash.read(BASE + offset, 1);
    expect(String.fromCharCode(at(0x10), at(0x11), at(0x12))).toBe("QRY");
    const address = at(0x15);
    expect(String.fromCharCode(at(address), at(address + 1), at(address + 2))).toBe("PRI");
    expect(2 ** at(0x27)).toBe(2 * BLOCK_SIZE);
    expect([at(0x2d) + 1, at(0x2f) * 256]).toEqual([2, BLOCK_SIZE]);
    cycles(flash, 0, READ_ARRAY, 0x90);
    expect(at(0)).toBe(0);
    cycles(flash, 0, READ_ARRAY);
    expect(at(0x10)).toBe(0x10);
  });

  it("takes the command that locks blocks, and locks none", () => {
    const flash = chip();
    cycles(flash, 0, 0x60, CONFIRM);
    expect(flash.read(BASE, 1)).toBe(0x80);
    cycles(flash, 0, 0x60, READ_ARRAY);
    expect(flash.read(BASE + 3, 1)).toBe(3);
    cycles(flash, 3, PROGRAM, 0x77, READ_ARRAY);
    expect(flash.read(BASE + 3, 1)).toBe(0x77);
  });

  it("programs words and double words in one cycle", () => {
    const flash = chip();
    cycles(flash, 0x10, PROGRAM);
    flash.write(BASE + 0x10, 4, 0xdead_beef);
    cycles(flash, 0x20, PROGRAM);
    flash.write(BASE + 0x20, 2, 0x1234);
    cycles(flash, 0, READ_ARRAY);
    expect([flash.read(BASE + 0x10, 4), flash.read(BASE + 0x20, 2)]).toEqual([0xdead_beef, 0x1234]);
  });

  it("erases the block that is meant, and no other", () => {
    const flash = chip();
    cycles(flash, BLOCK_SIZE + 0x123, ERASE, CONFIRM);
    expect(flash.read(BASE, 1)).toBe(0x80);
    cycles(flash, 0, CLEAR_STATUS);
    expect(flash.read(BASE + BLOCK_SIZE - 1, 1)).toBe(0xff);
    expect(flash.read(BASE + BLOCK_SIZE - 2, 1)).toBe(0xfe);
    expect(
      flash
        .content()
        .subarray(BLOCK_SIZE)
        .every((byte) => byte === 0xff),
    ).toBe(true);
  });

  it("goes back to memory at an erase that is not confirmed and at commands that it does not know", () => {
    const flash = chip();
    cycles(flash, 0, READ_STATUS, 0x33);
    expect(flash.read(BASE + 7, 1)).toBe(7);
    cycles(flash, BLOCK_SIZE, ERASE, READ_ARRAY);
    expect(flash.read(BASE + 7, 1)).toBe(7);
  });

  it("keeps what is written-protected, and says so", () => {
    const flash = chip({ readOnly: true });
    const before = flash.content();
    cycles(flash, 3, PROGRAM, 0);
    expect(flash.read(BASE, 1)).toBe(0x90);
    cycles(flash, 3, ERASE, CONFIRM);
    expect(flash.read(BASE, 1)).toBe(0xb0);
    cycles(flash, 3, CLEAR_STATUS);
    expect(equalBytes(flash.content(), before)).toBe(true);
  });

  it("tells of changes, and of nothing else", () => {
    const flash = chip();
    const changed = vi.fn();
    const end = flash.onChange(changed);
    cycles(flash, 0, READ_STATUS, CLEAR_STATUS, READ_ARRAY, PROGRAM);
    expect(changed).toHaveBeenCalledTimes(0);
    cycles(flash, 0, 1, ERASE, CONFIRM);
    expect(changed).toHaveBeenCalledTimes(2);
    end();
    cycles(flash, 0, PROGRAM, 1);
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it("goes on in the middle of a command where it was saved", () => {
    const flash = chip();
    cycles(flash, 0x80, PROGRAM);
    const saved = flash.save();
    cycles(flash, 0x80, 1);
    const other = chip();
    other.restore(saved);
    expect(other.read(BASE + 0x80, 1)).toBe(0);
    cycles(other, 0x80, 2, READ_ARRAY);
    expect(other.read(BASE + 0x80, 1)).toBe(2);
    expect(() => other.restore({ ...saved, bytes: saved.bytes.subarray(1) })).toThrow(RangeError);
  });

  it("is memory again after a reset, with its content", () => {
    const flash = chip();
    cycles(flash, 0x80, PROGRAM, 0xa5, PROGRAM);
    flash.reset();
    expect(flash.read(BASE + 0x80, 1)).toBe(0xa5);
    cycles(flash, 0, READ_STATUS);
    expect(flash.read(BASE, 1)).toBe(0);
  });

  it("has whole blocks", () => {
    expect(() => new Flash(new Uint8Array(100), { base: BASE })).toThrow("whole blocks");
    expect(() => new Flash(new Uint8Array(0), { base: BASE })).toThrow(RangeError);
  });
});
