/**
 * Snapshots in IndexedDB: one record each, and the bytes of its parts in pieces. Browsers bound how much one value may
 * have (Chromium: 128 MiB), and a piece is what a copy holds in memory at a time.
 */
import { promisifyRequest } from "idb-keyval";
import { nameOr } from "../reading/numbers.ts";
import { type Database, keysUnder, type Stores } from "./database.ts";
import { VaultMissingError } from "./errors.ts";
import {
  type PartDescription,
  readFormat,
  SNAPSHOT_FORMAT,
  type SNAPSHOT_IN_FILE,
  type SnapshotDescription,
  writeFormat,
} from "./format.ts";
import { joined } from "./gzip.ts";
import { newId } from "./ids.ts";
import type { Owners } from "./locks.ts";
import { type Part, packSnapshot, unpackSnapshot } from "./parts.ts";
import { machineOf, putMachine } from "./records.ts";
import { mustFit } from "./room.ts";
import type { MachineSnapshot, NewSnapshot, Progress, PutOptions, SnapshotRecord } from "./types.ts";

type SnapshotStores = Pick<Stores, "snapshots" | "pieces">;

const PIECE_SIZE = 4 << 20;
const WRITTEN = ["machines", "snapshots", "pieces", "owners"] as const;

/** A snapshot whose parts can be read as they are stored. */
export interface ReadableSnapshot {
  description: SnapshotDescription;
  read(part: PartDescription): Promise<Uint8Array | undefined>;
}

/** A snapshot with its parts in memory, as they are stored, and compared with its digests. */
export interface PackedSnapshot {
  description: SnapshotDescription;
  parts: readonly Part[];
}

export class SnapshotShelf {
  readonly #database: Database;
  readonly #owners: Owners;

  constructor(database: Database, owners: Owners) {
    this.#database = database;
    this.#owners = owners;
  }

  async put(machineId: string, snapshot: NewSnapshot, options: PutOptions = {}): Promise<SnapshotRecord> {
    const id = newId();
    const packed = await packSnapshot(snapshot, { id, machineId }, options.progress);
    await this.#putPacked(packed, options);
    return packed.description;
  }

  async #putPacked({ description, parts }: PackedSnapshot, { replace, progress }: PutOptions): Promise<void> {
    const { machineId, storedSize } = description;
    const what = `the snapshot "${description.name}" was not saved`;
    await mustFit(storedSize, what);
    await this.#database.transact("readwrite", WRITTEN, what, async (stores) => {
      await this.#owners.check(stores, machineId);
      await this.write(stores, description, parts, progress);
      const freed = replace === undefined ? 0 : await drop(stores, machineId, replace);
      await resize(stores, machineId, storedSize - freed);
    });
  }

  /** Part of a transaction. */
  async write(
    { snapshots, pieces }: SnapshotStores,
    description: SnapshotDescription,
    parts: readonly Part[],
    progress: Progress = () => undefined,
  ): Promise<void> {
    const { id, machineId, storedSize } = description;
    let written = 0;
    for (const part of parts) {
      for (const [key, piece] of inPieces(machineId, id, part)) {
        await promisifyRequest(pieces.put(piece, key));
        written += piece.length;
        progress("saving", written, storedSize);
      }
    }
    snapshots.put(writeFormat(SNAPSHOT_FORMAT, description), [machineId, id]);
  }

  /** Newest first; one that cannot be read (damaged, of a newer format) does not hide the others. */
  async list(machineId: string): Promise<{ snapshots: SnapshotRecord[]; unreadable: Error[] }> {
    const stored = await this.#database.transact(
      "readonly",
      ["snapshots"],
      "the list of snapshots was not read",
      ({ snapshots }) => promisifyRequest(snapshots.getAll(keysUnder(machineId))),
    );
    const snapshots: SnapshotRecord[] = [];
    const unreadable: Error[] = [];
    for (const one of stored) {
      try {
        snapshots.push(readDescription(one));
      } catch (error) {
        unreadable.push(error as Error);
      }
    }
    return { snapshots: snapshots.sort((a, b) => b.time - a.time), unreadable };
  }

  /** The description, and each part as it is stored. */
  async getPacked(machineId: string, id: string): Promise<ReadableSnapshot> {
    const stored = await this.#database.transact(
      "readonly",
      ["snapshots"],
      "the snapshot was not read",
      ({ snapshots }) => promisifyRequest(snapshots.get([machineId, id])),
    );
    if (stored === undefined)
      throw new VaultMissingError("there is no such snapshot (any more): it was deleted");
    return { description: readDescription(stored), read: ({ name }) => this.#readPart(machineId, id, name) };
  }

  async get(machineId: string, id: string, progress?: Progress): Promise<MachineSnapshot> {
    const { description, read } = await this.getPacked(machineId, id);
    return unpackSnapshot(description, read, progress);
  }

  async #readPart(machineId: string, id: string, part: string): Promise<Uint8Array> {
    const found = await this.#database.transact(
      "readonly",
      ["pieces"],
      "the snapshot was not read",
      ({ pieces }) =>
        promisifyRequest(pieces.getAll(keysUnder(machineId, id, part))) as Promise<Uint8Array[]>,
    );
    return joined(
      found,
      found.reduce((sum, piece) => sum + piece.length, 0),
    );
  }

  delete(machineId: string, id: string): Promise<void> {
    return this.#database.transact("readwrite", WRITTEN, "the snapshot was not deleted", async (stores) => {
      await this.#owners.check(stores, machineId);
      await resize(stores, machineId, -(await drop(stores, machineId, id)));
    });
  }

  /** Part of the transaction that copies a machine. */
  async copyAll({ snapshots, pieces }: SnapshotStores, from: string, to: string): Promise<void> {
    for (const description of await promisifyRequest(snapshots.getAll(keysUnder(from)))) {
      snapshots.put({ ...description, machineId: to }, [to, description.id]);
    }
    for (const key of (await promisifyRequest(pieces.getAllKeys(keysUnder(from)))) as [
      string,
      ...IDBValidKey[],
    ][]) {
      await promisifyRequest(pieces.put(await promisifyRequest(pieces.get(key)), [to, ...key.slice(1)]));
    }
  }
}

function* inPieces(
  machineId: string,
  id: string,
  { name, stored }: Part,
): Generator<[IDBValidKey, Uint8Array]> {
  for (let at = 0, number = 0; at < stored.length; at += PIECE_SIZE, number++) {
    yield [[machineId, id, name, number], stored.slice(at, at + PIECE_SIZE)];
  }
}

/** Removes a snapshot and says how many bytes it took: 0 when it was not there. */
async function drop({ snapshots, pieces }: SnapshotStores, machineId: string, id: string): Promise<number> {
  const stored = (await promisifyRequest(snapshots.get([machineId, id]))) as SnapshotDescription | undefined;
  snapshots.delete([machineId, id]);
  pieces.delete(keysUnder(machineId, id));
  return Number(stored?.storedSize ?? 0);
}

async function resize(stores: Pick<Stores, "machines">, machineId: string, by: number): Promise<void> {
  const machine = await machineOf(stores, machineId);
  const snapshotSize = Math.max(0, machine.snapshotSize + by);
  putMachine(stores.machines, { ...machine, snapshotSize, changed: Date.now() });
}

/** @throws {VaultDamagedError} {VaultNewerError} */
export function readDescription(
  stored: unknown,
  format: typeof SNAPSHOT_FORMAT | typeof SNAPSHOT_IN_FILE = SNAPSHOT_FORMAT,
): SnapshotDescription {
  const name = nameOr((stored as { name?: unknown } | null)?.name, "without a name");
  return readFormat(format, stored, `the snapshot "${name}"`);
}
