/** Exports as nobody's page has written them: refused in words, whole; and what older pages stored of them. */
import "fake-indexeddb/auto";
import { strFromU8, strToU8, unzipSync, type Zippable, zipSync } from "fflate";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exportMachine } from "./export.ts";
import { importMachine } from "./import.ts";
import { readMachineFile } from "./read-machine.ts";
import { openVault } from "./store.ts";
import { snapshot, tamper, tpmSave } from "./testing.ts";
import type { MachineRecord } from "./types.ts";

let name: string;
let vault: ReturnType<typeof openVault>;
let pc: MachineRecord;
let count = 0;

beforeEach(async () => {
  name = `hostile ${++count}`;
  vault = openVault(name);
  pc = await vault.create({ name: "My PC", tpmVersion: "2.0" });
  await vault.saveTpm(pc.id, tpmSave());
  await vault.putSnapshot(pc.id, snapshot("before"));
});
afterEach(() => vault.close());

const blobOf = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]);

// biome-ignore lint/suspicious/noExplicitAny: a manifest that is to be made wrong
type Manifest = any;

/** The export of My PC, with its manifest and files changed. */
async function changed(
  change: (manifest: Manifest, files: Zippable) => void,
  text: (json: string) => string = (json) => json,
): Promise<Blob> {
  const { blob } = await exportMachine(vault, pc.id);
  const files: Zippable = unzipSync(new Uint8Array(await blob.arrayBuffer()));
  const manifest = JSON.parse(strFromU8(files["manifest.json"] as Uint8Array));
  change(manifest, files);
  files["manifest.json"] = strToU8(text(JSON.stringify(manifest)));
  return blobOf(zipSync(files, { level: 9 }));
}

const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;

describe("an export", () => {
  it.each<[string, (manifest: Manifest) => void, RegExp]>([
    ["a date that no calendar has", ({ machine }) => (machine.created = 1e300), /machine\.created is wrong/],
    ["a change before 1970", ({ machine }) => (machine.changed = -1), /machine\.changed is wrong/],
    ["such a date of its own", (manifest) => (manifest.time = 1e300), /time is wrong/],
    ["such a date of its TPM", ({ tpm }) => (tpm.time = 1e300), /the TPM in this export .*time is wrong/],
    ["such a date of a snapshot", ({ snapshots }) => (snapshots[0].snapshot.time = 1e300), /time is wrong/],
    [
      "a TPM larger than any",
      ({ tpm }) => (tpm.blobs.permanent.size = 1e15),
      /blobs\.permanent\.size is wrong/,
    ],
    ["flags that swtpm cannot have", ({ tpm }) => (tpm.blobs.permanent.flags = 2 ** 40), /flags is wrong/],
    [
      "settings without an end",
      ({ machine }) => (machine.settings = { a: Array(2000).fill(1) }),
      /more than 1000 values/,
    ],
    [
      "a part twice",
      ({ snapshots }) => (snapshots[0].snapshot.parts[1] = snapshots[0].snapshot.parts[0]),
      /each part once/,
    ],
    ["a part less", ({ snapshots }) => snapshots[0].snapshot.parts.pop(), /part "emulator" is not listed/],
    [
      "an emulator of terabytes",
      ({ snapshots }) => (snapshots[0].snapshot.parts[6].size = 2 ** 40),
      /more than 3,221,225,472 bytes/,
    ],
    [
      "more physical presence than there is memory for it",
      ({ snapshots }) => (snapshots[0].snapshot.parts[5].size = 1025),
      /part "ppi".*more than 1,?024 bytes/,
    ],
    ["a file twice", ({ files }) => files.push(files[0]), /names tpm\/permanent.blob twice/],
    ["terabytes of files", ({ files }) => (files[0].size = 2 ** 40), /files\.0\.size is wrong/],
    [
      "60,000 files",
      (manifest) => (manifest.files = Array.from({ length: 60_000 }, () => manifest.files[0])),
      /files is wrong \(has more than 20,000 entries/,
    ],
    [
      "a name like a book",
      ({ snapshots }) => Object.assign(snapshots[0].snapshot, { name: "x".repeat(1e6) }),
      /^.{0,500}$/,
    ],
  ])("with %s is refused in words, whole", async (_, change, words) => {
    const file = await changed(change);
    await expect(importMachine(vault, file)).rejects.toMatchObject({
      name: expect.stringMatching(/^(ImportError|VaultDamagedError)$/),
      message: expect.stringMatching(words),
    });
    expect(await vault.list()).toHaveLength(1);
  });

  it("with a number beyond all numbers is refused", async () => {
    const file = await changed(
      ({ snapshots }) => (snapshots[0].snapshot.clock = 4711),
      (json) => json.replace("4711", "1e999"),
    );
    await expect(importMachine(vault, file)).rejects.toThrow(/clock is wrong/);
  });

  it("with a manifest beyond all measure is refused before it is taken apart", async () => {
    const file = await changed((manifest) => (manifest.junk = "x".repeat(9 * 2 ** 20)));
    await expect(importMachine(vault, file)).rejects.toThrow(/manifest.json has more than 8388608 bytes/);
  });

  it("with settings nested 5,000 deep is refused in words", async () => {
    const file = await changed(
      ({ machine }) => (machine.settings = "DEEP"),
      (json) => json.replace('"DEEP"', nested(5000)),
    );
    await expect(importMachine(vault, file)).rejects.toThrow(
      /machine\.settings is wrong \(must not have values nested more than 16 deep/,
    );
  });

  it("with settings named as every object's properties are keeps them, and nothing else changes", async () => {
    const file = await changed(
      ({ machine }) => (machine.settings = { PROTO: "1.2", constructor: "x", hasOwnProperty: "y" }),
      (json) => json.replace("PROTO", "__proto__"),
    );
    const machine = await importMachine(vault, file);
    expect(Object.keys((await vault.get(machine.id)).settings).sort()).toEqual([
      "__proto__",
      "constructor",
      "hasOwnProperty",
    ]);
    expect(({} as { tpmVersion?: string }).tpmVersion).toBeUndefined();
  });

  it("in folders named as every object's properties are is read", async () => {
    const file = await changed(({ snapshots, files }, zip) => {
      snapshots[0].folder = "__proto__";
      for (const one of files) {
        const path = one.path.replace(/^snapshots\/1/, "__proto__");
        zip[path] = zip[one.path]!;
        one.path = path;
      }
    });
    const { snapshots } = await readMachineFile(file);
    expect(snapshots[0]?.parts).toHaveLength(7);
  });

  it("is unpacked no further than its manifest says, and nothing that it does not name", async () => {
    const zeros = new Uint8Array(16 * 2 ** 20);
    const packed = await changed((_, files) => (files["tpm/permanent.blob"] = zeros));
    expect(packed.size).toBeLessThan(2 ** 20);
    await expect(readMachineFile(packed)).rejects.toThrow(/tpm\/permanent.blob has more than 1321 bytes/);
    const beside = await changed((_, files) => (files.junk = zeros));
    let most = 0;
    await readMachineFile(beside, { progress: (_step, done) => (most = Math.max(most, done)) });
    expect(most).toBeLessThan(2 ** 20);
  });

  it("with more files than a machine has is not looked through", async () => {
    const many: Zippable = {};
    for (let i = 0; i <= 20_000; i++) many[`f${i}`] = new Uint8Array(0);
    await expect(readMachineFile(blobOf(zipSync(many)))).rejects.toThrow(/more than 20,000 files/);
  });
});

describe("what an older page has stored", () => {
  it("with dates that no calendar has is there, and gets others at the next change", async () => {
    await tamper(name, "machines", pc.id, (machine: object) => ({
      ...machine,
      created: 1e300,
      changed: 1e300,
    }));
    expect(await vault.list()).toMatchObject([{ id: pc.id, created: 0, changed: 0 }]);
    expect((await vault.rename(pc.id, "PC")).changed).toBeGreaterThan(0);
    const [first] = await vault.listSnapshots(pc.id);
    await tamper(name, "snapshots", [pc.id, first!.id], (one: object) => ({ ...one, time: -1e300 }));
    expect(await vault.listSnapshots(pc.id)).toMatchObject([{ id: first!.id, time: 0 }]);
  });

  it("of one snapshot that is broken does not hide the others, and is told in words", async () => {
    await vault.putSnapshot(pc.id, snapshot("after"));
    const last = (await vault.listSnapshots(pc.id)).find((one) => one.name === "after");
    await tamper(name, "snapshots", [pc.id, last!.id], (one: object) => ({ ...one, parts: "none" }));
    expect(await vault.listSnapshots(pc.id)).toMatchObject([{ name: "before" }]);
    const [error] = await vault.unreadableSnapshots(pc.id);
    expect(error?.message).toMatch(/the snapshot "after" is damaged: parts is wrong \(must be a list\)/);
    await tamper(name, "snapshots", [pc.id, last!.id], (one: object) => ({ ...one, name: { a: 1 } }));
    const [nameless] = await vault.unreadableSnapshots(pc.id);
    expect(nameless?.message).toMatch(/the snapshot "without a name" is damaged: name is wrong/);
  });
});

describe("a file behind a passphrase", () => {
  const fields = {
    formatVersion: 1,
    cipher: "AES-256-GCM",
    iv: "00".repeat(12),
    kdf: "scrypt",
    N: 2 ** 17,
    r: 8,
    p: 1,
    salt: "00".repeat(16),
    size: 0,
  };
  const sealed = (change: object) => {
    const header = `WEBTPM-SEALED\n${JSON.stringify({ ...fields, ...change })}\n`;
    return new Blob([header, new Uint8Array(16)]);
  };

  it.each([
    ["an N that is no power of two", { N: 1000 }, /N is wrong \(must be a power of two\)/],
    ["an N of 1", { N: 1 }, /N is wrong/],
    ["an r of 0", { r: 0 }, /r is wrong/],
    ["part of a p", { p: 1.5 }, /p is wrong/],
    ["a key that takes too much memory", { N: 2 ** 21, r: 8 }, /more than 1024 MiB of memory/],
    ["a key that takes too long", { N: 2 ** 17, r: 8, p: 1000 }, /takes minutes to make/],
    ["a short salt", { salt: "00" }, /salt is wrong \(must have 16 to 64 bytes\)/],
    ["a long salt", { salt: "00".repeat(65) }, /salt is wrong \(must have 16 to 64 bytes\)/],
    ["half a byte of salt", { salt: "0".repeat(33) }, /salt is wrong \(must be bytes in hex\)/],
    ["a short iv", { iv: "00" }, /iv is wrong \(must have 7 to 12 bytes\)/],
    ["another format", { formatVersion: 0 }, /formatVersion is wrong/],
    ["a newer format", { formatVersion: 3 }, /has format 3/],
    ["chunks in the first format", { chunk: 65_536 }, /of no version/],
    ["no chunks in the second", { formatVersion: 2, iv: "00".repeat(7) }, /of no version/],
    ["an iv of the first in the second", { formatVersion: 2, chunk: 65_536 }, /of no version/],
    ["millions of chunks", { formatVersion: 2, iv: "00".repeat(7), chunk: 1 }, /chunk is wrong/],
    [
      "more chunks than it has bytes for",
      { formatVersion: 2, iv: "00".repeat(7), chunk: 65_536, size: 2 ** 40 },
      /cut off: it has \d+ bytes of \d{13}/,
    ],
    ["a size of its own", { size: 5 }, /cut off/],
  ])("with %s is refused in words", async (_, change, words) => {
    await expect(readMachineFile(sealed(change), { passphrase: "x" })).rejects.toThrow(words);
  });
});
