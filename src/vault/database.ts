/** The database: its object stores, its versions, and transactions that are complete when they resolve. */
import { promisifyRequest, type UseStore } from "idb-keyval";
import {
  VaultClosedError,
  VaultError,
  VaultFullError,
  VaultNewerError,
  VaultUnavailableError,
} from "./errors.ts";

/**
 * Object stores; keys are given from outside.
 * - `machines`: by id, the record.
 * - `tpms`: by machine id, the TPM's state: description and blobs.
 * - `snapshots`: by [machine id, id], the description.
 * - `pieces`: by [machine id, snapshot id, part, number], the bytes of a part as they are stored.
 * - `owners`: by machine id, the token of the tab that runs it.
 */
export const STORES = ["machines", "tpms", "snapshots", "pieces", "owners"] as const;
export type StoreName = (typeof STORES)[number];
export type Stores = Readonly<Record<StoreName, IDBObjectStore>>;

/** Raised when stores are added or keys change; `upgrade` then leads there from every version before. */
export const DATABASE_VERSION = 1;

function upgrade(database: IDBDatabase, from: number): void {
  if (from < 1) for (const name of STORES) database.createObjectStore(name);
}

/** All keys that begin with these: arrays come after strings and numbers in IndexedDB's order. */
export const keysUnder = (...begin: string[]) => IDBKeyRange.bound(begin, [...begin, []]);

export class Database {
  readonly #name: string;
  #opened: Promise<IDBDatabase> | undefined;
  /** Why the last connection was closed under us. */
  #closedBecause: string | undefined;
  #ended = false;

  constructor(name: string) {
    this.#name = name;
  }

  /** One object store for `idb-keyval`'s functions. `what` they do, for messages: "the list of machines was not read". */
  store(name: StoreName, what: string): UseStore {
    return (mode, callback) =>
      this.transact(mode, [name], what, (stores) => callback(stores[name]) as Promise<never>);
  }

  /**
   * Runs `body` in one transaction over `names`. Resolves when the transaction is complete, which with strict
   * durability is when it is on the disk; rejects, with nothing written, when `body` does or the browser could not.
   * `body` may wait for its own requests only, or the transaction ends too early.
   */
  async transact<T, Name extends StoreName>(
    mode: IDBTransactionMode,
    names: readonly Name[],
    what: string,
    body: (stores: Pick<Stores, Name>) => T | PromiseLike<T>,
  ): Promise<T> {
    const transaction = await this.#begin(mode, names, what);
    const stores = Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)]));
    const complete = completion(transaction);
    // While `body` runs nobody waits for this one yet.
    complete.catch(() => {});
    try {
      const result = await body(stores as Pick<Stores, Name>);
      await complete;
      return result;
    } catch (error) {
      abort(transaction);
      if (error instanceof VaultError) throw error;
      await this.#reasonForClosing(transaction.error ?? error);
      throw this.#inWords(transaction.error ?? error, what);
    }
  }

  async #begin(mode: IDBTransactionMode, names: readonly StoreName[], what: string): Promise<IDBTransaction> {
    const options: IDBTransactionOptions = mode === "readwrite" ? { durability: "strict" } : {};
    const database = await this.#open();
    try {
      return database.transaction(names, mode, options);
    } catch (error) {
      throw this.#inWords(error, what);
    }
  }

  #open(): Promise<IDBDatabase> {
    if (this.#ended) throw new VaultClosedError("the storage of machines was closed by this page");
    this.#closedBecause = undefined;
    this.#opened ??= this.#connect().catch((error) => {
      this.#opened = undefined;
      throw error;
    });
    return this.#opened;
  }

  async #connect(): Promise<IDBDatabase> {
    if (!globalThis.indexedDB) {
      throw new VaultUnavailableError(
        "this browser has no storage for pages (IndexedDB), so no machine can be kept",
      );
    }
    try {
      const request = indexedDB.open(this.#name, DATABASE_VERSION);
      request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion);
      const database = await promisifyRequest(request);
      database.onclose = () =>
        this.#closed("the browser closed it, e.g. because this site's data was cleared");
      database.onversionchange = () => {
        database.close();
        this.#closed("another tab has a newer version of this page, or clears the data");
      };
      return database;
    } catch (error) {
      if ((error as Error)?.name !== "VersionError") throw this.#inWords(error, "the storage was not opened");
      throw new VaultNewerError(
        "the storage of machines",
        await storedVersion(this.#name),
        DATABASE_VERSION,
        {
          cause: error,
        },
      );
    }
  }

  #closed(because: string): void {
    this.#opened = undefined;
    this.#closedBecause = because;
  }

  /** A connection that is closed by force ends its transactions first, and tells it right afterwards. */
  async #reasonForClosing(error: unknown): Promise<void> {
    const { name } = error as Error;
    if (name !== "AbortError" && name !== "UnknownError") return;
    for (let wait = 0; wait < 5 && !this.#closedBecause; wait++)
      await new Promise((go) => setTimeout(go, 20));
  }

  #inWords(error: unknown, what: string): unknown {
    if (error instanceof VaultError) return error;
    const cause = error instanceof Error || error instanceof DOMException ? error : new Error(String(error));
    if (cause.name === "QuotaExceededError") return new VaultFullError(what, { cause });
    if (this.#closedBecause || cause.name === "InvalidStateError" || cause.name === "AbortError") {
      this.#opened = undefined;
      const because = this.#closedBecause ?? "the browser closed it";
      return new VaultClosedError(`${what}: the storage of machines was closed (${because}). Try again`, {
        cause,
      });
    }
    return new VaultError(`${what}: ${cause.message || cause.name}`, { cause });
  }

  /** For good: whatever is asked for afterwards is refused. */
  close(): void {
    this.#ended = true;
    this.#opened?.then(
      (database) => database.close(),
      () => undefined,
    );
  }
}

/** Resolves when all of it is stored. `promisifyRequest` would reject too early, before there is a reason to read. */
function completion(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () =>
      reject(transaction.error ?? new DOMException("the transaction was ended", "AbortError"));
  });
}

function abort(transaction: IDBTransaction): void {
  try {
    transaction.abort();
  } catch {
    // It is finished already.
  }
}

async function storedVersion(name: string): Promise<number> {
  const databases = await indexedDB.databases?.();
  return databases?.find((database) => database.name === name)?.version ?? DATABASE_VERSION + 1;
}
