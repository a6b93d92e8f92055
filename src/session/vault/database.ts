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
 * - `flashes`: by machine id, the flash with UEFI firmware's variables: description and bytes.
 * - `snapshots`: by [machine id, id], the description.
 * - `pieces`: by [machine id, snapshot id, part, number], the bytes of a part as they are stored.
 * - `owners`: by machine id, the token of the tab that runs it.
 */
export const STORES = ["machines", "tpms", "flashes", "snapshots", "pieces", "owners"] as const;
export type StoreName = (typeof STORES)[number];
export type Stores = Readonly<Record<StoreName, IDBObjectStore>>;

/** Raised when stores are added or keys change; `upgrade` then leads there from every version before. */
export const DATABASE_VERSION = 2;

/** Opening takes a few milliseconds; a browser that has not done it by then will most likely never. */
const PATIENCE_MS = 8000;

function upgrade(database: IDBDatabase, from: number): void {
  const since: Partial<Record<StoreName, number>> = { flashes: 2 };
  for (const name of STORES) if (from < (since[name] ?? 1)) database.createObjectStore(name);
}

/** All keys that begin with these: arrays come after strings and numbers in IndexedDB's order. */
export const keysUnder = (...begin: string[]) => IDBKeyRange.bound(begin, [...begin, []]);

export class Database {
  readonly #name: string;
  readonly #patience: number;
  #opened: Promise<IDBDatabase> | undefined;
  #connection: IDBDatabase | undefined;
  /** Why the last connection was closed under us. */
  #closedBecause: string | undefined;
  #ended = false;

  /** @param patience how long the browser is waited for to open it, in milliseconds */
  constructor(name: string, patience: number = PATIENCE_MS) {
    this.#name = name;
    this.#patience = patience;
  }

  /** One object store for `idb-keyval`'s functions. `what` they do, for messages: "the list of machines was not read". */
  store(name: StoreName, what: string): UseStore {
    return (mode, callback) =>
      this.transact(mode, [name], what, (stores) => callback(stores[name]) as Promise<never>);
  }

  /**
   * Runs `body` in one transaction over `names`. Resolves when the transaction is complete, which with strict
   * durability is when it is on the disk; rejects, with nothing written, when `body` does or the browser could not.
   * `body` may wait for its own requests only, or the transaction ends too early. Where the connection turns out to be
   * closed, with nothing written, `body` is run once more on a new one.
   */
  async transact<T, Name extends StoreName>(
    mode: IDBTransactionMode,
    names: readonly Name[],
    what: string,
    body: (stores: Pick<Stores, Name>) => T | PromiseLike<T>,
  ): Promise<T> {
    try {
      return await this.#attempt(mode, names, body);
    } catch (error) {
      if (!(await this.#wasClosed(error))) throw this.#inWords(error, what);
    }
    // Nothing was written, and the next connection may well be there: a guest's TPM may hang on this one save.
    this.#opened = undefined;
    try {
      return await this.#attempt(mode, names, body);
    } catch (error) {
      await this.#wasClosed(error);
      throw this.#inWords(error, what);
    }
  }

  async #attempt<T, Name extends StoreName>(
    mode: IDBTransactionMode,
    names: readonly Name[],
    body: (stores: Pick<Stores, Name>) => T | PromiseLike<T>,
  ): Promise<T> {
    const options: IDBTransactionOptions = mode === "readwrite" ? { durability: "strict" } : {};
    const transaction = (await this.#open()).transaction(names, mode, options);
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
      throw error instanceof VaultError ? error : (transaction.error ?? error);
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
    try {
      if (!globalThis.indexedDB) {
        throw new VaultUnavailableError(
          "this browser has no storage for pages (IndexedDB), so no machine can be kept",
        );
      }
      const request = indexedDB.open(this.#name, DATABASE_VERSION);
      request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion);
      const database = await answered(request, this.#patience);
      database.onclose = () =>
        this.#closed(database, "the browser closed it, e.g. because this site's data was cleared");
      database.onversionchange = () => {
        database.close();
        this.#closed(database, "another tab has a newer version of this page, or clears the data");
      };
      this.#connection = database;
      return database;
    } catch (error) {
      if ((error as Error)?.name !== "VersionError") throw unopened(error);
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

  #closed(database: IDBDatabase, because: string): void {
    // One that was given up before has nothing to say of the one that came after it.
    if (this.#connection !== database) return;
    this.#connection = undefined;
    this.#opened = undefined;
    this.#closedBecause = because;
  }

  /**
   * Whether a transaction failed because its connection is gone. One that is closed by force ends its transactions
   * first, and tells it right afterwards, if at all: some browsers only refuse the next transaction.
   */
  async #wasClosed(error: unknown): Promise<boolean> {
    const { name } = error as Error;
    if (name === "InvalidStateError") return true;
    if (name !== "AbortError" && name !== "UnknownError") return false;
    for (let wait = 0; wait < 5 && !this.#closedBecause; wait++)
      await new Promise((go) => setTimeout(go, 20));
    return this.#closedBecause !== undefined || name === "UnknownError";
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
    const damage = DAMAGE.get(cause.name);
    if (damage) return new VaultUnavailableError(`${what}: ${damage} (${cause.message})`, { cause });
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

/** What an error of these names says about the database, which nobody of this code has brought about. */
const DAMAGE: ReadonlyMap<string, string> = new Map([
  ["UnknownError", "the browser cannot read or write its storage for this page"],
  ["DataError", "the browser's storage for this page is damaged"],
  ["NotFoundError", "the browser's storage for this page is damaged: parts of it are missing"],
]);

/** Why there is no database at all. */
function unopened(error: unknown): VaultError {
  if (error instanceof VaultError) return error;
  const cause = error as Error;
  if (cause?.name === "QuotaExceededError")
    return new VaultFullError("the storage was not opened", { cause });
  const why =
    cause?.name === "SecurityError" || cause?.name === "InvalidStateError"
      ? "this browser does not let this page keep anything"
      : "the browser could not open its storage for this page, which may be damaged or in use elsewhere";
  return new VaultUnavailableError(`${why} (${cause?.message || cause?.name || String(error)})`, { cause });
}

/** The database that was asked for; one that comes too late is closed. @throws {VaultUnavailableError} */
function answered(request: IDBOpenDBRequest, patience: number): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    let blocked = false;
    request.onblocked = () => {
      blocked = true;
    };
    const timer = setTimeout(() => {
      request.onsuccess = () => request.result.close();
      const why = blocked ? ": another tab holds an older version of it, close that one" : "";
      const text = `the browser has not opened its storage for this page within ${patience / 1000} s${why}`;
      reject(new VaultUnavailableError(text));
    }, patience);
    promisifyRequest(request)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}

async function storedVersion(name: string): Promise<number> {
  const databases = await indexedDB.databases?.();
  return databases?.find((database) => database.name === name)?.version ?? DATABASE_VERSION + 1;
}
