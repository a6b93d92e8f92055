/** What a TPM is given before it moves, what must then be as it was, and how it goes on. */
import { type Step, same } from "./steps.ts";

export interface Journey {
  /** Before the first move. */
  fill: string[];
  /** Gives the same on both sides of each move. */
  look: Step[];
  /** After the first move, so that what comes back is not what went. */
  goOn: string[];
}

const send = (hex: string, count: number) => `send ${hex.replaceAll(" ", "")} ${count}`;

const TPM20: Journey = {
  fill: [
    "tpm2_startup -c",
    "tpm2_pcrextend 0:sha1=$(printf '%040d' 1),sha256=$(printf '%064d' 2),sha384=$(printf '%096d' 3)",
    "tpm2_pcrextend 23:sha256=$(printf '%064d' 4)",
    "tpm2_changeauth -c o ownerpass",
    "echo kept >data; tpm2_nvdefine -C o -P ownerpass -s 5 -a 'ownerread|ownerwrite' 0x01500001",
    "tpm2_nvwrite -C o -P ownerpass -i data 0x01500001",
    "tpm2_nvdefine -C o -P ownerpass -s 8 -a 'ownerread|ownerwrite|nt=counter' 0x01500002",
    "tpm2_nvincrement -C o -P ownerpass 0x01500002",
    "tpm2_createprimary -C o -P ownerpass -G ecc -c primary.ctx",
    "tpm2_evictcontrol -C o -P ownerpass -c primary.ctx 0x81000001",
    "tpm2_create -C primary.ctx -i data -u seal.pub -r seal.priv",
    // Stays in the TPM: a session, and an object.
    "command tpm2_startauthsession --policy-session -S session.ctx; tpm2_policypcr -S session.ctx -l sha256:0",
    "command tpm2_createprimary -C n -G ecc -c null.ctx",
  ],
  look: [
    { run: "command tpm2_getcap handles-loaded-session" },
    { run: "command tpm2_getcap handles-transient" },
    { run: "command tpm2_getcap handles-persistent; command tpm2_getcap handles-nv-index" },
    { run: "command tpm2_getcap properties-variable" },
    { run: "command tpm2_pcrread" },
    same("command tpm2_readpublic -c 0x80000000 -o transient.pub -n transient.name", "transient.name"),
    same("command tpm2_createek -G ecc -c ek.ctx -u ek.pub && flush_others", "ek.pub"),
    same("command tpm2_readpublic -c 0x81000001 -o kept.pub -n kept.name", "kept.pub", "kept.name"),
    same("command tpm2_nvread -C o -P ownerpass -o nv 0x01500001", "nv"),
    same("command tpm2_nvread -C o -P ownerpass -o count 0x01500002", "count"),
    same("command tpm2_getpolicydigest -S session.ctx -o policy", "policy"),
    same(
      "command tpm2_load -C 0x81000001 -u seal.pub -r seal.priv -c seal.ctx && flush_others && " +
        "command tpm2_unseal -c seal.ctx -o unsealed && flush_others",
      "unsealed",
    ),
  ],
  goOn: [
    "command tpm2_nvincrement -C o -P ownerpass 0x01500002",
    "command tpm2_pcrextend 23:sha256=$(printf '%064d' 5)",
  ],
};

/** TPM_CreateEndorsementKeyPair, with a nonce of zeros: RSA 2048, OAEP. */
const CREATE_EK = `00c1 00000036 00000078 ${"00".repeat(20)} 00000001 0003 0001 0000000c 00000800 00000002 00000000`;
const TPM12: Journey = {
  fill: [
    send("00c1 0000000c 00000099 0001", 10),
    send(`00c1 00000022 00000014 00000000 ${"11".repeat(20)}`, 30),
    send(CREATE_EK, 10),
  ],
  look: [
    { run: send("00c1 0000000e 00000015 00000000", 30) },
    { run: send("00c1 0000000e 00000015 00000010", 30) },
    // TPM_ReadPubek: the public key, and a digest of it with the nonce.
    { run: send(`00c1 0000001e 0000007c ${"00".repeat(20)}`, 314) },
  ],
  goOn: [send(`00c1 00000022 00000014 00000010 ${"22".repeat(20)}`, 30)],
};

export const JOURNEYS = { "2.0": TPM20, "1.2": TPM12 };
