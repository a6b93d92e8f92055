/** A browser whose database fails in every way that browsers have: denied, damaged, silent, full, closed unheard. */
import { forceCloseDatabase, IDBFactory, IDBObjectStore } from "fake-indexeddb";
import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Database, type StoreName } from "./database.ts";
import { openVault } from "./store.ts";
import { tpmSave } from "./testing.ts";

let count = 0;
let name: string;
let database: Database;

beforeEach(() => {
  globalThis.indexedDB = new IDBFactory();
  name = `database test ${++count}`;
  database = new Database(name);
});
afterEach(() => {
  database.close();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const put = (key: string, value: unknown) =>
  database.transact("readwrite", ["machines"], "it was not written", ({ machines }) => {
    machines.put(value, key);
  });
const read = (key: string) =>
  database.transact(
    "readonly",
    ["machines"],
    "it was not read",
    ({ machines }) =>
      new Promise((resolve) => {
        const request = machines.get(key);
        request.onsuccess = () => resolve(request.result);
      }),
  );

/** The next `times` transactions of any connection fail with what `fault` gives. */
function nextTransactions(times: number, fault: (connection: IDBDatabase) => Error | undefined): void {
  const begin = IDBDatabase.prototype.transaction;
  let left = times;
  vi.spyOn(IDBDatabase.prototype, "transaction").mockImplementation(function (this: IDBDatabase, ...given) {
    const error = left-- > 0 ? fault(this) : undefined;
    if (error) throw error;
    return begin.apply(this, given);
  });
}
const dom = (error: string, text = error) => new DOMException(text, error);

describe("a browser without a database", () => {
  const unavailable = (message: RegExp) => ({
    name: "VaultUnavailableError",
    message: expect.stringMatching(message),
  });

  it("is told when it has none", async () => {
    Object.assign(globalThis, { indexedDB: undefined });
    await expect(put("a", 1)).rejects.toMatchObject(unavailable(/no storage for pages/));
  });

  it("is told when it denies it, already in the asking or in the opening", async () => {
    const denied = vi.spyOn(globalThis, "indexedDB", "get").mockImplementation(() => {
      throw dom("SecurityError", "no cookies, no database");
    });
    await expect(put("a", 1)).rejects.toMatchObject(unavailable(/does not let this page.*no cookies/));
    denied.mockRestore();
    vi.spyOn(IDBFactory.prototype, "open").mockImplementationOnce(() => {
      throw dom("SecurityError");
    });
    await expect(put("a", 1)).rejects.toMatchObject(unavailable(/does not let this page/));
    await put("a", 1);
  });

  it.each(["UnknownError", "AbortError", "InvalidStateError"])(
    "is told when opening fails: %s",
    async (error) => {
      vi.spyOn(IDBFactory.prototype, "open").mockImplementation(() => {
        const request = { error: dom(error) } as unknown as IDBOpenDBRequest;
        queueMicrotask(() => request.onerror?.(new Event("error")));
        return request;
      });
      await expect(put("a", 1)).rejects.toMatchObject(unavailable(/storage|keep anything/));
    },
  );

  it("is told when it never answers, and asked again the next time; what comes too late is closed", async () => {
    vi.useFakeTimers();
    const silent = { result: { close: vi.fn() } } as unknown as IDBOpenDBRequest;
    vi.spyOn(IDBFactory.prototype, "open").mockReturnValueOnce(silent);
    const told = expect(put("a", 1)).rejects.toMatchObject(unavailable(/has not opened.*within 8 s$/));
    await vi.advanceTimersByTimeAsync(8000);
    await told;
    silent.onsuccess?.(new Event("success"));
    expect(silent.result.close).toHaveBeenCalledOnce();
    vi.useRealTimers();
    await put("a", 1);
    expect(await read("a")).toBe(1);
  });

  it("is told when another tab blocks it", async () => {
    vi.useFakeTimers();
    const blocked = {} as IDBOpenDBRequest;
    vi.spyOn(IDBFactory.prototype, "open").mockReturnValueOnce(blocked);
    const told = expect(put("a", 1)).rejects.toMatchObject(unavailable(/another tab holds an older version/));
    await vi.advanceTimersByTimeAsync(1);
    blocked.onblocked?.(new Event("blocked") as IDBVersionChangeEvent);
    await vi.advanceTimersByTimeAsync(8000);
    await told;
  });

  it("is told when stores are missing, as in a damaged one", async () => {
    const request = indexedDB.open(name, 1);
    await new Promise((opened) => {
      request.onsuccess = opened;
    });
    request.result.close();
    await expect(put("a", 1)).rejects.toMatchObject(unavailable(/damaged: parts of it are missing/));
  });

  it("is told when it is full, in the opening as in the writing", async () => {
    const full = { name: "VaultFullError" };
    vi.spyOn(IDBFactory.prototype, "open").mockImplementationOnce(() => {
      throw dom("QuotaExceededError");
    });
    await expect(put("a", 1)).rejects.toMatchObject(full);
    vi.spyOn(IDBObjectStore.prototype, "put").mockImplementationOnce(() => {
      throw dom("QuotaExceededError");
    });
    await expect(put("a", 1)).rejects.toMatchObject(full);
    await put("a", 1);
  });
});

describe("a connection that is closed", () => {
  it("without an event is opened again, and the save is repeated", async () => {
    await put("a", 1);
    nextTransactions(1, () => dom("InvalidStateError", "The database connection is closing."));
    await put("a", 2);
    expect(await read("a")).toBe(2);
  });

  it("by the page itself, as nobody told it, too", async () => {
    await put("a", 1);
    nextTransactions(1, (connection) => {
      connection.close();
      return undefined;
    });
    await put("a", 2);
    expect(await read("a")).toBe(2);
  });

  it("in the middle of a save: the save is repeated as a whole", async () => {
    await put("a", 1);
    nextTransactions(1, (connection) => {
      queueMicrotask(() => forceCloseDatabase(connection as never));
      return undefined;
    });
    await put("a", 2);
    expect(await read("a")).toBe(2);
  });

  it("by an internal error of the browser: likewise", async () => {
    await put("a", 1);
    nextTransactions(1, () => dom("UnknownError", "Connection to Indexed Database server lost."));
    await put("a", 2);
    expect(await read("a")).toBe(2);
  });

  it("again and again is told after one repetition, in words", async () => {
    await put("a", 1);
    nextTransactions(3, () => dom("InvalidStateError"));
    await expect(put("a", 2)).rejects.toMatchObject({ name: "VaultClosedError" });
    vi.restoreAllMocks();
    expect(await read("a")).toBe(1);
  });

  it("is not what another failure is taken for: that is told at once, and nothing is repeated", async () => {
    await put("a", 1);
    let runs = 0;
    const failing = database.transact("readwrite", ["machines"], "it was not written", ({ machines }) => {
      runs++;
      machines.put("half", "a");
      throw new TypeError("a mistake");
    });
    await expect(failing).rejects.toMatchObject({ name: "VaultError", message: /a mistake/ });
    expect(runs).toBe(1);
    expect(await read("a")).toBe(1);
  });

  it("to make room for another version is opened again when that is gone", async () => {
    await put("a", 1);
    await new Promise((deleted) => {
      indexedDB.deleteDatabase(name).onsuccess = deleted;
    });
    await put("a", 2);
    expect(await read("a")).toBe(2);
  });

  it("takes no TPM with it: its state is saved on the next one", async () => {
    const vault = openVault(name);
    const { id } = await vault.create({ name: "PC", tpmVersion: "2.0" });
    const lock = await vault.lock(id);
    await vault.saveTpm(id, tpmSave(1));
    nextTransactions(1, () => dom("InvalidStateError"));
    await vault.saveTpm(id, tpmSave(2));
    expect((await vault.loadTpm(id))?.time).toBe(tpmSave(2).time);
    await lock.release();
    vault.close();
  });
});

it("has all of its stores in every transaction over them", async () => {
  const all: StoreName[] = ["machines", "tpms", "snapshots", "pieces", "owners"];
  const seen = await database.transact("readonly", all, "it was not read", (stores) => Object.keys(stores));
  expect(seen).toEqual(all);
});
