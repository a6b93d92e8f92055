/** What a guest has written to a drive: the sectors, held apart from what was there before. */

/** The smallest piece that a guest writes, in bytes (ATA's sector). */
export const SECTOR = 512;

/** `data` as whole sectors, with zeros behind it where it ends within one. */
export function wholeSectors(data: Uint8Array): Uint8Array {
  const length = Math.ceil(data.length / SECTOR) * SECTOR;
  if (data.length === length) return data;
  const whole = new Uint8Array(length);
  whole.set(data);
  return whole;
}

/** Sectors are held by so many, which lie side by side. */
const GROUP = 128;
const GROUP_BYTES = GROUP * SECTOR;

interface Group {
  bytes: Uint8Array;
  /** A byte for each sector: 1 when it was written. */
  written: Uint8Array;
}

/** Positions and lengths are in bytes and whole sectors. */
export class WrittenSectors {
  readonly #groups = new Map<number, Group>();
  #sectors = 0;

  /** Sectors that were written at least once. */
  get sectors(): number {
    return this.#sectors;
  }

  write(start: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; done += SECTOR) {
      const { group, at } = this.#place(start + done);
      group.bytes.set(data.subarray(done, done + SECTOR), at * SECTOR);
      if (!group.written[at]) this.#sectors++;
      group.written[at] = 1;
    }
  }

  /** Puts what was written over what `data`, read at `start`, holds. */
  overlay(start: number, data: Uint8Array): void {
    for (let done = 0; done < data.length; done += SECTOR) {
      const sector = this.#sector(start + done);
      if (sector) data.set(sector, done);
    }
  }

  /** True when all of it was written, so that nothing else needs to be read. */
  covers(start: number, length: number): boolean {
    for (let done = 0; done < length; done += SECTOR) if (!this.#sector(start + done)) return false;
    return true;
  }

  /** The numbers of the sectors that were written, ascending, and their bytes in that order. */
  save(): [numbers: Float64Array, bytes: Uint8Array] {
    const numbers = new Float64Array(this.#sectors);
    const bytes = new Uint8Array(this.#sectors * SECTOR);
    let count = 0;
    for (const [index, { bytes: held, written }] of [...this.#groups].sort(([a], [b]) => a - b)) {
      for (let at = 0; at < GROUP; at++) {
        if (!written[at]) continue;
        numbers[count] = index * GROUP + at;
        bytes.set(held.subarray(at * SECTOR, (at + 1) * SECTOR), count * SECTOR);
        count++;
      }
    }
    return [numbers, bytes];
  }

  clear(): void {
    this.#groups.clear();
    this.#sectors = 0;
  }

  #sector(position: number): Uint8Array | undefined {
    const group = this.#groups.get(Math.floor(position / GROUP_BYTES));
    const at = (position % GROUP_BYTES) / SECTOR;
    return group?.written[at] ? group.bytes.subarray(at * SECTOR, (at + 1) * SECTOR) : undefined;
  }

  #place(position: number): { group: Group; at: number } {
    const index = Math.floor(position / GROUP_BYTES);
    let group = this.#groups.get(index);
    if (!group) {
      group = { bytes: new Uint8Array(GROUP_BYTES), written: new Uint8Array(GROUP) };
      this.#groups.set(index, group);
    }
    return { group, at: (position % GROUP_BYTES) / SECTOR };
  }
}
