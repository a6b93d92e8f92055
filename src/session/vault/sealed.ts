/**
 * A file behind a passphrase. One line of text, one line of JSON that says how the key is made, then the contents
 * encrypted with AES-256-GCM; both lines are authenticated with them. The key is scrypt(passphrase in UTF-8, salt):
 * RFC 7914, with memory of 128 * N * r bytes.
 *
 * Version 2 has the contents in chunks, each with its 16-byte tag behind it, since WebCrypto takes what it decrypts in one
 * piece: a chunk's IV is the header's 7 bytes, its number in 4 (big-endian), and a byte that is 1 in the last one (the
 * STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, "Online Authenticated-Encryption", 2015). Version 1
 * has all in one, with the header's 12 bytes as its IV; it is read only.
 */
import { scryptAsync } from "@noble/hashes/scrypt.js";
import * as v from "valibot";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { beyond, SEALED } from "../reading/limits.ts";
import { count, flaw, whole } from "../reading/numbers.ts";
import { ImportError, PassphraseError, VaultError, VaultNewerError } from "./errors.ts";
import { MAGIC } from "./is-sealed.ts";
import type { Progress } from "./types.ts";

const VERSION = 2;
/** 128 MiB and about a second: what OWASP's password storage cheat sheet asks for. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
const TAG_SIZE = 16;
/** Of the contents, in bytes. */
const CHUNK = 4 * 2 ** 20;
const LEAST_CHUNK = 64 * 2 ** 10;
const MOST_CHUNK = 64 * 2 ** 20;
/** Of an IV, in bytes: all of it in version 1, what is before the number of the chunk in version 2. */
const IV_SIZE = { 1: 12, 2: 7 } as const;

const hex = (least: number, most = least) =>
  v.pipe(
    v.string(),
    v.regex(/^([0-9a-f]{2}){0,100}$/, "must be bytes in hex"),
    v.check(
      (text) => text.length >= 2 * least && text.length <= 2 * most,
      least === most ? `must have ${least} bytes` : `must have ${least} to ${most} bytes`,
    ),
  );
/** RFC 7914, section 2. */
const MOST_BLOCKS = 2 ** 30;
const headerSchema = v.pipe(
  v.object({
    formatVersion: v.picklist([1, VERSION]),
    cipher: v.literal("AES-256-GCM"),
    iv: hex(IV_SIZE[2], IV_SIZE[1]),
    chunk: v.optional(whole(LEAST_CHUNK, MOST_CHUNK)),
    kdf: v.literal("scrypt"),
    N: v.pipe(
      whole(2, MOST_BLOCKS),
      v.check((n) => Number.isInteger(Math.log2(n)), "must be a power of two"),
    ),
    r: whole(1, MOST_BLOCKS),
    p: whole(1, MOST_BLOCKS),
    salt: hex(SEALED.leastSalt, SEALED.mostSalt),
    /** Of the contents, in bytes. */
    size: count(),
  }),
  v.check(
    ({ formatVersion, iv, chunk }) =>
      iv.length === 2 * IV_SIZE[formatVersion] && (chunk === undefined) === (formatVersion === 1),
    "its header is of no version of the format",
  ),
  v.check(
    ({ N, r }) => 128 * N * r <= SEALED.memory,
    `its key takes more than ${SEALED.memory / 2 ** 20} MiB of memory to make (scrypt's N and r), the most that this page gives`,
  ),
  v.check(
    ({ N, r, p }) => N * r * p <= SEALED.work,
    "its key takes minutes to make (scrypt's N, r and p), more than this page gives",
  ),
);

/** @throws {PassphraseError} for an empty passphrase. */
export async function seal(contents: Blob, passphrase: string, progress?: Progress): Promise<Blob> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(IV_SIZE[2]));
  const key = await makeKey(passphrase, { ...SCRYPT, salt }, progress);
  const fields: v.InferOutput<typeof headerSchema> = {
    formatVersion: VERSION,
    cipher: "AES-256-GCM",
    iv: toHex(iv),
    chunk: CHUNK,
    kdf: "scrypt",
    ...SCRYPT,
    salt: toHex(salt),
    size: contents.size,
  };
  const header = new TextEncoder().encode(`${MAGIC}${JSON.stringify(fields)}\n`);
  const sealed = [new Blob([header])];
  for (const { from, to, algorithm } of chunksOf(contents.size, CHUNK, iv, header)) {
    progress?.("encrypting", from, contents.size);
    const chunk = await contents.slice(from, to).arrayBuffer();
    // As a Blob, it is the browser's to keep, on its disk if need be.
    sealed.push(new Blob([await crypto.subtle.encrypt(algorithm, key, chunk)]));
  }
  return new Blob(sealed, { type: "application/octet-stream" });
}

/** @throws {PassphraseError} {ImportError} {VaultNewerError} */
export async function unseal(
  sealed: Blob,
  passphrase: string | undefined,
  progress?: Progress,
): Promise<Blob> {
  if (sealed.size > SEALED.file)
    throw new ImportError(`this encrypted export is not read: ${beyond(SEALED.file, "bytes")}`);
  const begin = new Uint8Array(await sealed.slice(0, SEALED.header).arrayBuffer());
  const end = begin.indexOf(0x0a, MAGIC.length) + 1;
  if (end === 0)
    throw new ImportError("this encrypted export is cut off or damaged: its header does not end");
  const header = begin.slice(0, end);
  const { iv, salt, size, chunk, ...parameters } = readHeader(
    new TextDecoder().decode(header.subarray(MAGIC.length)),
  );
  const count = chunk === undefined ? 1 : chunkCount(size, chunk);
  const whole = end + size + count * TAG_SIZE;
  if (sealed.size !== whole) {
    throw new ImportError(
      `this encrypted export is cut off: it has ${sealed.size} bytes of ${whole}. Get the whole file`,
    );
  }
  if (passphrase === undefined) throw new PassphraseError("this export is encrypted: give its passphrase");
  const key = await makeKey(passphrase, { ...parameters, salt: fromHex(salt) }, progress);
  // Nothing of it is used before all of it was found to be genuine.
  const contents: Blob[] = [];
  const chunks =
    chunk === undefined
      ? [{ from: 0, to: size, algorithm: gcm(fromHex(iv), header) }]
      : chunksOf(size, chunk, fromHex(iv), header);
  for (const { from, to, algorithm } of chunks) {
    progress?.("decrypting", from, size);
    const at = end + contents.length * TAG_SIZE;
    const encrypted = await sealed.slice(at + from, at + to + TAG_SIZE).arrayBuffer();
    try {
      contents.push(new Blob([await crypto.subtle.decrypt(algorithm, key, encrypted)]));
    } catch (cause) {
      throw new PassphraseError("the passphrase is not the one of this export, or the file was changed", {
        cause,
      });
    }
  }
  return new Blob(contents);
}

/** Nothing is one chunk of nothing. */
const chunkCount = (size: number, chunk: number) => Math.max(1, Math.ceil(size / chunk));

/** Where each chunk of the contents is, and how it is encrypted. */
function* chunksOf(size: number, chunk: number, prefix: Uint8Array, header: Uint8Array) {
  const count = chunkCount(size, chunk);
  for (let number = 0; number < count; number++) {
    const iv = new Uint8Array(IV_SIZE[1]);
    iv.set(prefix);
    new DataView(iv.buffer).setUint32(prefix.length, number);
    iv[iv.length - 1] = number === count - 1 ? 1 : 0;
    const from = number * chunk;
    yield { from, to: Math.min(size, from + chunk), algorithm: gcm(iv, header) };
  }
}

const gcm = (iv: Uint8Array, header: Uint8Array) => ({
  name: "AES-GCM",
  iv: iv as Uint8Array<ArrayBuffer>,
  additionalData: header as Uint8Array<ArrayBuffer>,
});

function readHeader(line: string) {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch (cause) {
    throw new ImportError("this encrypted export is damaged: its header is not JSON", { cause });
  }
  const version = (fields as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === "number" && version > VERSION) {
    throw new VaultNewerError("this encrypted export", version, VERSION);
  }
  const result = v.safeParse(headerSchema, fields, { abortPipeEarly: true });
  if (result.success) return result.output;
  const { where, what } = flaw(result.issues[0]);
  throw new ImportError(
    where === undefined
      ? `this encrypted export is not opened: ${what}`
      : `this encrypted export is damaged: in its header, ${where} is wrong (${what})`,
  );
}

async function makeKey(
  passphrase: string,
  { salt, N, r, p }: { salt: Uint8Array; N: number; r: number; p: number },
  progress?: Progress,
): Promise<CryptoKey> {
  if (!passphrase)
    throw new PassphraseError("an empty passphrase protects nothing: give one, or leave it out");
  if (!globalThis.crypto?.subtle) {
    throw new VaultError("encryption works on secure pages only: open this page by https or from localhost");
  }
  const STEPS = 100;
  const onProgress = (done: number) => progress?.("making the key", Math.round(done * STEPS), STEPS);
  const maxmem = 128 * r * (N + p) + 2 ** 20;
  const bytes = await scryptAsync(passphrase.normalize("NFC"), salt, {
    N,
    r,
    p,
    dkLen: 32,
    onProgress,
    maxmem,
  });
  return crypto.subtle.importKey("raw", bytes as BufferSource, "AES-GCM", false, ["encrypt", "decrypt"]);
}
