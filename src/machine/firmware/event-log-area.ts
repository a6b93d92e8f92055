/**
 * The 64 KiB in which firmware writes its event log and Linux reads it: plain memory on the MMIO bus. The guest
 * sees ordinary memory, the page can read it while the firmware still writes.
 */
import type { AccessSize, MmioDevice } from "../../device/tis/ports.ts";
import type { MmioWindow } from "../bus.ts";
import { EVENT_LOG_WINDOW } from "./acpi.ts";

/** How long writes are gathered before `onWrite` is called, in milliseconds. */
const GATHER_MS = 100;

export class EventLogArea implements MmioDevice {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  #notified = true;

  /**
   * Called some 100 ms after the first write since the last call, with the whole area (not a copy), however many
   * writes there were. Firmware clears the area by 65,536 writes before it begins.
   */
  onWrite: ((bytes: Uint8Array) => void) | undefined;

  constructor(readonly window: MmioWindow = EVENT_LOG_WINDOW) {
    this.#bytes = new Uint8Array(window.size);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** The whole area as it stands: a view, which changes as the guest writes. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes;
  }

  /** Puts a saved area back. @throws {RangeError} when `bytes` is longer than the area. */
  restore(bytes: Uint8Array): void {
    if (bytes.length > this.#bytes.length) {
      throw new RangeError(`an event log of ${bytes.length} bytes does not fit ${this.#bytes.length}`);
    }
    this.#bytes.fill(0).set(bytes);
    this.#touch();
  }

  /** What a power cycle does to memory, as far as anyone can rely on it: zeros. */
  reset(): void {
    this.#bytes.fill(0);
    this.#touch();
  }

  read(address: number, size: AccessSize): number {
    const offset = address - this.window.base;
    if (size === 1) return this.#bytes[offset] as number;
    return size === 4 ? this.#view.getUint32(offset, true) : this.#view.getUint16(offset, true);
  }

  write(address: number, size: AccessSize, value: number): void {
    const offset = address - this.window.base;
    if (size === 1) this.#bytes[offset] = value;
    else if (size === 4) this.#view.setUint32(offset, value, true);
    else this.#view.setUint16(offset, value, true);
    if (this.#notified) this.#touch();
  }

  #touch(): void {
    if (!this.#notified) return;
    this.#notified = false;
    setTimeout(() => {
      this.#notified = true;
      this.onWrite?.(this.#bytes);
    }, GATHER_MS);
  }
}
