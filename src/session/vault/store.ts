/** Machines in IndexedDB. */
import { get, promisifyRequest, values } from "idb-keyval";
import type { BundleVault, MachineBundle, ReadMachine } from "./bundle.ts";
import { Database, keysUnder, type Stores } from "./database.ts";
import { type PackedFlash, packFlash, unpackFlash } from "./flash-state.ts";
import { FLASH_FORMAT, TPM_FORMAT, writeFormat } from "./format.ts";
import { newId } from "./ids.ts";
import { Owners } from "./locks.ts";
import { checkedName, machineOf, missing, putMachine, readMachine, refuseTakenName } from "./records.ts";
import { mustFit } from "./room.ts";
import { SnapshotShelf } from "./snapshots.ts";
import { type PackedTpm, packTpm, tpmSizeOf, unpackTpm } from "./tpm-state.ts";
import type {
  FlashSave,
  LockOptions,
  MachineFiles,
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
} from "./types.ts";

export const DATABASE_NAME = "webtpm-vault";

/** A machine's stores: what has to change together when one is copied or removed. */
const ALL = ["machines", "tpms", "flashes", "snapshots", "pieces", "owners"] as const;

class IndexedDbVault implements BundleVault {
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
    const id = newId();
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

  async copy(id: string, name: string, files?: MachineFiles): Promise<MachineRecord> {
    const copyId = newId();
    const checked = checkedName(name);
    const what = "the machine was not copied";
    const { snapshotSize, tpmSize } = await this.get(id);
    // Refused before anything is copied, and again where it counts.
    await this.#database.transact("readonly", ["machines"], what, ({ machines }) =>
      refuseTakenName(machines, checked),
    );
    await mustFit(snapshotSize + tpmSize + (files?.size ?? 0), what);
    try {
      await files?.copy(copyId);
      return await this.#copyRecords(id, copyId, checked, what);
    } catch (error) {
      await files?.forget(copyId).catch(() => undefined); // the reason is the first one
      throw error;
    }
  }

  #copyRecords(id: string, copyId: string, name: string, what: string): Promise<MachineRecord> {
    return this.#database.transact("readwrite", ALL, what, async (stores) => {
      const machine = await machineOf(stores, id);
      await refuseTakenName(stores.machines, name);
      const tpm = await promisifyRequest(stores.tpms.get(id));
      if (tpm !== undefined) stores.tpms.put(tpm, copyId);
      const flash = await promisifyRequest(stores.flashes.get(id));
      if (flash !== undefined) stores.flashes.put(flash, copyId);
      await this.#snapshots.copyAll(stores, id, copyId);
      const time = Date.now();
      return putMachine(stores.machines, { ...machine, id: copyId, name, created: time, changed: time });
    });
  }

  remove(id: string): Promise<void> {
    return this.#database.transact("readwrite", ALL, "the machine was not deleted", async (stores) => {
      await this.#owners.check(stores, id);
      stores.machines.delete(id);
      stores.tpms.delete(id);
      stores.flashes.delete(id);
      stores.snapshots.delete(keysUnder(id));
      stores.pieces.delete(keysUnder(id));
    });
  }

  async loadTpm(id: string): Promise<TpmSave | undefined> {
    const machine = await this.get(id);
    const what = `the TPM of the machine "${machine.name}"`;
    const stored = await get(id, this.#database.store("tpms", `${what} was not read`));
    if (stored === undefined) return undefined;
    return unpackTpm(stored, (stored as Partial<PackedTpm>).bytes ?? {}, what);
  }

  async saveTpm(id: string, save: TpmSave): Promise<void> {
    const packed = await packTpm(save);
    const names = ["machines", "tpms", "owners"] as const;
    await this.#database.transact("readwrite", names, "the TPM's state was not saved", async (stores) => {
      const [machine] = await Promise.all([machineOf(stores, id), this.#owners.check(stores, id)]);
      putTpm(stores.tpms, id, packed);
      putMachine(stores.machines, { ...withTpm(machine, packed), changed: save.time });
    });
  }

  async loadFlash(id: string): Promise<FlashSave | undefined> {
    const machine = await this.get(id);
    const what = `the UEFI variables of the machine "${machine.name}"`;
    const stored = await get(id, this.#database.store("flashes", `${what} were not read`));
    if (stored === undefined) return undefined;
    return unpackFlash(stored, (stored as Partial<PackedFlash>).bytes, what);
  }

  async saveFlash(id: string, save: FlashSave | undefined): Promise<void> {
    const packed = save && (await packFlash(save));
    const names = ["machines", "flashes", "owners"] as const;
    const what = "the UEFI variables were not saved";
    await this.#database.transact("readwrite", names, what, async (stores) => {
      const [machine] = await Promise.all([machineOf(stores, id), this.#owners.check(stores, id)]);
      if (packed) putFlash(stores.flashes, id, packed);
      else stores.flashes.delete(id);
      putMachine(stores.machines, { ...machine, changed: save?.time ?? Date.now() });
    });
  }

  async bundle(id: string): Promise<MachineBundle> {
    const machine = await this.get(id);
    const tpm = await this.loadTpm(id);
    const { snapshots: listed, unreadable } = await this.#snapshots.list(id);
    const snapshots = await Promise.all(listed.map((snapshot) => this.#snapshots.getPacked(id, snapshot.id)));
    const flash = await this.loadFlash(id);
    return {
      machine,
      ...(tpm && { tpm: await packTpm(tpm) }),
      ...(flash && { flash: await packFlash(flash) }),
      snapshots,
      unreadable,
    };
  }

  async putBundle({ machine, tpm, flash, snapshots }: ReadMachine, name: string): Promise<MachineRecord> {
    const id = newId();
    const packed = snapshots.map(({ description, parts }) => {
      const storedSize = parts.reduce((sum, part) => sum + part.storedSize, 0);
      return { description: { ...description, id: newId(), machineId: id, storedSize }, parts };
    });
    const snapshotSize = packed.reduce((sum, { description }) => sum + description.storedSize, 0);
    const checked = checkedName(name);
    const what = `the machine "${name}" was not imported`;
    await mustFit(snapshotSize, what);
    return this.#database.transact("readwrite", ALL, what, async (stores) => {
      await refuseTakenName(stores.machines, checked);
      if (tpm) putTpm(stores.tpms, id, tpm);
      if (flash) putFlash(stores.flashes, id, flash);
      for (const { description, parts } of packed) await this.#snapshots.write(stores, description, parts);
      const record = { ...machine, id, name: checked, tpmSize: 0, snapshotSize };
      return putMachine(stores.machines, tpm ? withTpm(record, tpm) : record);
    });
  }

  putSnapshot(machineId: string, snapshot: NewSnapshot, options?: PutOptions): Promise<SnapshotRecord> {
    return this.#snapshots.put(machineId, snapshot, options);
  }

  async listSnapshots(machineId: string): Promise<SnapshotRecord[]> {
    return (await this.#snapshots.list(machineId)).snapshots;
  }

  async unreadableSnapshots(machineId: string): Promise<Error[]> {
    return (await this.#snapshots.list(machineId)).unreadable;
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
export function openVault(name: string = DATABASE_NAME): BundleVault {
  return new IndexedDbVault(name);
}

function putTpm(tpms: IDBObjectStore, id: string, { description, bytes }: PackedTpm): void {
  tpms.put(writeFormat(TPM_FORMAT, { ...description, bytes }), id);
}

function putFlash(flashes: IDBObjectStore, id: string, { description, bytes }: PackedFlash): void {
  flashes.put(writeFormat(FLASH_FORMAT, { ...description, bytes }), id);
}

function withTpm(machine: MachineRecord, { description }: PackedTpm): MachineRecord {
  return { ...machine, tpmVersion: description.version, tpmSize: tpmSizeOf(description) };
}
