import "fake-indexeddb/auto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openVault } from "./store.ts";
import { bytes, snapshot, tamper, tpmSave } from "./testing.ts";
import type { MachineRecord, Vault } from "./types.ts";

let name: string;
let vault: Vault;
let pc: MachineRecord;
let count = 0;

beforeEach(async () => {
  name = `test ${++count}`;
  vault = openVault(name);
  pc = await vault.create({
    name: "PC",
    tpmVersion: "2.0",
    settings: { memory: 256, images: { hda: "disk.img" } },
  });
});
afterEach(() => vault.close());

const flip = (blob: Uint8Array) => {
  const changed = blob.slice();
  changed[blob.length >> 1]! ^= 0x10;
  return changed;
};

describe("machines", () => {
  it("are listed by name, and read again by another page", async () => {
    await vault.create({ name: "Another", tpmVersion: "1.2" });
    const other = openVault(name);
    expect((await other.list()).map((machine) => machine.name)).toEqual(["Another", "PC"]);
    expect(await other.find("PC")).toEqual(pc);
    expect(pc).toMatchObject({
      settings: { memory: 256, images: { hda: "disk.img" } },
      tpmSize: 0,
      snapshotSize: 0,
    });
    other.close();
  });

  it("have names of their own", async () => {
    const taken = { name: "MachineNameError", message: expect.stringMatching(/already/) };
    await expect(vault.create({ name: " PC ", tpmVersion: "2.0" })).rejects.toMatchObject(taken);
    const other = await vault.create({ name: "Other", tpmVersion: "2.0" });
    await expect(vault.rename(other.id, "PC")).rejects.toMatchObject(taken);
    await expect(vault.rename(other.id, "  ")).rejects.toMatchObject({ name: "MachineNameError" });
    expect((await vault.rename(other.id, "Third")).name).toBe("Third");
    expect((await vault.rename(pc.id, "PC")).name).toBe("PC");
  });

  it("are copied and removed with all they have", async () => {
    await vault.saveTpm(pc.id, tpmSave());
    const taken = await vault.putSnapshot(pc.id, snapshot("first", 10_000));
    const copy = await vault.copy(pc.id, "Copy");
    expect(copy).toMatchObject({
      settings: pc.settings,
      tpmSize: 1321 + 8992,
      snapshotSize: taken.storedSize,
    });
    await vault.remove(pc.id);
    expect((await vault.list()).map((machine) => machine.name)).toEqual(["Copy"]);
    expect(await vault.loadTpm(copy.id)).toEqual(tpmSave());
    expect((await vault.getSnapshot(copy.id, taken.id)).emulator).toEqual(snapshot("first", 10_000).emulator);
    await expect(vault.loadTpm(pc.id)).rejects.toMatchObject({ name: "VaultMissingError" });
    expect(await vault.listSnapshots(pc.id)).toEqual([]);
  });

  it("are copied when what they have outside of the vault is, and not before", async () => {
    await vault.saveTpm(pc.id, tpmSave());
    const seen: string[] = [];
    const names = async () => (await vault.list()).map((machine) => machine.name);
    const files = {
      size: 1000,
      copy: async (id: string) => {
        expect(await names()).toEqual(["PC"]);
        seen.push(`copied to ${id}`);
        if (seen.length === 1) throw new Error("there is no room");
      },
      forget: async (id: string) => void seen.push(`forgot ${id}`),
    };
    await expect(vault.copy(pc.id, "Copy", files)).rejects.toThrow("there is no room");
    expect(await names()).toEqual(["PC"]);
    expect(seen).toHaveLength(2);
    expect(seen[1]).toBe(seen[0]?.replace("copied to", "forgot"));
    // Nothing is copied to a name that is taken, or that is none.
    for (const name of ["PC", " "])
      await expect(vault.copy(pc.id, name, files)).rejects.toMatchObject({ name: "MachineNameError" });
    expect(seen).toHaveLength(2);
    const copy = await vault.copy(pc.id, "Copy", files);
    expect(seen.slice(2)).toEqual([`copied to ${copy.id}`]);
    expect(await names()).toEqual(["Copy", "PC"]);
  });

  it("of a newer format or none are told and left alone, and hide nobody else", async () => {
    const other = await vault.create({ name: "Other", tpmVersion: "2.0" });
    await tamper(name, "machines", pc.id, (record: object) => ({ ...record, formatVersion: 99 }));
    expect((await vault.list()).map((machine) => machine.name)).toEqual(["Other"]);
    expect(await vault.unreadable()).toMatchObject([
      { id: pc.id, error: { name: "VaultNewerError", message: expect.stringMatching(/"PC" has format 99/) } },
    ]);
    await expect(vault.saveTpm(pc.id, tpmSave())).rejects.toMatchObject({ name: "VaultNewerError" });
    await tamper(name, "machines", other.id, (record: object) => ({ ...record, created: "yesterday" }));
    await expect(vault.get(other.id)).rejects.toMatchObject({
      name: "VaultDamagedError",
      message: expect.stringMatching(/created is wrong/),
    });
  });
});

describe("the TPM's state", () => {
  it("comes back byte by byte with flags and description", async () => {
    expect(await vault.loadTpm(pc.id)).toBeUndefined();
    const save = tpmSave();
    save.state.savestate = { bytes: bytes(77), flags: 2 };
    await vault.saveTpm(pc.id, save);
    expect(await vault.loadTpm(pc.id)).toEqual(save);
    expect(await vault.get(pc.id)).toMatchObject({ tpmSize: 1321 + 8992 + 77, changed: save.time });
  });

  it("of a machine that is gone is not written", async () => {
    await vault.remove(pc.id);
    await expect(vault.saveTpm(pc.id, tpmSave())).rejects.toMatchObject({ name: "VaultMissingError" });
  });

  it("with a flipped bit is refused and stays", async () => {
    await vault.saveTpm(pc.id, tpmSave());
    const damage = (record: { bytes: { permanent: Uint8Array } }) => ({
      ...record,
      bytes: { ...record.bytes, permanent: flip(record.bytes.permanent) },
    });
    await tamper(name, "tpms", pc.id, damage);
    const damaged = {
      name: "VaultDamagedError",
      message: expect.stringMatching(/permanent state does not have/),
    };
    await expect(vault.loadTpm(pc.id)).rejects.toMatchObject(damaged);
    await tamper(name, "tpms", pc.id, damage);
    expect(await vault.loadTpm(pc.id)).toEqual(tpmSave());
  });
});

describe("a snapshot", { timeout: 30_000 }, () => {
  const LARGE = 5 << 20;

  it("comes back whole, also one of many pieces, with progress", async () => {
    const steps = new Set<string>();
    const given = snapshot("large", LARGE);
    const record = await vault.putSnapshot(pc.id, given, { progress: (step) => steps.add(step) });
    expect(record.parts.map((part) => part.name)).toEqual([
      "device",
      "permanent",
      "volatile",
      "savestate",
      "eventlog",
      "ppi",
      "emulator",
    ]);
    const { emulator, ...rest } = await vault.getSnapshot(pc.id, record.id, (step) => steps.add(step));
    const { emulator: expected, ...others } = given;
    expect(rest).toEqual({ ...others, id: record.id });
    // Quicker than a comparison that is ready to explain five million differences.
    expect(Buffer.compare(emulator, expected)).toBe(0);
    expect([...steps]).toEqual(["compressing", "saving", "decompressing"]);
    expect(await vault.get(pc.id)).toMatchObject({ snapshotSize: record.storedSize });
  });

  it("from before physical presence was kept comes back without it", async () => {
    const { id } = await vault.putSnapshot(pc.id, snapshot("old"));
    await tamper(name, "snapshots", [pc.id, id], (stored: { parts: { name: string }[] }) => ({
      ...stored,
      formatVersion: 1,
      parts: stored.parts.filter((part) => part.name !== "ppi"),
    }));
    const old = { ...snapshot("old"), ppi: new Uint8Array(0) };
    expect(await vault.getSnapshot(pc.id, id)).toEqual({ ...old, id });
  });

  it("of a TPM without its machine is none", async () => {
    const { id } = await vault.putSnapshot(pc.id, snapshot("half"));
    expect(await vault.getSnapshot(pc.id, id)).toEqual({ ...snapshot("half"), id });
    await tamper(name, "snapshots", [pc.id, id], (stored: { parts: { name: string }[] }) => ({
      ...stored,
      parts: stored.parts.filter((part) => part.name !== "emulator"),
    }));
    await expect(vault.getSnapshot(pc.id, id)).rejects.toMatchObject({
      name: "VaultDamagedError",
      message: expect.stringContaining('its part "emulator" is not listed'),
    });
  });

  it("replaces another only when it is there itself", async () => {
    const first = await vault.putSnapshot(pc.id, snapshot("first", 1000));
    const second = await vault.putSnapshot(pc.id, snapshot("second", 1000, 2), { replace: first.id });
    expect(await vault.listSnapshots(pc.id)).toEqual([second]);
    const put = IDBObjectStore.prototype.put;
    let left = 3;
    IDBObjectStore.prototype.put = function (...values) {
      if (this.name === "pieces" && --left === 0) throw new DOMException("no room", "QuotaExceededError");
      return put.apply(this, values);
    };
    try {
      await expect(
        vault.putSnapshot(pc.id, snapshot("third", 10_000, 3), { replace: second.id }),
      ).rejects.toMatchObject({
        name: "VaultFullError",
        message: expect.stringMatching(/"third" was not saved/),
      });
    } finally {
      IDBObjectStore.prototype.put = put;
    }
    expect(await vault.listSnapshots(pc.id)).toEqual([second]);
    expect(await vault.getSnapshot(pc.id, second.id)).toMatchObject({ name: "second" });
    expect(await vault.get(pc.id)).toMatchObject({ snapshotSize: second.storedSize });
  });

  it("with a flipped bit anywhere is refused", async () => {
    const { id } = await vault.putSnapshot(pc.id, snapshot("flipped", 5000));
    for (const part of ["device", "permanent", "volatile", "eventlog", "emulator"]) {
      await tamper(name, "pieces", [pc.id, id, part, 0], flip);
      await expect(vault.getSnapshot(pc.id, id), part).rejects.toMatchObject({
        name: "VaultDamagedError",
        message: expect.stringMatching(/"flipped" is damaged/),
      });
      await tamper(name, "pieces", [pc.id, id, part, 0], flip);
    }
    expect(await vault.getSnapshot(pc.id, id)).toMatchObject({ name: "flipped" });
  });

  it("is deleted with what it took", async () => {
    const { id } = await vault.putSnapshot(pc.id, snapshot("gone", 5000));
    await vault.deleteSnapshot(pc.id, id);
    await expect(vault.getSnapshot(pc.id, id)).rejects.toMatchObject({ name: "VaultMissingError" });
    expect(await vault.get(pc.id)).toMatchObject({ snapshotSize: 0 });
  });
});

const flashSave = { bytes: bytes(4096, 9), time: 1_700_000_000_777 };

describe("UEFI's variables", () => {
  it("are saved, copied with the machine, removed with it, and given up for the factory's", async () => {
    expect(await vault.loadFlash(pc.id)).toBeUndefined();
    await vault.saveFlash(pc.id, flashSave);
    expect((await vault.get(pc.id)).changed).toBe(flashSave.time);
    const { id } = await vault.copy(pc.id, "Copy");
    await vault.saveFlash(pc.id, undefined);
    expect(await vault.loadFlash(pc.id)).toBeUndefined();
    expect(await vault.loadFlash(id)).toEqual(flashSave);
    await vault.remove(id);
    await expect(vault.loadFlash(id)).rejects.toMatchObject({ name: "VaultMissingError" });
  });

  it("that were changed behind its back are refused", async () => {
    await vault.saveFlash(pc.id, flashSave);
    await tamper(name, "flashes", pc.id, (stored: { bytes: Uint8Array }) => ({
      ...stored,
      bytes: flip(stored.bytes),
    }));
    await expect(vault.loadFlash(pc.id)).rejects.toMatchObject({
      name: "VaultDamagedError",
      message: expect.stringMatching(/UEFI variables of the machine "PC".*SHA-256/),
    });
  });

  it("are written by nobody but the machine's owner", async () => {
    const other = openVault(name);
    const lock = await other.lock(pc.id);
    await expect(vault.saveFlash(pc.id, flashSave)).rejects.toMatchObject({ name: "MachineLockLostError" });
    await other.saveFlash(pc.id, flashSave);
    await lock.release();
    other.close();
    expect(await vault.loadFlash(pc.id)).toEqual(flashSave);
  });
});

describe("the database", () => {
  const open = (version: number) =>
    new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, version);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });

  it("gives way to a newer one and says so", async () => {
    await vault.saveTpm(pc.id, tpmSave());
    (await open(7)).close();
    await expect(vault.loadTpm(pc.id)).rejects.toMatchObject({
      name: "VaultNewerError",
      message: expect.stringMatching(/format 7, .* up to 2\b/),
    });
  });

  it("that was deleted under the page is not written half", async () => {
    await new Promise((resolve) => {
      indexedDB.deleteDatabase(name).onsuccess = resolve;
    });
    await expect(vault.saveTpm(pc.id, tpmSave())).rejects.toMatchObject({ name: "VaultMissingError" });
    await vault.create({ name: "PC", tpmVersion: "2.0" });
    expect(await vault.list()).toHaveLength(1);
  });

  it("that the page closed is closed", async () => {
    vault.close();
    await expect(vault.list()).rejects.toMatchObject({ name: "VaultClosedError" });
  });
});
