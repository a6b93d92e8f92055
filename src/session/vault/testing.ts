/** Things to keep, for tests. */
import type { TpmState } from "../../backend/port.ts";
import { TisDevice } from "../../device/tis/device.ts";
import type { NewSnapshot, TpmSave } from "./types.ts";

/** Bytes that differ from those of any other seed. */
export function bytes(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 17) & 0xff);
}

export function tpmState(seed = 1): TpmState {
  return {
    permanent: { bytes: bytes(1321, seed), flags: 0 },
    volatile: { bytes: bytes(8992, seed + 1), flags: 0 },
    savestate: { bytes: new Uint8Array(0), flags: 0 },
  };
}

export function tpmSave(seed = 1): TpmSave {
  return {
    state: tpmState(seed),
    version: "2.0",
    description: "swtpm 0.7.1",
    time: 1_700_000_000_000 + seed,
  };
}

/** A snapshot as of a machine that has just been switched on; `emulator` bytes that gzip can make little of. */
export function snapshot(name: string, emulator = 1000, seed = 1): NewSnapshot {
  const none = () => undefined;
  const sink = { execute: none, cancel: none, resetEstablishment: none, irq: none };
  const device = new TisDevice({ version: "2.0", sink });
  return {
    name,
    time: 1_700_000_000_000 + seed,
    reason: "hand",
    tpm: { device: device.snapshot(), tpm: tpmState(seed) },
    description: "swtpm 0.7.1",
    eventLog: bytes(700, seed),
    ppi: bytes(0x400, seed),
    emulator: noise(emulator, seed),
    clock: 123_456.5,
    settings: { memory: 128 },
  };
}

function noise(length: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state >>> 24;
  });
}

/** Changes a stored value behind the vault's back. */
export async function tamper(
  database: string,
  store: string,
  key: IDBValidKey,
  change: (value: never) => unknown,
): Promise<void> {
  const open = indexedDB.open(database);
  const connection = await new Promise<IDBDatabase>((resolve, reject) => {
    open.onsuccess = () => resolve(open.result);
    open.onerror = () => reject(open.error);
  });
  const transaction = connection.transaction(store, "readwrite");
  const objects = transaction.objectStore(store);
  const read = objects.get(key);
  read.onsuccess = () => objects.put(change(read.result as never), key);
  await new Promise<void>((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });
  connection.close();
}
