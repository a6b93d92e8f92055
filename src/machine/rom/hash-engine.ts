/**
 * A small hash accelerator on the memory bus, such as many chips have: the option ROM says which memory to hash,
 * and the browser's own crypto hashes it, many times faster than the emulated CPU (four banks of an 8 MB boot take
 * that several seconds). What is hashed is the guest's memory at the time the guest asks.
 *
 * | offset | register | |
 * | --- | --- | --- |
 * | 0x00 | ID, read | "WTHE" |
 * | 0x04 | ALGORITHM, write | TPM_ALG_ID to hash with |
 * | 0x08 | ADDRESS, write | guest-physical address of the next piece |
 * | 0x0C | SIZE, write | bytes of it; takes the piece |
 * | 0x10 | CONTROL, write | 1 begins a new message, 2 hashes it; by several algorithms, one after the other |
 * | 0x10 | STATUS, read | 0 idle, 1 busy, 2 done, 3 failed |
 * | 0x40 | DIGEST, read | up to 64 bytes |
 */
import type { MachineBus, MmioWindow } from "../bus.ts";

type MmioDevice = Parameters<MachineBus["attach"]>[1];
type AccessSize = Parameters<MmioDevice["read"]>[1];

/** Beside the TPM's registers, in the same MMIO block. */
export const HASH_ENGINE_WINDOW: Readonly<MmioWindow> = { base: 0xfed4_8000, size: 0x100 };

const ID = 0x4548_5457;
const REGISTER = {
  id: 0x00,
  algorithm: 0x04,
  address: 0x08,
  size: 0x0c,
  control: 0x10,
  digest: 0x40,
} as const;
const CONTROL = { begin: 1, hash: 2 } as const;
const STATUS = { idle: 0, busy: 1, done: 2, failed: 3 } as const;
const DIGEST_SIZE = 64;
/** The Web Cryptography API's names of what TPMs hash with. */
export const HASH_NAMES = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"] as const;
export type HashName = (typeof HASH_NAMES)[number];
/** By TPM_ALG_ID. */
const ALGORITHMS = new Map<number, HashName>([
  [0x0004, "SHA-1"],
  [0x000b, "SHA-256"],
  [0x000c, "SHA-384"],
  [0x000d, "SHA-512"],
]);

/** @returns the guest's memory, as long as asked for; throws when there is none. */
export type ReadMemory = (address: number, length: number) => Uint8Array;
/** `crypto.subtle.digest`. */
export type Digest = (algorithm: HashName, data: Uint8Array<ArrayBuffer>) => Promise<ArrayBuffer>;

/** Who hashes what the guest asks for. */
export interface MessageHashes {
  /** Other bytes, which do not change, with the same content: known ones that have it at this offset of theirs. */
  find(offset: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> | undefined;
  /** The digest of the pieces, one after the other; at once where it is known. The pieces are not to be changed. */
  digest(algorithm: HashName, pieces: readonly Uint8Array<ArrayBuffer>[]): ArrayBuffer | Promise<ArrayBuffer>;
}

/** The platform's digest function; undefined where there is none (a page that came over plain HTTP). */
export function platformDigest(): Digest | undefined {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  return subtle && ((algorithm, data) => subtle.digest(algorithm, data));
}

export class HashEngine implements MmioDevice {
  readonly #registers = new DataView(new ArrayBuffer(HASH_ENGINE_WINDOW.size));
  readonly #readMemory: ReadMemory;
  readonly #hashes: MessageHashes;
  /** The message so far, as it was when each piece was taken. */
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  /** Counts requests, so that a late answer to an old one is dropped. */
  #request = 0;

  constructor(readMemory: ReadMemory, hashes: MessageHashes) {
    this.#readMemory = readMemory;
    this.#hashes = hashes;
    this.#registers.setUint32(REGISTER.id, ID, true);
  }

  read(address: number, size: AccessSize): number {
    const offset = address - HASH_ENGINE_WINDOW.base;
    if (size === 1) return this.#registers.getUint8(offset);
    return size === 4 ? this.#registers.getUint32(offset, true) : this.#registers.getUint16(offset, true);
  }

  /** Only whole registers can be written. */
  write(address: number, size: AccessSize, value: number): void {
    if (size !== 4) return;
    const offset = address - HASH_ENGINE_WINDOW.base;
    if (offset === REGISTER.algorithm || offset === REGISTER.address)
      this.#registers.setUint32(offset, value, true);
    else if (offset === REGISTER.size) this.#take(value >>> 0);
    else if (offset === REGISTER.control && value === CONTROL.begin) this.#begin();
    else if (offset === REGISTER.control && value === CONTROL.hash) this.#hash();
  }

  #begin(): void {
    this.#request++;
    this.#pieces = [];
    this.#status = STATUS.idle;
  }

  #take(size: number): void {
    if (this.#status !== STATUS.idle || !size) return;
    try {
      const piece = this.#readMemory(this.#registers.getUint32(REGISTER.address, true), size);
      const offset = this.#pieces.reduce((sum, { length }) => sum + length, 0);
      if (piece.length === size) this.#pieces.push(this.#hashes.find(offset, piece) ?? new Uint8Array(piece));
      else this.#status = STATUS.failed;
    } catch {
      this.#status = STATUS.failed; // there is no such memory: the guest's mistake
    }
  }

  #hash(): void {
    if (this.#status !== STATUS.idle && this.#status !== STATUS.done) return;
    const request = ++this.#request;
    const name = ALGORITHMS.get(this.#registers.getUint32(REGISTER.algorithm, true));
    if (!name) {
      this.#status = STATUS.failed;
      return;
    }
    this.#status = STATUS.busy;
    const digest = this.#hashes.digest(name, this.#pieces);
    if (digest instanceof ArrayBuffer) this.#done(request, new Uint8Array(digest));
    else {
      digest.then(
        (value) => this.#done(request, new Uint8Array(value)),
        () => this.#done(request, undefined),
      );
    }
  }

  #done(request: number, digest: Uint8Array | undefined): void {
    if (request !== this.#request) return;
    const place = new Uint8Array(this.#registers.buffer, REGISTER.digest, DIGEST_SIZE);
    place.fill(0);
    if (digest) place.set(digest);
    this.#status = digest ? STATUS.done : STATUS.failed;
  }

  get #status(): number {
    return this.#registers.getUint32(REGISTER.control, true);
  }

  set #status(status: number) {
    this.#registers.setUint32(REGISTER.control, status, true);
  }
}
