/**
 * Out and in: exports, and imports of what is whole and of what is not. Other programs: transfer.native.test.ts; behind a
 * passphrase, whose key takes its time: sealed.long.test.ts.
 */
import "fake-indexeddb/auto";
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { fromHex } from "../../protocol/bytes/hex.ts";
import { exportMachine } from "./export.ts";
import { importMachine } from "./import.ts";
import { openVault } from "./store.ts";
import { bytes, snapshot, tamper, tpmSave } from "./testing.ts";
import type { MachineRecord } from "./types.ts";

let name: string;
let vault: ReturnType<typeof openVault>;
let pc: MachineRecord;
let count = 0;

beforeEach(async () => {
  name = `transfer ${++count}`;
  vault = openVault(name);
  pc = await vault.create({ name: "My PC", tpmVersion: "2.0", settings: { memory: 256 } });
});
afterEach(() => {
  vault.close();
});

const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());
const blobOf = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]);
const rest = ({ id: _, ...machine }: MachineRecord) => machine;

/** Saves a TPM and a snapshot in PC. */
async function fill(): Promise<void> {
  await vault.saveTpm(pc.id, tpmSave());
  await vault.putSnapshot(pc.id, snapshot("small"));
  await vault.putSnapshot(pc.id, snapshot("large", 300_000, 2));
}

/** What `change` makes of the export of PC. */
async function changedExport(change: (files: Record<string, Uint8Array>) => void): Promise<Blob> {
  await fill();
  const files = unzipSync(await bytesOf((await exportMachine(vault, pc.id)).blob));
  change(files);
  return blobOf(zipSync(files, { level: 0 }));
}

type Manifest = { formatVersion: number; snapshots: { snapshot: { formatVersion: number } }[] };

function changeManifest(files: Record<string, Uint8Array>, change: (manifest: Manifest) => void): void {
  const manifest = JSON.parse(strFromU8(files["manifest.json"] as Uint8Array));
  change(manifest);
  files["manifest.json"] = strToU8(JSON.stringify(manifest));
}

describe("an export", { timeout: 30_000 }, () => {
  it("leaves out a snapshot that is damaged, says so, and comes back with the rest", async () => {
    await fill();
    const [large, small] = await vault.listSnapshots(pc.id);
    await tamper(name, "pieces", [pc.id, large!.id, "volatile", 0], (piece: Uint8Array) => piece.subarray(1));
    const one = await exportMachine(vault, pc.id);
    expect(one.leftOut).toEqual([expect.stringMatching(/^the snapshot "large" .*part "volatile"/)]);
    const copy = await importMachine(vault, one.blob);
    expect(await vault.loadTpm(copy.id)).toEqual(tpmSave());
    expect((await vault.listSnapshots(copy.id)).map((record) => record.name)).toEqual(["small"]);

    await tamper(name, "snapshots", [pc.id, small!.id], (record: object) => ({ ...record, name: 7 }));
    const none = await exportMachine(vault, pc.id);
    expect(none.leftOut).toHaveLength(2);
    expect((await importMachine(vault, none.blob)).tpmSize).toBeGreaterThan(0);
  });

  it.each([1, Date.UTC(2150, 0)])("is possible of a machine that was changed at %i", async (changed) => {
    await tamper(name, "machines", pc.id, (record: object) => ({ ...record, changed }));
    const { blob, leftOut } = await exportMachine(vault, pc.id);
    expect(leftOut).toEqual([]);
    expect((await importMachine(vault, blob)).changed).toBe(changed);
  });

  it("comes back as the same machine under its own id", async () => {
    await fill();
    const steps: string[] = [];
    const progress = (step: string) => steps.push(step);
    const { name: fileName, blob } = await exportMachine(vault, pc.id, { progress });
    expect(fileName).toBe("My_PC.webtpm.zip");
    const original = await vault.get(pc.id);
    const beside = await importMachine(vault, blob, { progress });
    expect(rest(beside)).toEqual({ ...rest(original), name: "My PC (2)" });
    expect(steps).toEqual(expect.arrayContaining(["reading", "checking", "saving"]));
    const elsewhere = openVault(`${name} elsewhere`);
    const copy = await importMachine(elsewhere, blob);
    expect(copy.name).toBe("My PC");
    expect(await elsewhere.loadTpm(copy.id)).toEqual(tpmSave());
    const listed = await elsewhere.listSnapshots(copy.id);
    expect(listed.map((record) => record.name)).toEqual(["large", "small"]);
    for (const [index, { id }] of listed.entries()) {
      const expected = index ? snapshot("small") : snapshot("large", 300_000, 2);
      const { emulator, ...others } = await elsewhere.getSnapshot(copy.id, id);
      const { emulator: expectedBytes, ...expectedOthers } = expected;
      expect(others).toEqual({ ...expectedOthers, id });
      expect(Buffer.compare(emulator, expectedBytes)).toBe(0);
    }
    elsewhere.close();
  });

  it("has UEFI's variables as QEMU takes them, and brings them back", async () => {
    const flash = { bytes: bytes(8192, 3), time: 1_700_000_000_321 };
    await vault.saveFlash(pc.id, flash);
    const { blob } = await exportMachine(vault, pc.id);
    const files = unzipSync(await bytesOf(blob));
    expect(files["uefi/OVMF_VARS.fd"]).toEqual(flash.bytes);
    expect(await vault.loadFlash((await importMachine(vault, blob)).id)).toEqual(flash);
  });

  it("from before there was UEFI comes back without its variables", async () => {
    const file = await changedExport((files) =>
      changeManifest(files, (manifest) => {
        manifest.formatVersion = 1;
        delete (manifest as { flash?: unknown }).flash;
      }),
    );
    expect(await vault.loadFlash((await importMachine(vault, file)).id)).toBeUndefined();
  });

  it("of a machine whose TPM was never on has no TPM", async () => {
    const { blob } = await exportMachine(vault, pc.id);
    expect(await vault.loadTpm((await importMachine(vault, blob)).id)).toBeUndefined();
  });

  it("that is cut off anywhere is refused", async () => {
    await fill();
    const whole = await bytesOf((await exportMachine(vault, pc.id)).blob);
    for (const part of [0.02, 0.3, 0.9, 0.999]) {
      const cut = blobOf(whole.subarray(0, whole.length * part));
      await expect(importMachine(vault, cut), String(part)).rejects.toMatchObject({
        name: "ImportError",
        message: expect.stringMatching(/cut off or damaged/),
      });
    }
    expect(await vault.list()).toHaveLength(1);
  });

  it("with a changed file, a missing one or none is refused whole", async () => {
    const flip = (files: Record<string, Uint8Array>) => {
      (files["snapshots/1/emulator.bin.gz"] as Uint8Array)[5000]! ^= 1;
    };
    const refused = (message: RegExp) => ({ name: "ImportError", message: expect.stringMatching(message) });
    await expect(importMachine(vault, await changedExport(flip))).rejects.toMatchObject(
      refused(/emulator.bin.gz does not have the SHA-256/),
    );
    const cases: [(files: Record<string, Uint8Array>) => void, RegExp][] = [
      [(files) => delete files["tpm/permanent.blob"], /tpm\/permanent.blob is missing/],
      [(files) => delete files["manifest.json"], /it has no manifest.json/],
      [(files) => (files["manifest.json"] = strToU8("{")), /not JSON/],
    ];
    for (const [change, message] of cases) {
      await vault.remove(pc.id);
      pc = await vault.create({ name: "My PC", tpmVersion: "2.0" });
      await expect(importMachine(vault, await changedExport(change))).rejects.toMatchObject(refused(message));
    }
    expect(await vault.list()).toHaveLength(1);
  });

  it("of a newer format is refused, whole or in a snapshot", async () => {
    const newer = { name: "VaultNewerError", message: expect.stringMatching(/format 9/) };
    const file = await changedExport((files) =>
      changeManifest(files, (manifest) => (manifest.formatVersion = 9)),
    );
    await expect(importMachine(vault, file)).rejects.toMatchObject(newer);
    const files = unzipSync(await bytesOf((await exportMachine(vault, pc.id)).blob));
    changeManifest(files, ({ snapshots }) =>
      Object.assign(snapshots[0]?.snapshot ?? {}, { formatVersion: 9 }),
    );
    await expect(importMachine(vault, blobOf(zipSync(files)))).rejects.toMatchObject(newer);
    expect(await vault.list()).toHaveLength(1);
  });
});

describe("a file of swtpm", () => {
  it("with volatile state alone is no machine, whatever its name is", async () => {
    const state = "0201 000a 0000 00000018 0001 00000008 0004 45637889 0001";
    for (const name of ["tpm2-00.volatilestate", "tpm2-00 (1).volatilestate", "tpm2-00.permall"]) {
      const file = Object.assign(blobOf(fromHex(state)), { name });
      await expect(importMachine(vault, file)).rejects.toMatchObject({
        name: "ImportError",
        message: expect.stringMatching(
          /volatile state of a TPM 2.0, which swtpm names tpm2-00.volatilestate.*permall/,
        ),
      });
    }
    await expect(importMachine(vault, blobOf(new Uint8Array(100)))).rejects.toMatchObject({
      message: expect.stringMatching(/neither an export of a machine nor swtpm's state/),
    });
    expect(await vault.list()).toHaveLength(1);
  });
});
