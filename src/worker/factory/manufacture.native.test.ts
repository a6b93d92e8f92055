/** TPMs as they leave the factory, in native swtpm, looked at by OpenSSL. */
import { X509Certificate } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { NO_BLOB, type TpmState } from "../../backend/port.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import { type SwtpmChild, spawnSwtpm } from "../../node/bridge/swtpm-process.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { encodeCommand, encodeCommand12 } from "../../protocol/tpm2/index.ts";
import { responseCode } from "../../protocol/tpm2/parse.ts";
import { keeping } from "../keeping.ts";
import { ISSUER } from "./certificate.ts";
import { EK_CERTIFICATE, manufacture } from "./manufacture.ts";

const children: SwtpmChild[] = [];
afterEach(() => Promise.all(children.splice(0).map((child) => child.stop())));

/** Opens a kept TPM. @param state what was kept; it becomes what is kept then */
async function open(version: "2.0" | "1.2", kept: { state?: TpmState }, factory = true) {
  const child = await spawnSwtpm({ version });
  children.push(child);
  const opened = keeping(
    async (state) => {
      const backend = new SwtpmBackend(child.channels, { version, owned: true });
      return { backend, info: await backend.start(state ? { state } : {}), label: "" };
    },
    {
      load: async () => kept.state,
      save: async (state) => {
        kept.state = structuredClone({ ...state, volatile: NO_BLOB });
      },
    },
    factory,
  );
  const { backend } = await opened();
  const run = async (command: Uint8Array) => {
    const response = await backend.deliver(0, command);
    expect(responseCode(response)).toBe(0);
    return response;
  };
  await run(
    version === "2.0"
      ? encodeCommand("Startup", { parameters: { startupType: "CLEAR" } })
      : encodeCommand12("Startup", { startupType: 1 }),
  );
  return { backend, run };
}

type Run = Awaited<ReturnType<typeof open>>["run"];

async function nvSize(run: Run, nvIndex: number): Promise<number> {
  const response = await run(encodeCommand("NV_ReadPublic", { handles: { nvIndex } }));
  const view = new DataView(response.buffer, response.byteOffset);
  return view.getUint16(10 + 2 + 4 + 2 + 4 + 2 + view.getUint16(22));
}

async function certificate(run: Run, nvIndex: number): Promise<X509Certificate> {
  const total = await nvSize(run, nvIndex);
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < total; offset += 512) {
    const size = Math.min(512, total - offset);
    const handles = { authHandle: nvIndex, nvIndex };
    const response = await run(encodeCommand("NV_Read", { handles, parameters: { size, offset } }));
    parts.push(response.slice(16, 16 + size));
  }
  return new X509Certificate(Buffer.concat(parts));
}

const readPubek = () => new ByteWriter().u16be(0xc1).u32be(30).u32be(0x7c).zeros(20).finish();

describe("a TPM 2.0 as it leaves the factory", () => {
  it("has certificates of its endorsement keys, which its own issuer has signed, and keeps them", async () => {
    const kept: { state?: TpmState } = {};
    const first = await open("2.0", kept);
    const issuer = await certificate(first.run, EK_CERTIFICATE.issuer);
    expect(issuer.subject).toBe(`CN=${ISSUER}`);
    expect([issuer.ca, issuer.verify(issuer.publicKey), issuer.checkIssued(issuer)]).toEqual([
      true,
      true,
      true,
    ]);
    for (const [kind, type] of [
      ["rsa", "rsa"],
      ["ecc", "ec"],
    ] as const) {
      const ek = await certificate(first.run, EK_CERTIFICATE[kind]);
      expect(ek.checkIssued(issuer) && ek.verify(issuer.publicKey)).toBe(true);
      expect(ek.publicKey.asymmetricKeyType).toBe(type);
      expect(ek.keyUsage).toEqual(["2.23.133.8.1"]);
      expect(ek.raw.includes("id:00001014")).toBe(true);
      expect(ek.ca).toBe(false);
    }
    const fingerprint = (await certificate(first.run, EK_CERTIFICATE.rsa)).fingerprint256;
    await first.backend.shutdown();
    const again = await open("2.0", kept);
    expect((await certificate(again.run, EK_CERTIFICATE.rsa)).fingerprint256).toBe(fingerprint);
  });

  it("that was somebody's before is left as it is: one that runs, and one that has its certificate", async () => {
    const kept: { state?: TpmState } = {};
    const first = await open("2.0", kept);
    const fingerprint = (await certificate(first.run, EK_CERTIFICATE.rsa)).fingerprint256;
    // It runs: nothing is written, and it is not reset.
    await manufacture(first.backend, "2.0", { manufacturer: "", model: "", version: "" });
    expect((await certificate(first.run, EK_CERTIFICATE.rsa)).fingerprint256).toBe(fingerprint);
    await first.backend.reset();
    await manufacture(first.backend, "2.0", { manufacturer: "", model: "", version: "" });
    await first.run(encodeCommand("Startup", { parameters: { startupType: "CLEAR" } }));
    expect((await certificate(first.run, EK_CERTIFICATE.rsa)).fingerprint256).toBe(fingerprint);
  });

  it("that is kept from before is left as it is, and one that nobody asked it for as well", async () => {
    const kept: { state?: TpmState } = {};
    const before = await open("2.0", kept, false);
    await before.backend.shutdown();
    const now = await open("2.0", kept);
    const command = encodeCommand("NV_ReadPublic", { handles: { nvIndex: EK_CERTIFICATE.rsa } });
    expect(responseCode(await now.backend.deliver(0, command))).not.toBe(0);
  });
});

describe("a TPM 1.2 as it leaves the factory", () => {
  it("has an endorsement key, of which anybody may read the public half until there is an owner", async () => {
    const kept: { state?: TpmState } = {};
    const first = await open("1.2", kept);
    const key = Buffer.from(await first.run(readPubek()));
    expect(key.length).toBeGreaterThan(256);
    await first.backend.shutdown();
    const again = await open("1.2", kept);
    const same = Buffer.from(await again.run(readPubek()));
    // The checksum behind the key is over the caller's nonce, which is the same here.
    expect(same.equals(key)).toBe(true);
  });
});
