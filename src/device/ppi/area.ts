/** The Physical Presence Interface's memory on the MMIO bus: plain RAM, kept until the machine is switched off. */
import type { AccessSize, MmioDevice } from "../frontend/port.ts";
import { MOR_CLEAR_MEMORY, PPI_FIELDS, PPI_FUNC, PPI_WINDOW } from "./layout.ts";
import { PPI_OPERATIONS, type PpiFamily } from "./operations.ts";

/** What stands in the memory, as the fields of layout.ts tell it. */
export interface PpiContents {
  /** PPRQ: the operation that was asked for; 0 for none. */
  request: number;
  /** PPRM. */
  parameter: number;
  /** LPPR: the operation that firmware carried out last; 0 for none. */
  last: number;
  /** PPRP: what came of it. */
  result: number;
  /** Bit 0 of MOVV. */
  overwrite: boolean;
}

export class PpiArea implements MmioDevice {
  readonly #bytes = new Uint8Array(PPI_WINDOW.size);
  readonly #view = new DataView(this.#bytes.buffer);
  #told = true;

  /** Called after writes that changed what is asked for or answered; once for those of one slice of guest code. */
  onChange: (() => void) | undefined;

  /** The whole memory as it stands: a view, which changes as the guest writes. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  get contents(): PpiContents {
    const { PPRQ, PPRM, LPPR, PPRP, MOVV } = PPI_FIELDS;
    const value = ({ offset }: { offset: number }) => this.#view.getUint32(offset, true);
    return {
      request: value(PPRQ),
      parameter: value(PPRM),
      last: value(LPPR),
      result: value(PPRP),
      overwrite: ((this.#bytes[MOVV.offset] as number) & MOR_CLEAR_MEMORY) !== 0,
    };
  }

  /** What switching the machine on leaves there: zeros. */
  powerOn(): void {
    this.#bytes.fill(0);
    this.#changed();
  }

  /** Puts a saved memory back; one that is shorter ends with zeros. @throws {RangeError} for one that is longer. */
  restore(bytes: Uint8Array): void {
    if (bytes.length > this.#bytes.length)
      throw new RangeError(
        `${bytes.length} bytes are no memory of physical presence: it has ${this.#bytes.length}`,
      );
    this.#bytes.fill(0);
    this.#bytes.set(bytes);
    this.#changed();
  }

  /** Writes into FUNC what the firmware carries out for a TPM of this family; for none, nothing. */
  offer(family: PpiFamily | undefined): void {
    const { offset, size } = PPI_FIELDS.FUNC;
    this.#bytes.fill(PPI_FUNC.NOT_IMPLEMENTED, offset, offset + size);
    if (!family) return;
    for (const [operation, { implemented }] of Object.entries(PPI_OPERATIONS[family]))
      if (implemented) this.#bytes[offset + Number(operation)] = PPI_FUNC.ALLOWED;
  }

  /** Asks for an operation, as the operating system does through `_DSM`. */
  ask(request: number, parameter = 0): void {
    this.#view.setUint32(PPI_FIELDS.PPRQ.offset, request, true);
    this.#view.setUint32(PPI_FIELDS.PPRM.offset, parameter, true);
    this.#changed();
  }

  /** The memory has been overwritten: the request is done with. */
  overwritten(): void {
    this.#bytes[PPI_FIELDS.MOVV.offset] = (this.#bytes[PPI_FIELDS.MOVV.offset] as number) & ~MOR_CLEAR_MEMORY;
    this.#changed();
  }

  read(address: number, size: AccessSize): number {
    const offset = address - PPI_WINDOW.base;
    if (size === 1) return this.#bytes[offset] as number;
    return size === 4 ? this.#view.getUint32(offset, true) : this.#view.getUint16(offset, true);
  }

  write(address: number, size: AccessSize, value: number): void {
    const offset = address - PPI_WINDOW.base;
    if (size === 1) this.#bytes[offset] = value;
    else if (size === 4) this.#view.setUint32(offset, value, true);
    else this.#view.setUint16(offset, value, true);
    if (offset >= PPI_FIELDS.PPIN.offset) this.#changed();
  }

  #changed(): void {
    if (!this.#told) return;
    this.#told = false;
    void Promise.resolve().then(() => {
      this.#told = true;
      this.onChange?.();
    });
  }
}
