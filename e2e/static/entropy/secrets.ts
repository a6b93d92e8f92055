/** What no two TPMs may have in common: keys that follow from the hierarchies' seeds, and random numbers. */

import { fromHex, toHex } from "../../../src/protocol/bytes/hex.ts";
import { ByteReader } from "../../../src/protocol/bytes/reader.ts";
import { ByteWriter } from "../../../src/protocol/bytes/writer.ts";
import {
  TPM_ST_SESSIONS,
  TPM2_GetRandom,
  TPM2_Startup,
  withHeader,
} from "../../../src/protocol/tpm2/build.ts";
import { parseGetRandom, responseCode } from "../../../src/protocol/tpm2/parse.ts";

const TPM2_CC_CreatePrimary = 0x131;
const TPM_RS_PW = 0x4000_0009;
/** TPM_RH_ENDORSEMENT, TPM_RH_OWNER, TPM_RH_PLATFORM. */
const HIERARCHIES = { endorsement: 0x4000_000b, owner: 0x4000_0001, platform: 0x4000_000c } as const;
type Hierarchy = keyof typeof HIERARCHIES;

/** ECC, SHA-256, up to the attributes; after the policy: AES-128 CFB, no scheme, NIST P-256, no KDF. */
const HEAD = "0023000b";
const TAIL = "0006008000430010 0003 0010".replaceAll(" ", "");
/** Template L-2 of the TCG EK Credential Profile 2.0, B.3.4, with its policy: the holder of endorsement authorization. */
const EK = `${HEAD}000300b2 0020 837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa ${TAIL} 0020${"00".repeat(32)} 0020${"00".repeat(32)}`;
/** A storage key as tpm2-tools makes primary keys. */
const STORAGE = `${HEAD}00030072 0000 ${TAIL} 0000 0000`;

function createPrimary(hierarchy: Hierarchy): Uint8Array {
  const template = fromHex((hierarchy === "endorsement" ? EK : STORAGE).replaceAll(" ", ""));
  const body = new ByteWriter().u32be(HIERARCHIES[hierarchy]);
  body.u32be(9).u32be(TPM_RS_PW).u16be(0).u8(0).u16be(0);
  body.u16be(4).u16be(0).u16be(0);
  body.u16be(template.length).bytes(template).u16be(0).u32be(0);
  return withHeader(TPM_ST_SESSIONS, TPM2_CC_CreatePrimary, body);
}

/** The point at the end of the public area: x and y, as hex. */
function publicPoint(response: Uint8Array): string {
  const reader = new ByteReader(response.subarray(18));
  const area = reader.take(reader.u16be());
  return toHex(area.subarray(area.length - 68));
}

/** A TPM's secrets, as far as it lets one see. */
export type Secrets = Record<Hierarchy | "random", string>;

/** Starts a TPM that has just been made, and asks it for keys and for 32 random bytes. */
export async function secretsOf(execute: (command: Uint8Array) => Promise<Uint8Array>): Promise<Secrets> {
  const succeed = async (command: Uint8Array) => {
    // The first use of an authorization may be answered with TPM_RC_RETRY.
    for (let attempt = 0; ; attempt++) {
      const response = await execute(command);
      const code = responseCode(response);
      if (code === 0) return response;
      if (code !== 0x922 || attempt > 2) throw new Error(`response code 0x${code?.toString(16)}`);
    }
  };
  await succeed(TPM2_Startup());
  const random = toHex(parseGetRandom(await succeed(TPM2_GetRandom(32))));
  const keys = { endorsement: "", owner: "", platform: "" };
  for (const hierarchy of Object.keys(keys) as Hierarchy[])
    keys[hierarchy] = publicPoint(await succeed(createPrimary(hierarchy)));
  return { ...keys, random };
}
