/**
 * Output on its way to a terminal that takes its time: what a guest prints faster than the terminal draws would pile
 * up without end. Beyond a bound the middle of it is left out, which is said in its place; the newest is always shown.
 */

/** Bytes that the terminal may have before it. */
const MOST_PENDING = 512 * 1024;
/** Bytes of the newest output that are kept for when it has caught up. */
const MOST_KEPT = 64 * 1024;

export class ConsoleFlow {
  readonly #write: (data: Uint8Array | string, drawn: () => void) => void;
  #pending = 0;
  #left = 0;
  #kept: Uint8Array[] = [];
  #keptBytes = 0;

  /** @param write gives the terminal something, and calls back when it has been taken in. */
  constructor(write: (data: Uint8Array | string, drawn: () => void) => void) {
    this.#write = write;
  }

  /** Bytes that are not shown yet; never more than a bound. */
  get waiting(): number {
    return this.#pending + this.#keptBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#keptBytes === 0 && this.#pending + bytes.length <= MOST_PENDING) this.#send(bytes);
    else this.#keep(bytes);
  }

  #send(bytes: Uint8Array): void {
    this.#pending += bytes.length;
    this.#write(bytes, () => {
      this.#pending -= bytes.length;
      if (this.#pending === 0) this.#catchUp();
    });
  }

  #keep(bytes: Uint8Array): void {
    const newest = bytes.subarray(-MOST_KEPT);
    this.#left += bytes.length - newest.length;
    this.#kept.push(newest);
    this.#keptBytes += newest.length;
    while (this.#kept.length > 1 && this.#keptBytes - this.#kept[0]!.length >= MOST_KEPT) {
      const oldest = this.#kept.shift()!.length;
      this.#keptBytes -= oldest;
      this.#left += oldest;
    }
    // Nothing is under way that would call back, e.g. when one piece alone is beyond the bound.
    if (this.#pending === 0) this.#catchUp();
  }

  #catchUp(): void {
    const kept = this.#kept;
    if (this.#left > 0) {
      const text = `\r\n\x1b[0;2m--- ${this.#left.toLocaleString("en")} bytes left out: they came faster than they can be shown ---\x1b[0m\r\n`;
      this.#write(text, () => undefined);
    }
    this.#left = 0;
    this.#kept = [];
    this.#keptBytes = 0;
    for (const bytes of kept) this.#send(bytes);
  }
}
