/**
 * A file behind a passphrase. One line of text, one line of JSON that says how the key is made, then the contents
 * encrypted with AES-256-GCM (the 16-byte tag at the end); both lines are authenticated with them. The key is
 * scrypt(passphrase in UTF-8, salt): RFC 7914, with memory of 128 * N * r bytes.
 */
import { scryptAsync } from "@noble/hashes/scrypt.js";
import * as v from "valibot";
import { fromHex, toHex } from "../bytes/hex.ts";
import { beyond, SEALED } from "../reading/limits.ts";
import { count, flaw, whole } from "../reading/numbers.ts";
import { ImportError, PassphraseError, VaultError, VaultNewerError } from "./errors.ts";
import type { Progress } from "./types.ts";

const MAGIC = "WEBTPM-SEALED\n";
const VERSION = 1;
/** 128 MiB and about a second: what OWASP's password storage cheat sheet asks for. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
const TAG_SIZE = 16;

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
    formatVersion: v.literal(VERSION),
    cipher: v.literal("AES-256-GCM"),
    iv: hex(12),
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
    ({ N, r }) => 128 * N * r <= SEALED.memory,
    `its key takes more than ${SEALED.memory / 2 ** 20} MiB of memory to make (scrypt's N and r), the most that this page gives`,
  ),
  v.check(
    ({ N, r, p }) => N * r * p <= SEALED.work,
    "its key takes minutes to make (scrypt's N, r and p), more than this page gives",
  ),
);

/** Told by its first bytes, whatever its name is. */
export async function isSealed(file: Blob): Promise<boolean> {
  return new TextDecoder().decode(await file.slice(0, MAGIC.length).arrayBuffer()) === MAGIC;
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
  sealed: Blob,
  passphrase: string | undefined,
  progress?: Progress,
): Promise<Uint8Array> {
  if (sealed.size > SEALED.file)
    throw new ImportError(`this encrypted export is not read: ${beyond(SEALED.file, "bytes")}`);
  const file = new Uint8Array(await sealed.arrayBuffer());
  const end = file.subarray(0, SEALED.header).indexOf(0x0a, MAGIC.length) + 1;
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
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, key, file.subarray(end)));
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
