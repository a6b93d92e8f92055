/**
 * What the maker of a TPM does before it is sold, as `swtpm_setup` does it: endorsement keys, and for a TPM 2.0 their
 * certificates in NV, where tools look for them (TCG EK Credential Profile 2.5, section 2.2.1.4).
 */
import type { TpmBackend } from "../../backend/port.ts";
import { fromHex } from "../../protocol/bytes/hex.ts";
import { viewOf } from "../../protocol/bytes/view.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { encodeCommand, encodeCommand12 } from "../../protocol/tpm2/index.ts";
import { commandCode, responseCode, TpmResponseError } from "../../protocol/tpm2/parse.ts";
import { type EndorsementPublic, Issuer, type TpmModel } from "./certificate.ts";

/** NV indices: the certificates of the RSA and ECC keys, and of who issued them. */
export const EK_CERTIFICATE = { rsa: 0x01c0_0002, ecc: 0x01c0_000a, issuer: 0x01c0_0100 } as const;

/**
 * PLATFORMCREATE, NO_DA, AUTHREAD, OWNERREAD, PPREAD, WRITEDEFINE, PPWRITE: anybody reads it, the platform alone writes,
 * and TPM2_Clear leaves it.
 */
const ATTRIBUTES = 0x4207_2001;
const PLATFORM = 0x4000_000c;
const ENDORSEMENT = 0x4000_000b;
/** Bytes of one write to NV, within what every TPM takes. */
const NV_PIECE = 512;
/** PolicySecret of the endorsement hierarchy (TCG EK Credential Profile 2.5, annex B.6). */
const POLICY = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
/** TPM_ALG_*, TPM_ECC_NIST_P256. */
const ALG = { RSA: 1, AES: 6, SHA256: 0xb, NULL: 0x10, ECC: 0x23, CFB: 0x43, P256: 3 } as const;
/** FIXEDTPM, FIXEDPARENT, SENSITIVEDATAORIGIN, ADMINWITHPOLICY, RESTRICTED, DECRYPT. */
const EK_ATTRIBUTES = 0x0003_00b2;
/** RSA-2048 and P-256 (annex B.3.3 and B.3.4: templates L-1 and L-2). */
const KINDS = ["rsa", "ecc"] as const;

/**
 * Makes a TPM that is powered on for the first time what it is when it leaves the factory, and powers it on again. One
 * that runs already, or has its key's certificate, has been somebody's before, and is left as it is; and so is one on a
 * page that is not secure, where there is nothing to sign certificates with.
 * @param model what certificates say of it
 * @throws {TpmResponseError} when the TPM refuses any of it; it is not to be kept then.
 */
export async function manufacture(
  backend: TpmBackend,
  version: "2.0" | "1.2",
  model: TpmModel,
): Promise<void> {
  const { startup, key } = FIRST[version];
  if (!globalThis.crypto?.subtle || !(await succeeds(backend, startup()))) return;
  if (!(await succeeds(backend, key()))) {
    if (version === "2.0") await certify(backend, model);
    else await createEndorsementKey(backend);
  }
  await backend.reset();
}

/** By version: what starts a TPM, and what fails until it has its key, or the certificate of it. */
const FIRST = {
  "2.0": {
    startup: () => encodeCommand("Startup", { parameters: { startupType: "CLEAR" } }),
    key: () => encodeCommand("NV_ReadPublic", { handles: { nvIndex: EK_CERTIFICATE.rsa } }),
  },
  "1.2": {
    startup: () => encodeCommand12("Startup", { startupType: 1 }),
    // TPM_ReadPubek (Part 3, 14.4), with a nonce of zeros.
    key: () => new ByteWriter().u16be(0x00c1).u32be(30).u32be(0x7c).zeros(20).finish(),
  },
} as const;

async function succeeds(backend: TpmBackend, command: Uint8Array): Promise<boolean> {
  return responseCode(await backend.deliver(0, command)) === 0;
}

async function certify(backend: TpmBackend, model: TpmModel): Promise<void> {
  const issuer = await Issuer.make();
  for (const kind of KINDS) {
    const response = await run(backend, createPrimary(kind));
    const handle = viewOf(response).getUint32(10);
    await run(backend, encodeCommand("FlushContext", { parameters: { flushHandle: handle } }));
    await store(
      backend,
      EK_CERTIFICATE[kind],
      await issuer.certify(endorsementPublic(kind, response), model),
    );
  }
  await store(backend, EK_CERTIFICATE.issuer, issuer.certificate);
  await run(backend, encodeCommand("Shutdown", { parameters: { shutdownType: "CLEAR" } }));
}

async function store(backend: TpmBackend, nvIndex: number, data: Uint8Array): Promise<void> {
  const publicInfo = { nvIndex, nameAlg: "SHA256", attributes: ATTRIBUTES, dataSize: data.length };
  await run(
    backend,
    encodeCommand("NV_DefineSpace", {
      handles: { authHandle: PLATFORM },
      parameters: { auth: "", publicInfo },
    }),
  );
  for (let offset = 0; offset < data.length; offset += NV_PIECE) {
    const piece = data.subarray(offset, offset + NV_PIECE);
    await run(
      backend,
      encodeCommand("NV_Write", {
        handles: { authHandle: PLATFORM, nvIndex },
        parameters: { data: piece, offset },
      }),
    );
  }
}

function createPrimary(kind: (typeof KINDS)[number]): Uint8Array {
  const template = new ByteWriter()
    .u16be(kind === "rsa" ? ALG.RSA : ALG.ECC)
    .u16be(ALG.SHA256)
    .u32be(EK_ATTRIBUTES)
    .u16be(32)
    .bytes(fromHex(POLICY))
    .u16be(ALG.AES)
    .u16be(128)
    .u16be(ALG.CFB)
    .u16be(ALG.NULL);
  if (kind === "rsa") template.u16be(2048).u32be(0).u16be(256).zeros(256);
  else template.u16be(ALG.P256).u16be(ALG.NULL).u16be(32).zeros(32).u16be(32).zeros(32);
  return new ByteWriter()
    .u16be(0x8002)
    .u32be(10 + 4 + 4 + 9 + 6 + 2 + template.length + 2 + 4)
    .u32be(0x131)
    .u32be(ENDORSEMENT)
    .u32be(9) // one authorization, by an empty password
    .u32be(0x4000_0009)
    .zeros(5)
    .u16be(4) // neither a password nor data of the key's own
    .zeros(4)
    .u16be(template.length)
    .bytes(template.finish())
    .zeros(2 + 4) // no outside information, no PCRs
    .finish();
}

/** The key in what TPM2_CreatePrimary gave: handle, size of the parameters, TPM2B_PUBLIC. */
function endorsementPublic(kind: (typeof KINDS)[number], response: Uint8Array): EndorsementPublic {
  const view = viewOf(response);
  const sized = (at: number) => response.slice(at + 2, at + 2 + view.getUint16(at));
  const unique = 20 + 2 + 2 + 4 + 2 + 32 + 6 + 2;
  if (kind === "rsa") return { kind, modulus: sized(unique + 2 + 4) };
  const x = sized(unique + 2 + 2);
  return { kind, x: padded(x), y: padded(sized(unique + 2 + 2 + 2 + x.length)) };
}

/** A TPM may leave zeros in front out. */
function padded(coordinate: Uint8Array): Uint8Array {
  const whole = new Uint8Array(32);
  whole.set(coordinate, 32 - coordinate.length);
  return whole;
}

/** A TPM 1.2 (Part 3, 14.1): RSA-2048, for OAEP. */
async function createEndorsementKey(backend: TpmBackend): Promise<void> {
  const antiReplay = crypto.getRandomValues(new Uint8Array(20));
  const parameters = new ByteWriter().u32be(1).u16be(3).u16be(1).u32be(12).u32be(2048).u32be(2).u32be(0);
  await run(
    backend,
    new ByteWriter()
      .u16be(0x00c1)
      .u32be(10 + 20 + parameters.length)
      .u32be(0x78)
      .bytes(antiReplay)
      .bytes(parameters.finish())
      .finish(),
  );
}

async function run(backend: TpmBackend, command: Uint8Array): Promise<Uint8Array> {
  const response = await backend.deliver(0, command);
  const code = responseCode(response);
  if (code === 0) return response;
  const name = commandCode(command)?.toString(16);
  throw new TpmResponseError(
    `the new TPM could not be given its keys: it answers command ${name} with ${code?.toString(16)}`,
    code,
  );
}
