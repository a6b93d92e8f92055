/**
 * A file behind a passphrase. One line of text, one line of JSON that says how the key is made, then the contents
 * encrypted with AES-256-GCM (the 16-byte tag at the end); both lines are authenticated with them. The key is
 * scrypt(passphrase in UTF-8, salt): RFC 7914, with memory of 128 * N * r bytes.
 */
import { scryptAsync } from "@noble/hashes/scrypt.js";
import * as v from "valibot";
import { fromHex, toHex } from "../bytes/hex.ts";
import { ImportError, PassphraseError, VaultError, VaultNewerError } from "./errors.ts";
import type { Progress } from "./types.ts";

const MAGIC = "WEBTPM-SEALED\n";
const VERSION = 1;
/** 128 MiB and about a second: what OWASP's password storage cheat sheet asks for. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
/** What a file may ask this page to do: 1 GiB. */
const MAX_SCRYPT_N = 2 ** 20;
const TAG_SIZE = 16;
/** Nobody needs as much; a file that is something else may go on for long without an end of line. */
const MAX_HEADER = 4096;

const hex = (size: number) => v.pipe(v.string(), v.regex(/^[0-9a-f]*$/), v.length(2 * size));
const headerSchema = v.object({
  formatVersion: v.pipe(v.number(), v.integer()),
  cipher: v.literal("AES-256-GCM"),
  iv: hex(12),
  kdf: v.literal("scrypt"),
  N: v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(MAX_SCRYPT_N)),
  r: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(8)),
  p: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(4)),
  salt: hex(16),
  /** Of the contents, in bytes. */
  size: v.pipe(v.number(), v.integer(), v.minValue(0)),
});

export function isSealed(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) === MAGIC;
}

/** @throws {PassphraseError} for an empty passphrase. */
export async function seal(
  contents: Uint8Array,
  passphrase: string,
  progress?: Progress,
): Promise<Uint8Array[]> {
  const salt = crypto.getRandomValues(new Uint8Array(16));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await makeKey(passphrase, { ...SCRYPT, salt }, progress);
  const fields: v.InferOutput<typeof headerSchema> = {
    formatVersion: VERSION,
    cipher: "AES-256-GCM",
    iv: toHex(iv),
    kdf: "scrypt",
    ...SCRYPT,
    salt: toHex(salt),
    size: contents.length,
  };
  const header = new TextEncoder().encode(`${MAGIC}${JSON.stringify(fields)}\n`);
  const algorithm = { name: "AES-GCM", iv, additionalData: header };
  return [header, new Uint8Array(await crypto.subtle.encrypt(algorithm, key, contents as BufferSource))];
}

/** @throws {PassphraseError} {ImportError} {VaultNewerError} */
export async function unseal(
  file: Uint8Array,
  passphrase: string | undefined,
  progress?: Progress,
): Promise<Uint8Array> {
  const end = file.subarray(0, MAX_HEADER).indexOf(0x0a, MAGIC.length) + 1;
  if (end === 0)
    throw new ImportError("this encrypted export is cut off or damaged: its header does not end");
  const header = file.slice(0, end);
  const { iv, salt, size, ...parameters } = readHeader(
    new TextDecoder().decode(header.subarray(MAGIC.length)),
  );
  if (file.length - end !== size + TAG_SIZE) {
    throw new ImportError(
      `this encrypted export is cut off: it has ${file.length} bytes of ${end + size + TAG_SIZE}. Get the whole file`,
    );
  }
  if (passphrase === undefined) throw new PassphraseError("this export is encrypted: give its passphrase");
  const key = await makeKey(passphrase, { ...parameters, salt: fromHex(salt) }, progress);
  const algorithm = { name: "AES-GCM", iv: fromHex(iv), additionalData: header };
  try {
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, file.slice(end)));
  } catch (cause) {
    throw new PassphraseError("the passphrase is not the one of this export, or the file was changed", {
      cause,
    });
  }
}

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
  const result = v.safeParse(headerSchema, fields);
  if (result.success) return result.output;
  throw new ImportError(`this encrypted export is damaged: ${result.issues[0].message} in its header`);
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
