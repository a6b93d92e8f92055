/**
 * One owner: the tab that runs a machine holds a Web Lock, which ends with the tab however that ends. Beside it a token
 * is stored with the machine, which every write of its TPM compares in the same transaction: a tab that was frozen while
 * another took its machine over writes nothing when it wakes up.
 */
import { promisifyRequest } from "idb-keyval";
import type { Database, Stores } from "./database.ts";
import { MachineInUseError, MachineLockLostError } from "./errors.ts";
import { newId } from "./ids.ts";
import type { MachineLock, MachineRecord, LockOptions as OwnershipOptions } from "./types.ts";

/** How long a tab that is asked to stop is given for it. */
const GRACE_MS = 5000;

/** A machine that this tab runs. */
class Ownership implements MachineLock {
  readonly machineId: string;
  readonly token = newId();
  readonly #owners: Owners;
  readonly #onTakeOver: OwnershipOptions["onTakeOver"];
  #release: (() => void) | undefined;
  #asked = false;

  constructor(owners: Owners, machineId: string, onTakeOver: OwnershipOptions["onTakeOver"]) {
    this.#owners = owners;
    this.machineId = machineId;
    this.#onTakeOver = onTakeOver;
  }

  get held(): boolean {
    return this.#release !== undefined;
  }

  begin(release: () => void): void {
    this.#release = release;
  }

  /** Another tab asks for the machine. */
  async takeOver(): Promise<void> {
    if (!this.held || this.#asked) return;
    await this.#tell();
    await this.release();
  }

  /** Another tab has the machine already, because this one did not answer in time. */
  stolen(): void {
    this.#release = undefined;
    this.#owners.drop(this);
    void this.#tell();
  }

  async #tell(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    try {
      await this.#onTakeOver?.();
    } catch (error) {
      console.warn("stopping a machine that another tab takes over:", error);
    }
  }

  async release(): Promise<void> {
    const release = this.#release;
    if (!release) return;
    this.#release = undefined;
    try {
      await this.#owners.forget(this);
    } finally {
      release();
    }
  }
}

export class Owners {
  readonly #database: Database;
  readonly #name: string;
  readonly #channel: BroadcastChannel;
  readonly #held = new Map<string, Ownership>();

  constructor(database: Database, name: string) {
    this.#database = database;
    this.#name = name;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => void this.#held.get(data?.takeOver)?.takeOver();
  }

  /** Refuses a write of machine `id` when another tab owns it. Part of the transaction that writes. */
  async check({ owners }: Pick<Stores, "owners">, id: string): Promise<void> {
    const owner = (await promisifyRequest(owners.get(id))) as string | undefined;
    if (owner !== undefined && owner !== this.#held.get(id)?.token) throw new MachineLockLostError();
  }

  async lock(
    { id, name }: MachineRecord,
    { steal = false, onTakeOver }: OwnershipOptions,
  ): Promise<MachineLock> {
    if (this.#held.has(id)) throw new MachineInUseError(name);
    const ownership = new Ownership(this, id, onTakeOver);
    await this.#acquire(ownership, name, steal);
    this.#held.set(id, ownership);
    try {
      const what = `the machine "${name}" was not locked`;
      await this.#database.transact("readwrite", ["owners"], what, ({ owners }) => {
        owners.put(ownership.token, id);
      });
    } catch (error) {
      await ownership.release().catch(() => undefined);
      throw error;
    }
    return ownership;
  }

  async #acquire(ownership: Ownership, name: string, steal: boolean): Promise<void> {
    // Pages that are not secure have no Web Locks: then the token alone keeps two tabs from writing both.
    if (!globalThis.navigator?.locks) return ownership.begin(() => undefined);
    if (await this.#request(ownership, { ifAvailable: true })) return;
    if (!steal) throw new MachineInUseError(name);
    this.#channel.postMessage({ takeOver: ownership.machineId });
    if (await this.#request(ownership, { signal: AbortSignal.timeout(GRACE_MS) })) return;
    await this.#request(ownership, { steal: true });
  }

  /** Whether the lock was had. It is held until `ownership` ends, or until it is stolen. */
  #request(ownership: Ownership, options: LockOptions): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const lockName = `${this.#name} ${ownership.machineId}`;
    let had = false;
    const hold = (lock: Lock | null) => {
      had = lock !== null;
      resolve(had);
      if (had) return new Promise<void>((release) => ownership.begin(release));
      return undefined;
    };
    navigator.locks.request(lockName, options, hold).catch((error: Error) => {
      if (had) ownership.stolen();
      else if (options.signal?.aborted) resolve(false);
      else reject(error);
    });
    return promise;
  }

  drop(ownership: Ownership): void {
    if (this.#held.get(ownership.machineId) === ownership) this.#held.delete(ownership.machineId);
  }

  /** Takes the token back, when it is still this one. */
  async forget(ownership: Ownership): Promise<void> {
    const { machineId, token } = ownership;
    const what = "the machine was not given back";
    try {
      await this.#database.transact("readwrite", ["owners"], what, async ({ owners }) => {
        if ((await promisifyRequest(owners.get(machineId))) === token) owners.delete(machineId);
      });
    } finally {
      this.drop(ownership);
    }
  }

  close(): void {
    this.#channel.close();
  }
}
