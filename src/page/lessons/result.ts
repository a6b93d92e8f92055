/**
 * What somebody did in the lessons, as a file that can be handed in. It is signed by a key of the browser in which it was
 * done (ECDSA on P-256 with SHA-256): it was not changed since, and two files of one browser are known for that. It proves
 * no more: who owns a browser can have its page say anything.
 */
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";

const FORMAT = "webtpm-result";
const VERSION = 1;
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
/** Characters of a name, and of a class. */
const MOST_TEXT = 200;
/** Of a whole file. */
const MOST_FILE = 256 * 1024;
const MOST_LESSONS = 200;
/** Hex digits of a key's digest by which people tell browsers apart. */
const KEY_ID = 16;

export interface LessonDone {
  lesson: string;
  title: string;
  /** Steps that were reached, of how many. */
  done: number;
  steps: number;
}

export interface LessonResult {
  /** Of whom it is, as they say. */
  name: string;
  /** What the class's link says; empty without one. */
  class: string;
  /** When it was made: milliseconds since 1970, by that computer's clock. */
  made: number;
  lessons: readonly LessonDone[];
}

export interface CheckedResult extends LessonResult {
  /** The same for all that comes from one browser. */
  browser: string;
}

/** The file is no result, or was changed. The words say what is wrong. */
export class ResultError extends Error {
  override readonly name = "ResultError";
}

/** A key for this browser. To be kept as `crypto.subtle.exportKey("jwk")` gives it. */
export const makeResultKey = (): Promise<CryptoKeyPair> =>
  crypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);

/** The key pair as text, to be kept. */
export async function keyText({ privateKey }: CryptoKeyPair): Promise<string> {
  return JSON.stringify(await crypto.subtle.exportKey("jwk", privateKey));
}

/** @throws what WebCrypto says of a text that is no key. */
export async function keyOf(text: string): Promise<CryptoKeyPair> {
  const { d, key_ops, ...rest } = JSON.parse(text) as JsonWebKey;
  const whole = { ...rest, ...(d !== undefined && { d }) };
  return {
    privateKey: await crypto.subtle.importKey("jwk", whole, ALGORITHM, true, ["sign"]),
    publicKey: await crypto.subtle.importKey("jwk", rest, ALGORITHM, true, ["verify"]),
  };
}

/** The file, signed. */
export async function signResult(result: LessonResult, key: CryptoKeyPair): Promise<string> {
  // Text within text: what is signed has one form only.
  const text = JSON.stringify({ format: FORMAT, version: VERSION, ...result });
  const signature = await crypto.subtle.sign(SIGNATURE, key.privateKey, new TextEncoder().encode(text));
  const raw = await crypto.subtle.exportKey("raw", key.publicKey);
  const file = { result: text, key: toHex(new Uint8Array(raw)), signature: toHex(new Uint8Array(signature)) };
  return `${JSON.stringify(file, null, 1)}\n`;
}

/** @throws {ResultError} */
export async function checkResult(file: string): Promise<CheckedResult> {
  if (file.length > MOST_FILE) throw new ResultError("it is too large for a result of the lessons");
  const { result, key, signature } = texts(parsed(file), ["result", "key", "signature"]);
  let raw: Uint8Array<ArrayBuffer>;
  let valid: boolean;
  try {
    raw = fromHex(key);
    const publicKey = await crypto.subtle.importKey("raw", raw, ALGORITHM, true, ["verify"]);
    valid = await crypto.subtle.verify(
      SIGNATURE,
      publicKey,
      fromHex(signature),
      new TextEncoder().encode(result),
    );
  } catch (cause) {
    throw new ResultError("its key or its signature is none", { cause });
  }
  if (!valid) throw new ResultError("it was changed after it was signed");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", raw));
  return { ...resultOf(parsed(result)), browser: toHex(digest).slice(0, KEY_ID) };
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (value && typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // As below.
  }
  throw new ResultError("it is no result of the lessons");
}

function texts<Name extends string>(
  value: Record<string, unknown>,
  names: readonly Name[],
): Record<Name, string> {
  const found = names.map((name) => [name, Object.hasOwn(value, name) ? value[name] : undefined] as const);
  if (!found.every(([, text]) => typeof text === "string"))
    throw new ResultError("it is no result of the lessons");
  return Object.fromEntries(found) as Record<Name, string>;
}

function resultOf(value: Record<string, unknown>): LessonResult {
  const { format, version, made, lessons } = value;
  if (format !== FORMAT) throw new ResultError("it is no result of the lessons");
  if (version !== VERSION)
    throw new ResultError(`it is of version ${version}; this program reads version ${VERSION}`);
  const { name, class: group } = texts(value, ["name", "class"]);
  const known =
    typeof made === "number" &&
    Number.isFinite(new Date(made).getTime()) &&
    Array.isArray(lessons) &&
    lessons.length <= MOST_LESSONS &&
    lessons.every(isLessonDone);
  if (!known || name.length > MOST_TEXT || group.length > MOST_TEXT)
    throw new ResultError("what was signed is no result of the lessons");
  return { name, class: group, made, lessons };
}

function isLessonDone(value: unknown): value is LessonDone {
  if (!value || typeof value !== "object") return false;
  const { lesson, title, done, steps } = value as Partial<LessonDone>;
  const counts = [done, steps].every((count) => Number.isSafeInteger(count) && (count as number) >= 0);
  return (
    counts &&
    (done as number) <= (steps as number) &&
    [lesson, title].every((text) => typeof text === "string")
  );
}
