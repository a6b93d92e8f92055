/**
 * QEMU's firmware configuration device as firmware of today expects it: selector and data port, and the DMA interface
 * (docs/specs/fw_cfg.rst). Pure: ports and guest memory are given to it.
 */
import { ByteWriter } from "../../protocol/bytes/writer.ts";

/** I/O ports. */
export const FW_CFG_PORT = { SELECTOR: 0x510, DATA: 0x511, DMA_HIGH: 0x514, DMA_LOW: 0x518 } as const;

/** Keys of the items that are no files. */
export const FW_CFG_KEY = {
  SIGNATURE: 0x00,
  ID: 0x01,
  RAM_SIZE: 0x03,
  CPUS: 0x05,
  KERNEL_SIZE: 0x08,
  INITRD_SIZE: 0x0b,
  BOOT_MENU: 0x0e,
  MOST_CPUS: 0x0f,
  KERNEL_DATA: 0x11,
  INITRD_DATA: 0x12,
  CMDLINE_SIZE: 0x14,
  CMDLINE_DATA: 0x15,
  SETUP_SIZE: 0x17,
  SETUP_DATA: 0x18,
  DIRECTORY: 0x19,
} as const;

/** Files follow from here, in the directory's order. */
const FIRST_FILE = 0x20;
const MOST_NAME = 55;
/** Bit 14 of a selector asks for writing and is ignored; bit 15 selects items of the architecture. */
const WRITE_BIT = 0x4000;

const SIGNATURE = "QEMU";
/** What the DMA address register reads as, in its big-endian order. */
const DMA_SIGNATURE = { HIGH: 0x5145_4d55, LOW: 0x2043_4647 } as const; // "QEMU", " CFG"
/** Of the item ID: the traditional interface, and DMA. */
const FEATURES = 0x3;

/** Control word of a DMA access; the upper 16 bits are the key. */
const DMA = { ERROR: 1, READ: 2, SKIP: 4, SELECT: 8, WRITE: 16 } as const;
const DMA_ACCESS_SIZE = 16;

export interface FwCfgFile {
  name: string;
  data: Uint8Array;
}

/** Everything that the firmware can read: by key, and files by name. */
export interface FwCfgContent {
  items: ReadonlyMap<number, Uint8Array>;
  files: readonly FwCfgFile[];
}

/** Guest RAM, from 0. */
export interface GuestRam {
  readonly size: number;
  read(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
}

const EMPTY = new Uint8Array();

export class FwCfg {
  readonly #ram: GuestRam;
  readonly #content: () => FwCfgContent;
  /** Made when it is first asked for after a reset. */
  #items: Map<number, Uint8Array> | undefined;
  #item: Uint8Array = EMPTY;
  #at = 0;
  #dmaHigh = 0;

  /** @param content is asked for once after each reset. */
  constructor(ram: GuestRam, content: () => FwCfgContent) {
    this.#ram = ram;
    this.#content = content;
  }

  reset(): void {
    this.#items = undefined;
    this.#item = EMPTY;
    this.#at = this.#dmaHigh = 0;
  }

  /** Of the state, what is not content: which item is being read, and how far; data only. */
  save(): { key: number; at: number; dmaHigh: number } {
    const entry = [...(this.#items ?? [])].find(([, item]) => item === this.#item);
    return { key: entry?.[0] ?? 0xffff, at: this.#at, dmaHigh: this.#dmaHigh };
  }

  restore({ key, at, dmaHigh }: { key: number; at: number; dmaHigh: number }): void {
    this.select(key);
    this.#at = at;
    this.#dmaHigh = dmaHigh;
  }

  /** A write to the selector port. */
  select(key: number): void {
    this.#items ??= allItems(this.#content());
    this.#item = this.#items.get(key & 0xffff & ~WRITE_BIT) ?? EMPTY;
    this.#at = 0;
  }

  /** A read of the data port: zeros behind the item's end. */
  readData(): number {
    return this.#item[this.#at++] ?? 0;
  }

  /** What the two halves of the DMA address register read as, as a little-endian machine sees them. */
  readDma(half: "high" | "low"): number {
    return swapped(half === "high" ? DMA_SIGNATURE.HIGH : DMA_SIGNATURE.LOW);
  }

  /** A write to one half of the DMA address register; the low one starts the access. */
  writeDma(half: "high" | "low", value: number): void {
    if (half === "high") {
      this.#dmaHigh = swapped(value);
      return;
    }
    const high = this.#dmaHigh;
    this.#dmaHigh = 0;
    const address = swapped(value);
    // Nobody can be told where no access is.
    if (high !== 0 || address + DMA_ACCESS_SIZE > this.#ram.size) return;
    const done = this.#transfer(this.#ram.read(address, DMA_ACCESS_SIZE).slice());
    this.#ram.write(address, new ByteWriter().u32be(done ? 0 : DMA.ERROR).finish());
  }

  #transfer(bytes: Uint8Array): boolean {
    const access = new DataView(bytes.buffer);
    const control = access.getUint32(0);
    const length = access.getUint32(4);
    const target = access.getUint32(12);
    if (control & DMA.SELECT) this.select(control >>> 16);
    if (control & DMA.READ) {
      if (access.getUint32(8) !== 0 || target + length > this.#ram.size) return false;
      const read = new Uint8Array(length);
      read.set(this.#item.subarray(this.#at, this.#at + length));
      this.#ram.write(target, read);
    } else if (control & DMA.WRITE) return false; // no item here can be written
    if (control & (DMA.READ | DMA.SKIP)) this.#at += length;
    return true;
  }
}

/** A Linux kernel for the firmware to load. */
export interface FwCfgLinux {
  /** A bzImage. */
  kernel: Uint8Array;
  initrd?: Uint8Array | undefined;
  cmdline: string;
}

/** The items that every machine has, with a kernel or without. */
export function standardItems(memorySize: number, linux?: FwCfgLinux): Map<number, Uint8Array> {
  const one = new ByteWriter().u16le(1).finish();
  const items = new Map<number, Uint8Array>([
    [FW_CFG_KEY.SIGNATURE, new ByteWriter().ascii(SIGNATURE).finish()],
    [FW_CFG_KEY.ID, u32(FEATURES)],
    [FW_CFG_KEY.RAM_SIZE, new ByteWriter().u64le(BigInt(memorySize)).finish()],
    [FW_CFG_KEY.CPUS, one],
    [FW_CFG_KEY.MOST_CPUS, one],
    [FW_CFG_KEY.BOOT_MENU, new ByteWriter().u16le(0).finish()],
  ]);
  if (linux) for (const [key, data] of linuxItems(linux)) items.set(key, data);
  return items;
}

/** In a bzImage: how many sectors of set-up code follow the first one (Linux/x86 boot protocol, setup_sects). */
const SETUP_SECTS = 0x1f1;
const OLD_SETUP_SECTS = 4;
const SECTOR = 512;

function linuxItems({ kernel, initrd = EMPTY, cmdline }: FwCfgLinux): [number, Uint8Array][] {
  const setup = ((kernel[SETUP_SECTS] || OLD_SETUP_SECTS) + 1) * SECTOR;
  const text = new ByteWriter().bytes(new TextEncoder().encode(cmdline)).u8(0).finish();
  return [
    [FW_CFG_KEY.SETUP_SIZE, u32(setup)],
    [FW_CFG_KEY.SETUP_DATA, kernel.subarray(0, setup)],
    [FW_CFG_KEY.KERNEL_SIZE, u32(kernel.length - setup)],
    [FW_CFG_KEY.KERNEL_DATA, kernel.subarray(setup)],
    [FW_CFG_KEY.INITRD_SIZE, u32(initrd.length)],
    [FW_CFG_KEY.INITRD_DATA, initrd],
    [FW_CFG_KEY.CMDLINE_SIZE, u32(text.length)],
    [FW_CFG_KEY.CMDLINE_DATA, text],
  ];
}

const E820_RAM = 1;

/** The file `etc/e820`: where RAM is, in entries of the BIOS call's form. All of it lies below the PCI window. */
export function e820File(memorySize: number): FwCfgFile {
  const data = new ByteWriter().u64le(0n).u64le(BigInt(memorySize)).u32le(E820_RAM).finish();
  return { name: "etc/e820", data };
}

/** @throws {RangeError} for a name that has no room in the directory. */
function allItems({ items, files }: FwCfgContent): Map<number, Uint8Array> {
  const all = new Map(items);
  const directory = new ByteWriter().u32be(files.length);
  files.forEach(({ name, data }, index) => {
    if (!name || name.length > MOST_NAME)
      throw new RangeError(`a firmware file's name has 1 to ${MOST_NAME} characters: "${name}"`);
    const key = FIRST_FILE + index;
    directory.u32be(data.length).u16be(key).u16be(0);
    directory.ascii(name).zeros(MOST_NAME + 1 - name.length);
    all.set(key, data);
  });
  return all.set(FW_CFG_KEY.DIRECTORY, directory.finish());
}

const u32 = (value: number) => new ByteWriter().u32le(value).finish();

function swapped(value: number): number {
  const bytes = new DataView(new ArrayBuffer(4));
  bytes.setUint32(0, value);
  return bytes.getUint32(0, true);
}
