/** Out and in: exports that ordinary tools and swtpm read, and imports of both. */
import "fake-indexeddb/auto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { strFromU8, strToU8, unzipSync, zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TpmBackend } from "../backend/port.ts";
import { SwtpmBackend } from "../backend/swtpm-backend.ts";
import * as nv from "../backend/testing/nv-commands.ts";
import { startNativeBackend } from "../bridge/native-backend.ts";
import { findProgram, spawnSwtpm } from "../bridge/swtpm-process.ts";
import { toHex } from "../bytes/hex.ts";
import { TPM2_PCR_Extend, TPM2_PCR_Read, TPM2_Startup } from "../tpm2/build.ts";
import { responseCode } from "../tpm2/parse.ts";
import { exportMachine } from "./export.ts";
import { importMachine } from "./import.ts";
import { openVault } from "./store.ts";
import { snapshot, tpmSave } from "./testing.ts";
import type { MachineRecord } from "./types.ts";

let name: string;
let vault: ReturnType<typeof openVault>;
let pc: MachineRecord;
let folder: string;
let count = 0;

beforeEach(async () => {
  name = `transfer ${++count}`;
  vault = openVault(name);
  pc = await vault.create({ name: "My PC", tpmVersion: "2.0", settings: { memory: 256 } });
  folder = mkdtempSync(join(tmpdir(), "webtpm-transfer-"));
});
afterEach(() => {
  vault.close();
  rmSync(folder, { recursive: true, force: true });
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

  it("of a machine whose TPM was never on has no TPM", async () => {
    const { blob } = await exportMachine(vault, pc.id);
    expect(await vault.loadTpm((await importMachine(vault, blob)).id)).toBeUndefined();
  });

  it.runIf(findProgram("unzip"))("is a zip file to others", async () => {
    await fill();
    const path = join(folder, "export.zip");
    writeFileSync(path, await bytesOf((await exportMachine(vault, pc.id)).blob));
    expect(execFileSync("unzip", ["-t", path], { encoding: "utf8" })).toContain("No errors detected");
    execFileSync("unzip", ["-q", path, "-d", folder]);
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    expect(manifest.files.length).toBeGreaterThan(10);
    for (const { path, size } of manifest.files) expect(readFileSync(join(folder, path))).toHaveLength(size);
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

describe("an export behind a passphrase", () => {
  it("opens with it only, and tells what is wrong", { timeout: 60_000 }, async () => {
    await fill();
    const { name: fileName, blob } = await exportMachine(vault, pc.id, { passphrase: "correct horse" });
    expect(fileName).toBe("My_PC.webtpm.sealed");
    const sealed = await bytesOf(blob);
    expect(toHex(sealed)).not.toContain(toHex(tpmSave().state.permanent.bytes.subarray(0, 16)));
    const refused = (error: string, message: RegExp) => ({
      name: error,
      message: expect.stringMatching(message),
    });
    const wrong = importMachine(vault, blob, { passphrase: "incorrect horse" });
    await expect(wrong).rejects.toMatchObject(refused("PassphraseError", /not the one/));
    await expect(importMachine(vault, blob)).rejects.toMatchObject(
      refused("PassphraseError", /give its passphrase/),
    );
    const cut = importMachine(vault, blobOf(sealed.subarray(0, -1)), { passphrase: "correct horse" });
    await expect(cut).rejects.toMatchObject(refused("ImportError", /cut off/));
    const machine = await importMachine(vault, blob, { passphrase: "correct horse" });
    expect(await vault.loadTpm(machine.id)).toEqual(tpmSave());
  });
});

describe("swtpm", { timeout: 30_000 }, () => {
  const COUNTS = 3;
  const readPcr = TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [5] }]);

  /** A TPM asks to be asked again while it tests itself. */
  async function ask(tpm: TpmBackend, command: Uint8Array): Promise<Uint8Array> {
    const TPM_RC_RETRY = 0x922;
    for (let attempt = 1; ; attempt++) {
      const response = await tpm.deliver(0, command);
      if (responseCode(response) !== TPM_RC_RETRY || attempt === 10) return response;
    }
  }

  /** A TPM with a counter that was raised and a PCR that was extended. */
  async function makeTpm() {
    const { backend, stop } = await startNativeBackend();
    const extend = TPM2_PCR_Extend(5, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(7) }]);
    const commands = [TPM2_Startup(), nv.defineCounter(), ...Array(COUNTS).fill(nv.increment()), extend];
    for (const command of commands) await ask(backend, command);
    const counter = nv.counterIn(await ask(backend, nv.readIndex()));
    const pcr = toHex(await ask(backend, readPcr));
    const state = await backend.getState();
    await stop();
    return { counter, pcr, state };
  }

  /** Native swtpm in `folder`, with the files of the export that are in its folder `from`. */
  async function withFiles<T>(
    files: Record<string, Uint8Array>,
    from: string,
    use: (tpm: TpmBackend) => Promise<T>,
  ): Promise<T> {
    for (const [path, bytes] of Object.entries(files)) {
      if (dirname(path) === from) writeFileSync(join(folder, basename(path)), bytes);
    }
    const swtpm = await spawnSwtpm({ version: "2.0", stateDir: folder });
    const backend = new SwtpmBackend(swtpm.channels, {
      version: "2.0",
      owned: true,
      server: "",
      timeouts: {},
    });
    await backend.start();
    const result = await use(backend);
    await backend.shutdown();
    await swtpm.stop();
    return result;
  }

  it("goes on from an export, and the page from what swtpm made of it", async () => {
    const made = await makeTpm();
    await vault.saveTpm(pc.id, { ...tpmSave(), state: made.state });
    const given = snapshot("running");
    await vault.putSnapshot(pc.id, { ...given, tpm: { ...given.tpm, tpm: made.state } });
    const files = unzipSync(await bytesOf((await exportMachine(vault, pc.id)).blob));

    const pcr = await withFiles(files, "snapshots/1/swtpm", async (tpm) => toHex(await ask(tpm, readPcr)));
    expect(pcr).toBe(made.pcr);
    for (const file of readdirSync(folder)) rmSync(join(folder, file));

    await withFiles(files, "swtpm", async (tpm) => {
      await ask(tpm, TPM2_Startup());
      await ask(tpm, nv.increment());
      expect(nv.counterIn(await ask(tpm, nv.readIndex()))).toBe(made.counter + 1);
      expect(toHex(await ask(tpm, readPcr))).not.toBe(made.pcr);
    });
    const written = new Uint8Array(readFileSync(join(folder, "tpm2-00.permall")));
    const back = await importMachine(vault, Object.assign(blobOf(written), { name: "tpm2-00.permall" }));
    expect(back).toMatchObject({ name: "TPM 2.0 of swtpm", tpmVersion: "2.0" });
    const { state } = (await vault.loadTpm(back.id)) ?? {};
    const { backend, stop } = await startNativeBackend(state ? { state } : {});
    await ask(backend, TPM2_Startup());
    expect(nv.counterIn(await ask(backend, nv.readIndex()))).toBe(made.counter + 1);
    await stop();
  });

  it("'s volatile state alone is no machine", async () => {
    const file = Object.assign(blobOf(new Uint8Array(100)), { name: "tpm2-00.volatilestate" });
    await expect(importMachine(vault, file)).rejects.toMatchObject({
      message: expect.stringMatching(/permall/),
    });
    await expect(importMachine(vault, blobOf(new Uint8Array(100)))).rejects.toMatchObject({
      message: expect.stringMatching(/neither an export of a machine nor swtpm's state/),
    });
    expect(readdirSync(folder)).toEqual([]);
  });
});
