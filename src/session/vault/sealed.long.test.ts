/** An export behind a passphrase, with the real cost of its key. */
import "fake-indexeddb/auto";
import { expect, it } from "vitest";
import { toHex } from "../../protocol/bytes/hex.ts";
import { exportMachine } from "./export.ts";
import { importMachine } from "./import.ts";
import { openVault } from "./store.ts";
import { snapshot, tpmSave } from "./testing.ts";

const blobOf = (bytes: Uint8Array) => new Blob([bytes as Uint8Array<ArrayBuffer>]);

it("an export behind a passphrase opens with it only, and tells what is wrong", {
  timeout: 60_000,
}, async () => {
  const vault = openVault("sealed");
  const pc = await vault.create({ name: "My PC", tpmVersion: "2.0", settings: { memory: 256 } });
  await vault.saveTpm(pc.id, tpmSave());
  await vault.putSnapshot(pc.id, snapshot("small"));
  await vault.putSnapshot(pc.id, snapshot("large", 300_000, 2));
  const { name: fileName, blob } = await exportMachine(vault, pc.id, { passphrase: "correct horse" });
  expect(fileName).toBe("My_PC.webtpm.sealed");
  const sealed = new Uint8Array(await blob.arrayBuffer());
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
  vault.close();
});
