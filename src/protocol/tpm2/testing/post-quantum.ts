/**
 * Messages of version 1.85 of the library specification. No TPM at hand speaks it: they are put together here byte by
 * byte from the tables of Parts 2 and 3, without the encoder.
 */
import { fromHex } from "../../bytes/hex.ts";
import type { Exchange } from "./exchanges.ts";

const NO_SESSIONS = "8001";
const SESSIONS = "8002";
const PASSWORD = "40000009 0000 00 0000";
const KEY = "80000001";
const SEQUENCE = "80000002";
/** TPM_RH_NULL, and a digest of no bytes. */
const NULL_HASHCHECK = "8024 40000007 0000";
const OWNER = "40000001";

const u16 = (value: number) => value.toString(16).padStart(4, "0");
const u32 = (value: number) => value.toString(16).padStart(8, "0");
const bare = (hex: string) => hex.replace(/ /g, "");
const count = (hex: string) => bare(hex).length / 2;

/** A TPM2B. */
export const sized = (hex: string) => u16(count(hex)) + hex;
/** Bytes that tell where they are from: all the same. */
export const fill = (byte: string, bytes: number) => byte.repeat(bytes);

const message = (tag: string, code: string, body: string) =>
  fromHex(bare(tag + u32(10 + count(body)) + code + body));

/** A command with as many empty passwords as its handles need. */
const command = (code: string, handles: string, passwords: number, parameters: string) => {
  if (passwords === 0) return message(NO_SESSIONS, code, handles + parameters);
  const area = PASSWORD.repeat(passwords);
  return message(SESSIONS, code, handles + u32(count(area)) + area + parameters);
};

/** A response with as many sessions. */
const response = (handle: string, passwords: number, parameters: string) => {
  if (passwords === 0) return message(NO_SESSIONS, "00000000", handle + parameters);
  return message(
    SESSIONS,
    "00000000",
    handle + u32(count(parameters)) + parameters + "0000 01 0000".repeat(passwords),
  );
};

const exchange = (words: string, request: Uint8Array, answer: Uint8Array): Exchange => ({
  words,
  request,
  response: answer,
});

/** TPMT_SIGNATURE of ML-DSA-65: TPM2B_SIGNATURE_MLDSA, no hash. */
const MLDSA_65_SIGNATURE = `00a1 ${sized(fill("5a", 3309))}`;
/** Of HashML-DSA-44 over SHA-256. */
const HASH_MLDSA_44_SIGNATURE = `00a2 000b ${sized(fill("5b", 2420))}`;
const EDDSA_SIGNATURE = `0060 ${sized(fill("5c", 64))}`;

const MESSAGE_TICKET = `8026 ${OWNER} ${sized(fill("71", 32))}`;
const DIGEST_TICKET = `8027 ${OWNER} 000b ${sized(fill("72", 32))}`;

/** TPMT_PUBLIC: type, SHA-256 as its name's hash, attributes, no policy, parameters, unique. */
const area = (type: string, attributes: string, parameters: string, unique: string) =>
  sized(`${type} 000b ${attributes} 0000 ${parameters} ${sized(unique)}`);
const SIGN = "00040072";
const DECRYPT = "00020072";
const STORAGE = "00030072";
const MLDSA_65 = area("00a1", SIGN, "0002 01", fill("d1", 1952));
const HASH_MLDSA_44 = area("00a2", SIGN, "0001 000b", fill("d2", 1312));
const MLKEM_768 = area("00a0", DECRYPT, "0010 0002", fill("e1", 1184));
/** A parent: it protects its children with AES-128 in CFB mode. */
const MLKEM_1024 = area("00a0", STORAGE, "0006 0080 0043 0003", fill("e2", 1568));
const TEMPLATE = area("00a1", SIGN, "0002 00", "");

/** No userAuth, no data. */
const NO_SECRET = sized("0000 0000");
const NO_PCRS = "00000000";
const NAME = sized(`000b ${fill("aa", 32)}`);
/** TPMT_SENSITIVE: type, no password, no seed, the private key. */
const sensitive = (type: string, seed: string) => sized(`${type} 0000 0000 ${sized(seed)}`);

export const POST_QUANTUM: readonly Exchange[] = [
  exchange(
    "make secret for 0x80000001",
    command("000001a7", KEY, 0, ""),
    response("", 0, sized(fill("11", 32)) + sized(fill("22", 1088))),
  ),
  exchange(
    "open secret with 0x80000001",
    command("000001a8", KEY, 1, sized(fill("22", 1088))),
    response("", 1, sized(fill("11", 32))),
  ),
  exchange(
    "begin signature with 0x80000001 as 0x80000002",
    command("000001aa", KEY, 0, sized("7077") + sized("637478")),
    response(SEQUENCE, 0, ""),
  ),
  exchange(
    "sign 0x80000002 and 5 bytes with 0x80000001",
    command("000001a4", SEQUENCE + KEY, 2, sized("68656c6c6f")),
    response("", 2, MLDSA_65_SIGNATURE),
  ),
  exchange(
    "begin check of a signature by 0x80000001 as 0x80000002",
    command("000001a9", KEY, 0, sized("7077") + sized("") + sized("637478")),
    response(SEQUENCE, 0, ""),
  ),
  exchange(
    "check signature of 0x80000002 by 0x80000001",
    command("000001a3", SEQUENCE + KEY, 1, MLDSA_65_SIGNATURE),
    response("", 1, MESSAGE_TICKET),
  ),
  exchange(
    "sign d9d9d9… with 0x80000001",
    command("000001a6", KEY, 1, sized("637478") + sized(fill("d9", 32)) + NULL_HASHCHECK),
    response("", 1, HASH_MLDSA_44_SIGNATURE),
  ),
  exchange(
    "check signature of d9d9d9… by 0x80000001",
    command("000001a5", KEY, 0, sized("637478") + sized(fill("d9", 32)) + HASH_MLDSA_44_SIGNATURE),
    response("", 0, DIGEST_TICKET),
  ),
  exchange(
    "check signature of d9d9d9… by 0x80000001",
    command("00000177", KEY, 0, sized(fill("d9", 32)) + EDDSA_SIGNATURE),
    response("", 0, `8022 ${OWNER} ${sized(fill("73", 32))}`),
  ),
  exchange(
    "create primary ML-DSA-65 in the owner hierarchy as 0x80000001",
    command("00000131", OWNER, 1, `${NO_SECRET}${TEMPLATE}0000${NO_PCRS}`),
    response(
      KEY,
      1,
      `${MLDSA_65}${sized(`${NO_PCRS} 0000 01 0010 0004 ${OWNER} 0004 ${OWNER} 0000`)}${sized(fill("c1", 32))}` +
        `8021 ${OWNER} ${sized(fill("c2", 32))}${NAME}`,
    ),
  ),
  ...(
    [
      ["HashML-DSA-44", HASH_MLDSA_44],
      ["ML-KEM-768", MLKEM_768],
      ["ML-KEM-1024", MLKEM_1024],
    ] as const
  ).map(([words, key]) =>
    exchange(
      `read public part of 0x80000001: ${words}`,
      command("00000173", KEY, 0, ""),
      response("", 0, key + NAME + NAME),
    ),
  ),
  exchange(
    "load external ML-DSA-65 as 0x80000001",
    command("00000167", "", 0, `${sensitive("00a1", fill("f1", 32))}${MLDSA_65}40000007`),
    response(KEY, 0, NAME),
  ),
  exchange(
    "load external ML-KEM-768 as 0x80000001",
    command("00000167", "", 0, `${sensitive("00a0", fill("f2", 64))}${MLKEM_768}40000007`),
    response(KEY, 0, NAME),
  ),
  exchange(
    "policy: what the holder of a key has approved",
    command("0000016a", "03000000", 0, sized(fill("01", 32)) + sized("") + NAME + DIGEST_TICKET),
    response("", 0, ""),
  ),
  exchange(
    "ask for properties from TPM_PT_ML_PARAMETER_SETS",
    command("0000017a", "", 0, "00000006 00000131 00000001"),
    response("", 0, "01 00000006 00000001 00000131 0000007f"),
  ),
  exchange(
    "ask for sessions of the secure channel",
    command("0000017a", "", 0, "0000000c 00000000 00000001"),
    response("", 0, `00 0000000c 00000001 ${sized("")}${NAME}`),
  ),
  exchange(
    "policy: a secure channel with given keys",
    command("000001a1", "03000000", 0, sized("") + NAME),
    response("", 0, ""),
  ),
  exchange("make the TPM read-only", command("000001a0", "4000000c", 1, "01"), response("", 1, "")),
  exchange(
    "read set-up of the Nuvoton chip",
    command("20000213", "", 0, ""),
    response("", 0, "0102 13 00 ff fe a0a1a2a3a4a5a6a7a8a9 aa 00"),
  ),
];
