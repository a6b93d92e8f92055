/**
 * The script by which QEMU's firmware interface has ACPI tables linked: the firmware puts files into memory where it
 * likes, and this says which of their fields hold addresses and checksums. Source: QEMU's hw/acpi/bios-linker-loader.c,
 * and what edk2 (OvmfPkg/AcpiPlatformDxe) and SeaBIOS (fw/romfile_loader.c) make of it.
 */
import { ByteWriter } from "../../protocol/bytes/writer.ts";

const COMMAND = { ALLOCATE: 1, ADD_POINTER: 2, ADD_CHECKSUM: 3 } as const;
/** Where an allocated file lies. */
export const ZONE = { HIGH: 1, F_SEGMENT: 2 } as const;
const ENTRY_SIZE = 128;
const NAME_SIZE = 56;

/** Gathers commands, which the firmware runs in this order. */
export class TableLoaderScript {
  readonly #script = new ByteWriter();

  /** The firmware reads the file into memory of its choice. @param align a power of two, in bytes. */
  allocate(file: string, align: number, zone: (typeof ZONE)[keyof typeof ZONE]): this {
    return this.#entry(COMMAND.ALLOCATE, (entry) => name(entry, file).u32le(align).u8(zone));
  }

  /** Adds where `target` lies to a field of `file`, in which an offset into `target` stands. @param size in bytes. */
  addPointer(file: string, offset: number, target: string, size: 4 | 8 = 4): this {
    return this.#entry(COMMAND.ADD_POINTER, (entry) =>
      name(name(entry, file), target).u32le(offset).u8(size),
    );
  }

  /** Changes the byte at `offset` of `file`, which is 0 before, so that `length` bytes from `start` add up to 0. */
  addChecksum(file: string, offset: number, start: number, length: number): this {
    return this.#entry(COMMAND.ADD_CHECKSUM, (entry) =>
      name(entry, file).u32le(offset).u32le(start).u32le(length),
    );
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#script.finish();
  }

  #entry(command: number, write: (entry: ByteWriter) => ByteWriter): this {
    const entry = write(new ByteWriter().u32le(command));
    this.#script.bytes(entry.zeros(ENTRY_SIZE - entry.length).finish());
    return this;
  }
}

function name(entry: ByteWriter, file: string): ByteWriter {
  return entry.ascii(file).zeros(NAME_SIZE - file.length);
}
