/** Machines in IndexedDB. */
import { get, promisifyRequest, values } from "idb-keyval";
import type { StateBlob } from "../backend/port.ts";
import { Database, keysUnder, type Stores } from "./database.ts";
import { sha256Hex } from "./digest.ts";
import { VaultDamagedError } from "./errors.ts";
import { readFormat, TPM_FORMAT, writeFormat } from "./format.ts";
import { Owners } from "./locks.ts";
import { BLOBS } from "./parts.ts";
import { checkedName, machineOf, missing, putMachine, readMachine, refuseTakenName } from "./records.ts";
import { SnapshotShelf } from "./snapshots.ts";
import type {
  LockOptions,
  MachineLock,
  MachineRecord,
  MachineSettings,
  MachineSnapshot,
  NewMachine,
  NewSnapshot,
  Progress,
  PutOptions,
  SnapshotRecord,
  StorageEstimate,
  TpmSave,
  Vault,
} from "./types.ts";

export const DATABASE_NAME = "webtpm-vault";

/** A machine's stores: what has to change together when one is copied or removed. */
const ALL = ["machines", "tpms", "snapshots", "pieces", "owners"] as const;

type BlobName = (typeof BLOBS)[number];
type StoredBlobs = Record<BlobName, Uint8Array>;

class IndexedDbVault implements Vault {
  readonly #database: Database;
  readonly #owners: Owners;
  readonly #snapshots: SnapshotShelf;

  constructor(name: string) {
    this.#database = new Database(name);
    this.#owners = new Owners(this.#database, name);
    this.#snapshots = new SnapshotShelf(this.#database, this.#owners);
  }

  async list(): Promise<MachineRecord[]> {
    const { machines } = await this.#readAll();
    return machines.sort((a, b) => a.name.localeCompare(b.name));
  }

  async unreadable(): Promise<{ id: string; error: Error }[]> {
    return (await this.#readAll()).unreadable;
  }

  async #readAll() {
    const stored: unknown[] = await values(
      this.#database.store("machines", "the list of machines was not read"),
    );
    const machines: MachineRecord[] = [];
    const unreadable: { id: string; error: Error }[] = [];
    for (const value of stored) {
      try {
        machines.push(readMachine(value));
      } catch (error) {
        unreadable.push({ id: String((value as { id?: unknown })?.id), error: error as Error });
      }
    }
    return { machines, unreadable };
  }

  async get(id: string): Promise<MachineRecord> {
    const stored = await get(id, this.#database.store("machines", "the machine was not read"));
    if (stored === undefined) throw missing();
    return readMachine(stored);
  }

  async find(name: string): Promise<MachineRecord | undefined> {
    return (await this.list()).find((machine) => machine.name === name);
  }

  async create({ name, tpmVersion, settings = {} }: NewMachine): Promise<MachineRecord> {
    const time = Date.now();
    const id = crypto.randomUUID();
    const machine: MachineRecord = {
      id,
      name: checkedName(name),
      tpmVersion,
      created: time,
      changed: time,
      settings,
      tpmSize: 0,
      snapshotSize: 0,
    };
    const what = `the machine "${name}" was not made`;
    await this.#database.transact("readwrite", ["machines"], what, async ({ machines }) => {
      await refuseTakenName(machines, machine.name);
      putMachine(machines, machine);
    });
    return machine;
  }

  async rename(id: string, name: string): Promise<MachineRecord> {
    const checked = checkedName(name);
    return this.#change(id, "the machine was not renamed", async (machine, { machines }) => {
      await refuseTakenName(machines, checked, id);
      return { ...machine, name: checked };
    });
  }

  setSettings(id: string, settings: MachineSettings): Promise<MachineRecord> {
    return this.#change(id, "the machine's settings were not saved", (machine) => ({ ...machine, settings }));
  }

  #change(
    id: string,
    what: string,
    changed: (
      machine: MachineRecord,
      stores: Pick<Stores, "machines">,
    ) => MachineRecord | Promise<MachineRecord>,
  ): Promise<MachineRecord> {
    return this.#database.transact("readwrite", ["machines"], what, async (stores) => {
      const machine = await changed(await machineOf(stores, id), stores);
      return putMachine(stores.machines, { ...machine, changed: Date.now() });
    });
  }

  async copy(id: string, name: string): Promise<MachineRecord> {
    const copyId = crypto.randomUUID();
    const checked = checkedName(name);
    return this.#database.transact("readwrite", ALL, `the machine was not copied`, async (stores) => {
      const machine = await machineOf(stores, id);
      await refuseTakenName(stores.machines, checked);
      const tpm = await promisifyRequest(stores.tpms.get(id));
      if (tpm !== undefined) stores.tpms.put(tpm, copyId);
      await this.#snapshots.copyAll(stores, id, copyId);
      const time = Date.now();
      return putMachine(stores.machines, {
        ...machine,
        id: copyId,
        name: checked,
        created: time,
        changed: time,
      });
    });
  }

  remove(id: string): Promise<void> {
    return this.#database.transact("readwrite", ALL, "the machine was not deleted", async (stores) => {
      await this.#owners.check(stores, id);
      stores.machines.delete(id);
      stores.tpms.delete(id);
      stores.snapshots.delete(keysUnder(id));
      stores.pieces.delete(keysUnder(id));
    });
  }

  async loadTpm(id: string): Promise<TpmSave | undefined> {
    const machine = await this.get(id);
    const what = `the TPM of the machine "${machine.name}"`;
    const stored = await get(id, this.#database.store("tpms", `${what} was not read`));
    if (stored === undefined) return undefined;
    const { version, description, time, blobs } = readFormat(TPM_FORMAT, stored, what);
    const bytes = (stored as { bytes?: Partial<StoredBlobs> }).bytes ?? {};
    const state = {} as Record<BlobName, StateBlob>;
    for (const name of BLOBS) {
      const blob = bytes[name];
      const { size, sha256, flags } = blobs[name];
      if (!(blob instanceof Uint8Array) || blob.length !== size || (await sha256Hex(blob)) !== sha256) {
        throw new VaultDamagedError(
          what,
          `its ${name} state does not have the SHA-256 that it was stored with`,
        );
      }
      state[name] = { bytes: blob, flags };
    }
    return { state, version, description, time };
  }

  async saveTpm(id: string, { state, version, description, time }: TpmSave): Promise<void> {
    const digests = await Promise.all(BLOBS.map((name) => sha256Hex(state[name].bytes)));
    const blobs: Record<string, { size: number; sha256: string; flags: number }> = {};
    const bytes: Partial<StoredBlobs> = {};
    BLOBS.forEach((name, index) => {
      const blob = state[name];
      blobs[name] = { size: blob.bytes.length, sha256: digests[index] as string, flags: blob.flags };
      bytes[name] = blob.bytes;
    });
    const stored = writeFormat(TPM_FORMAT, { version, description, time, blobs, bytes });
    const tpmSize = BLOBS.reduce((sum, name) => sum + state[name].bytes.length, 0);
    const names = ["machines", "tpms", "owners"] as const;
    await this.#database.transact("readwrite", names, "the TPM's state was not saved", async (stores) => {
      const [machine] = await Promise.all([machineOf(stores, id), this.#owners.check(stores, id)]);
      stores.tpms.put(stored, id);
      putMachine(stores.machines, { ...machine, tpmVersion: version, tpmSize, changed: time });
    });
  }

  putSnapshot(machineId: string, snapshot: NewSnapshot, options?: PutOptions): Promise<SnapshotRecord> {
    return this.#snapshots.put(machineId, snapshot, options);
  }

  listSnapshots(machineId: string): Promise<SnapshotRecord[]> {
    return this.#snapshots.list(machineId);
  }

  getSnapshot(machineId: string, id: string, progress?: Progress): Promise<MachineSnapshot> {
    return this.#snapshots.get(machineId, id, progress);
  }

  deleteSnapshot(machineId: string, id: string): Promise<void> {
    return this.#snapshots.delete(machineId, id);
  }

  async estimate(): Promise<StorageEstimate> {
    const storage: StorageManager | undefined = globalThis.navigator?.storage;
    const { usage = 0, quota = 0 } = (await storage?.estimate()) ?? {};
    return { usage, quota, persisted: (await storage?.persisted()) ?? false };
  }

  async persist(): Promise<boolean> {
    const storage: StorageManager | undefined = globalThis.navigator?.storage;
    return (await storage?.persist()) ?? false;
  }

  async lock(id: string, options: LockOptions = {}): Promise<MachineLock> {
    return this.#owners.lock(await this.get(id), options);
  }

  close(): void {
    this.#owners.close();
    this.#database.close();
  }
}

/** The machines kept by this browser for this page's origin. Nothing is opened before the first use. */
export function openVault(name: string = DATABASE_NAME): Vault {
  return new IndexedDbVault(name);
}
