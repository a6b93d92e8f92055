/** The form of a file behind a passphrase, with a key that costs nothing. */
import { scrypt } from "@noble/hashes/scrypt.js";
import { describe, expect, it } from "vitest";
import { toHex } from "../../protocol/bytes/hex.ts";
import { unseal } from "./sealed.ts";

const COST = { N: 2, r: 1, p: 1 };
const SALT = new Uint8Array(16).fill(3);
const CHUNK = 65_536;

const key = () =>
  crypto.subtle.importKey(
    "raw",
    scrypt("open", SALT, { ...COST, dkLen: 32 }) as Uint8Array<ArrayBuffer>,
    "AES-GCM",
    false,
    ["encrypt"],
  );

const headerOf = (fields: object) =>
  new TextEncoder().encode(
    `WEBTPM-SEALED\n${JSON.stringify({ cipher: "AES-256-GCM", kdf: "scrypt", ...COST, salt: toHex(SALT), ...fields })}\n`,
  );

async function encrypted(iv: Uint8Array, header: Uint8Array, contents: Uint8Array): Promise<Uint8Array> {
  const how = { name: "AES-GCM", iv: iv as BufferSource, additionalData: header as BufferSource };
  return new Uint8Array(await crypto.subtle.encrypt(how, await key(), contents as BufferSource));
}

/** As the format's second version says, made by other code than the product's. */
async function chunked(contents: Uint8Array): Promise<{ header: Uint8Array; chunks: Uint8Array[] }> {
  const header = headerOf({ formatVersion: 2, iv: "05".repeat(7), chunk: CHUNK, size: contents.length });
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < contents.length; at += CHUNK) {
    const last = at + CHUNK >= contents.length ? 1 : 0;
    const iv = Uint8Array.of(5, 5, 5, 5, 5, 5, 5, 0, 0, 0, chunks.length, last);
    chunks.push(await encrypted(iv, header, contents.subarray(at, at + CHUNK)));
  }
  return { header, chunks };
}

const blobOf = (parts: readonly Uint8Array[]) => new Blob(parts as Uint8Array<ArrayBuffer>[]);
const open = async (parts: readonly Uint8Array[]) =>
  new Uint8Array(await (await unseal(blobOf(parts), "open")).arrayBuffer());
const CONTENTS = Uint8Array.from({ length: 3 * CHUNK + 100 }, (_, i) => i * 7);

describe("a file behind a passphrase", () => {
  it("of the format's first version is opened", async () => {
    const iv = new Uint8Array(12).fill(9);
    const header = headerOf({ formatVersion: 1, iv: toHex(iv), size: CONTENTS.length });
    expect(await open([header, await encrypted(iv, header, CONTENTS)])).toEqual(CONTENTS);
  });

  it.each([CONTENTS.length, 2 * CHUNK, 1])(
    "of the second is opened chunk by chunk: %d bytes",
    async (size) => {
      const { header, chunks } = await chunked(CONTENTS.subarray(0, size));
      expect(await open([header, ...chunks])).toEqual(CONTENTS.subarray(0, size));
    },
  );

  it("is not opened with its chunks in another order, left out, repeated or changed", async () => {
    const { header, chunks } = await chunked(CONTENTS);
    const [a, b, c, d] = chunks as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const refused = { name: "PassphraseError", message: expect.stringMatching(/the file was changed/) };
    await expect(open([header, b, a, c, d])).rejects.toMatchObject(refused);
    await expect(open([header, a, a, c, d])).rejects.toMatchObject(refused);
    await expect(
      open([header, a, b, c, d.map((byte, i) => (i === 5 ? byte ^ 1 : byte))]),
    ).rejects.toMatchObject(refused);
    await expect(open([header, a, b, d])).rejects.toMatchObject({
      message: expect.stringMatching(/cut off/),
    });
    // The header that says so of the first chunks alone is not the one that they were encrypted with.
    const shorter = headerOf({ formatVersion: 2, iv: "05".repeat(7), chunk: CHUNK, size: 3 * CHUNK });
    await expect(open([shorter, a, b, c])).rejects.toMatchObject(refused);
  });
});
