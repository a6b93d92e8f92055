import { describe, expect, it } from "vitest";
import { equalBytes } from "../../protocol/bytes/hex.ts";
import { ByteReader } from "../../protocol/bytes/reader.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { e820File, FW_CFG_KEY, FwCfg, type FwCfgFile, type GuestRam, standardItems } from "./fw-cfg.ts";

const MEMORY = 0x1_0000;
const ACCESS_AT = 0x100;
const TARGET = 0x2000;
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

class Ram implements GuestRam {
  readonly bytes = new Uint8Array(MEMORY).fill(0xcc);
  readonly size = MEMORY;
  read = (address: number, length: number) => this.bytes.subarray(address, address + length);
  write = (address: number, bytes: Uint8Array) => this.bytes.set(bytes, address);
}

const FILE: FwCfgFile = { name: "opt/file", data: Uint8Array.of(1, 2, 3, 4, 5) };

function device(files = [FILE]) {
  const ram = new Ram();
  const current = { files };
  const fwCfg = new FwCfg(ram, () => ({ items: standardItems(MEMORY), files: current.files }));
  const swapped = (value: number) =>
    new DataView(Uint8Array.from([24, 16, 8, 0], (shift) => value >>> shift).buffer);
  const start = (address: number, high = 0) => {
    fwCfg.writeDma("high", high);
    fwCfg.writeDma("low", swapped(address).getUint32(0, true));
  };
  /** A DMA access as firmware makes it. @returns the control word when it is over. */
  const dma = (control: number, length: number, target = TARGET) => {
    ram.write(ACCESS_AT, new ByteWriter().u32be(control).u32be(length).u32be(0).u32be(target).finish());
    start(ACCESS_AT);
    return new ByteReader(ram.read(ACCESS_AT, 4)).u32be();
  };
  const read = (key: number, length: number) => {
    fwCfg.select(key);
    return Uint8Array.from({ length }, () => fwCfg.readData());
  };
  return { ram, fwCfg, dma, read, current, start };
}

const [READ, SKIP, SELECT, WRITE, ERROR] = [2, 4, 8, 16, 1];

describe("the firmware configuration device", () => {
  it("says who it is, and that it can do DMA", () => {
    const { read, fwCfg } = device();
    expect(text(read(FW_CFG_KEY.SIGNATURE, 4))).toBe("QEMU");
    expect(read(FW_CFG_KEY.ID, 4)).toEqual(Uint8Array.of(3, 0, 0, 0));
    const signature = new ByteWriter().u32le(fwCfg.readDma("high")).u32le(fwCfg.readDma("low")).finish();
    expect(text(signature)).toBe("QEMU CFG");
  });

  it("gives zeros behind an item's end and for items that are not there", () => {
    const { read, fwCfg } = device();
    fwCfg.select(FW_CFG_KEY.CPUS);
    expect([1, 0, 0, 0]).toEqual(Array.from({ length: 4 }, () => fwCfg.readData()));
    expect(read(0x1234, 2)).toEqual(Uint8Array.of(0, 0));
    // The bit that asks for writing does not choose another item.
    expect(text(read(0x4000, 4))).toBe("QEMU");
  });

  it("lists its files, and gives them by the keys in the list", () => {
    const { read } = device([e820File(MEMORY), FILE]);
    const directory = new ByteReader(read(FW_CFG_KEY.DIRECTORY, 4 + 2 * 64));
    expect(directory.u32be()).toBe(2);
    directory.take(64);
    expect(directory.u32be()).toBe(5);
    const key = directory.u16be();
    directory.take(2);
    expect(text(directory.take(9))).toBe("opt/file\0");
    expect(read(key, 5)).toEqual(FILE.data);
  });

  it("reads items into memory, in pieces, with zeros behind their end", () => {
    const { dma, ram } = device();
    expect(dma((0x20 << 16) | SELECT | READ, 2)).toBe(0);
    expect(ram.read(TARGET, 3)).toEqual(Uint8Array.of(1, 2, 0xcc));
    expect(dma(SKIP, 1)).toBe(0);
    expect(dma(READ, 3)).toBe(0);
    expect(ram.read(TARGET, 4)).toEqual(Uint8Array.of(4, 5, 0, 0xcc));
  });

  it("turns down writes and memory that is not there, and touches nothing", () => {
    const { dma, ram, start } = device();
    expect(dma((0x20 << 16) | SELECT | WRITE, 2)).toBe(ERROR);
    expect(dma((0x20 << 16) | SELECT | READ, 5, MEMORY - 4)).toBe(ERROR);
    const before = ram.bytes.slice();
    start(MEMORY - 8);
    start(ACCESS_AT, 1);
    expect(equalBytes(ram.bytes, before)).toBe(true);
  });

  it("sees other files after a reset, and not before", () => {
    const { fwCfg, read, current } = device();
    expect(read(0x20, 1)).toEqual(Uint8Array.of(1));
    current.files = [{ name: "opt/file", data: Uint8Array.of(9) }];
    expect(read(0x20, 1)).toEqual(Uint8Array.of(1));
    fwCfg.reset();
    expect(read(0x20, 1)).toEqual(Uint8Array.of(9));
  });

  it("goes on within an item where it was saved", () => {
    const { fwCfg } = device();
    fwCfg.select(0x20);
    fwCfg.readData();
    const other = device().fwCfg;
    other.restore(fwCfg.save());
    expect(other.readData()).toBe(2);
  });

  it("has no room for long names", () => {
    const { fwCfg } = device([{ name: "x".repeat(56), data: FILE.data }]);
    expect(() => fwCfg.select(0)).toThrow("1 to 55 characters");
  });
});

describe("a kernel among the items", () => {
  it("is cut where its set-up code ends", () => {
    const kernel = new Uint8Array(4096).fill(7);
    kernel[0x1f1] = 2;
    const items = standardItems(MEMORY, { kernel, initrd: Uint8Array.of(1), cmdline: "quiet" });
    const number = (key: number) => new ByteReader(items.get(key)!).u32le();
    expect(number(FW_CFG_KEY.SETUP_SIZE)).toBe(3 * 512);
    expect(number(FW_CFG_KEY.KERNEL_SIZE)).toBe(4096 - 3 * 512);
    expect(items.get(FW_CFG_KEY.SETUP_DATA)?.length).toBe(3 * 512);
    expect(items.get(FW_CFG_KEY.KERNEL_DATA)?.length).toBe(4096 - 3 * 512);
    expect(number(FW_CFG_KEY.INITRD_SIZE)).toBe(1);
    expect(text(items.get(FW_CFG_KEY.CMDLINE_DATA)!)).toBe("quiet\0");
    expect(number(FW_CFG_KEY.CMDLINE_SIZE)).toBe(6);
  });
});
