/**
 * Keys for teaching Secure Boot, made once on each host: a platform key, a key exchange key, and one that signs
 * kernels, each with a certificate of its own. Nobody else trusts them, and they are no secret worth keeping.
 */
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Integer, PrintableString } from "asn1js";
import {
  AttributeTypeAndValue,
  BasicConstraints,
  Certificate,
  CryptoEngine,
  Extension,
  setEngine,
} from "pkijs";
import { contentKey } from "../cache.ts";
import type { Produced } from "../produce.ts";
import { SIGNING_HASH } from "./sign.ts";

/** Changed by hand when other keys are to be made. */
const RECIPE = "1";
const KEYS = "keys.json";
const NAMES = { pk: "WebTPM platform key", kek: "WebTPM key exchange key", db: "WebTPM kernel signing key" };
/** Far from any clock that a guest may have. */
const VALID = { from: new Date("2020-01-01T00:00:00Z"), to: new Date("2049-12-31T00:00:00Z") };
const COMMON_NAME = "2.5.4.3";
const BASIC_CONSTRAINTS = "2.5.29.19";
const RSA = {
  name: "RSASSA-PKCS1-v1_5",
  hash: SIGNING_HASH,
  modulusLength: 2048,
  publicExponent: Uint8Array.of(1, 0, 1),
};

export type KeyName = keyof typeof NAMES;

/** A certificate in DER, and its private key (PKCS #8, DER); both in base64. */
export interface TeachingKey {
  certificate: string;
  privateKey: string;
}

export type TeachingKeys = Record<KeyName, TeachingKey>;

export const secureBootKey = () => contentKey([RECIPE, JSON.stringify(NAMES)]);

/** Makes the keys into `target`. */
export async function buildSecureBootKeys(target: string): Promise<Produced> {
  setEngine("node", new CryptoEngine({ name: "node", crypto: webcrypto as unknown as Crypto }));
  const names = Object.entries(NAMES) as [KeyName, string][];
  const made = await Promise.all(names.map(async ([key, name]) => [key, await makeKey(name)] as const));
  await writeFile(join(target, KEYS), JSON.stringify(Object.fromEntries(made), null, 2));
  return { sources: [] };
}

export async function readSecureBootKeys(directory: string): Promise<TeachingKeys> {
  return JSON.parse(await readFile(join(directory, KEYS), "utf8"));
}

export const privateKeyOf = ({ privateKey }: TeachingKey) =>
  createPrivateKey({ key: Buffer.from(privateKey, "base64"), format: "der", type: "pkcs8" });

async function makeKey(name: string): Promise<TeachingKey> {
  const { subtle } = webcrypto;
  const pair = (await subtle.generateKey(RSA, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const certificate = new Certificate();
  certificate.version = 2;
  // Positive, whatever the bytes are.
  certificate.serialNumber = new Integer({ valueHex: Uint8Array.of(1, ...randomBytes(15)).buffer });
  for (const side of [certificate.issuer, certificate.subject]) {
    const value = new PrintableString({ value: name });
    side.typesAndValues.push(new AttributeTypeAndValue({ type: COMMON_NAME, value }));
  }
  certificate.notBefore.value = VALID.from;
  certificate.notAfter.value = VALID.to;
  const constraints = new BasicConstraints({ cA: true });
  certificate.extensions = [
    new Extension({
      extnID: BASIC_CONSTRAINTS,
      critical: true,
      extnValue: constraints.toSchema().toBER(false),
      parsedValue: constraints,
    }),
  ];
  await certificate.subjectPublicKeyInfo.importKey(pair.publicKey as CryptoKey);
  await certificate.sign(pair.privateKey as CryptoKey, SIGNING_HASH);
  return {
    certificate: Buffer.from(certificate.toSchema(true).toBER(false)).toString("base64"),
    privateKey: Buffer.from(await subtle.exportKey("pkcs8", pair.privateKey)).toString("base64"),
  };
}
