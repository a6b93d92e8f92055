/** Exports that ordinary tools and swtpm read, and what swtpm makes of them, imported again. */
import "fake-indexeddb/auto";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TpmBackend } from "../../backend/port.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import * as nv from "../../backend/testing/nv-commands.ts";
import { startNativeBackend } from "../../node/bridge/native-backend.ts";
import { spawnSwtpm } from "../../node/bridge/swtpm-process.ts";
import { toHex } from "../../protocol/bytes/hex.ts";
import { TPM2_PCR_Extend, TPM2_PCR_Read, TPM2_Startup } from "../../protocol/tpm2/build.ts";
import { responseCode } from "../../protocol/tpm2/parse.ts";
import { exportMachine } from "./export.ts";
import { importMachine } from "./import.ts";
import { openVault } from "./store.ts";
import { snapshot, tpmSave } from "./testing.ts";
import type { MachineRecord } from "./types.ts";

let vault: ReturnType<typeof openVault>;
let pc: MachineRecord;
let folder: string;
let count = 0;

beforeEach(async () => {
  vault = openVault(`native transfer ${++count}`);
  pc = await vault.create({ name: "My PC", tpmVersion: "2.0", settings: { memory: 256 } });
  folder = mkdtempSync(join(tmpdir(), "webtpm-transfer-"));
});
afterEach(() => {
  vault.close();
  rmSync(folder, { recursive: true, force: true });
});

const bytesOf = async (blob: Blob) => new Uint8Array(await blob.arrayBuffer());
const blobOf = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]);

describe("an export", () => {
  it("is a zip file to others", async () => {
    await vault.saveTpm(pc.id, tpmSave());
    await vault.putSnapshot(pc.id, snapshot("small"));
    await vault.putSnapshot(pc.id, snapshot("large", 300_000, 2));
    const path = join(folder, "export.zip");
    writeFileSync(path, await bytesOf((await exportMachine(vault, pc.id)).blob));
    expect(execFileSync("unzip", ["-t", path], { encoding: "utf8" })).toContain("No errors detected");
    execFileSync("unzip", ["-q", path, "-d", folder]);
    const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    expect(manifest.files.length).toBeGreaterThan(10);
    for (const { path, size } of manifest.files) expect(readFileSync(join(folder, path))).toHaveLength(size);
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
});
