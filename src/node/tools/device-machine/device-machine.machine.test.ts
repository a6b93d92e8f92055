/** The bridge on devices of a real kernel: a TPM behind tpm-tis, one of the vTPM proxy, and one of CUSE's. */
import { createPublicKey, verify } from "node:crypto";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SwtpmBackend } from "../../../backend/swtpm-backend.ts";
import { connectBridge } from "../../../backend/websocket.ts";
import { fromHex, toHex } from "../../../protocol/bytes/hex.ts";
import { ByteReader } from "../../../protocol/bytes/reader.ts";
import { build } from "../../../protocol/tpm2/index.ts";
import { responseCode } from "../../../protocol/tpm2/parse.ts";
import { NodeWebSocket } from "../../bridge/test-server.ts";
import { CUSE_TPM, type DeviceMachine, startDeviceMachine } from "./device-machine.ts";

/** To the bridges, on a busy host; in milliseconds. */
const BOOT_MS = 600_000;
const PORTS = { chip: 8766, cuse: 8767, proxy: 8768 };
const NODE = process.execPath;
const ROOT = join(import.meta.dirname, "../../../..");
/** Within the project, where its packages are found. */
const OUT = join(ROOT, "test-results/device-machine");
const BRIDGE = `${NODE} '${join(OUT, "bridge.mjs")}' --allow-origin https://example.org`;

const SCRIPT = `
mkdir /run/cuse /run/proxy
swtpm socket --tpm2 --tpmstate dir=/run/cuse --ctrl type=tcp,port=2322 --server type=tcp,port=2321 >/dev/null 2>&1 &
swtpm chardev --tpm2 --vtpm-proxy --tpmstate dir=/run/proxy &
until [ -e /dev/tpm1 ] && python3 -c 'import socket; socket.create_connection(("127.0.0.1", 2322))'; do sleep 1; done 2>/dev/null
python3 '${CUSE_TPM}' vtpm-test 2322 2321 &
${BRIDGE} --port ${PORTS.chip} --tpm /dev/tpmrm0 &
${BRIDGE} --port ${PORTS.cuse} --chardev /dev/vtpm-test &
${BRIDGE} --port ${PORTS.proxy} --tpm /dev/tpm1 --allow all &
`;

/** TPM2_CreatePrimary: a restricted signing key on the curve P-256, ECDSA with SHA-256, of the endorsement hierarchy. */
const ATTESTATION_KEY =
  "8002 00000041 00000131 4000000b 00000009 40000009 0000 00 0000 0004 0000 0000 0018" +
  "0023 000b 00050472 0000 0010 0018 000b 0003 0010 0000 0000 0000 00000000";
const PCRS = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [0, 1, 2, 3, 4, 5, 6, 7] }]);
const PCR = (index: number) => build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [index] }]);
const MANUFACTURER = build.TPM2_GetCapability(6, 0x105, 1);
const CLEAR = "8002 0000001b 00000126 4000000a 00000009 40000009 0000 00 0000";

/** The bridge's command in one file: a machine that emulates its processor is slow to compile many. */
async function bundleBridge() {
  const bundled = await rolldown({
    input: { bridge: join(ROOT, "src/node/bridge/main.ts") },
    external: (id) => isBuiltin(id) || id === "bufferutil" || id === "utf-8-validate",
    platform: "node",
  });
  await bundled.write({ dir: OUT, format: "esm", entryFileNames: "[name].mjs" });
  await bundled.close();
}

let machine: DeviceMachine;
beforeAll(async () => {
  await bundleBridge();
  machine = await startDeviceMachine({ script: SCRIPT, ports: Object.values(PORTS) });
  // In whatever order they come.
  await machine.watch.expect(["/tpm\r", "/tpm\r", "/tpm\r"], BOOT_MS);
}, BOOT_MS);
afterAll(() => machine?.close());

const urlOf = (name: keyof typeof PORTS) =>
  `http://127.0.0.1:${machine.ports[Object.keys(PORTS).indexOf(name)]}/tpm`;

async function session(name: keyof typeof PORTS) {
  const { channels, ...rest } = await connectBridge(urlOf(name), {
    version: "2.0",
    WebSocket: NodeWebSocket,
  });
  const backend = new SwtpmBackend(channels, { version: "2.0", ...rest });
  return { backend, info: await backend.start() };
}

const run = (backend: SwtpmBackend, command: Uint8Array | string) =>
  backend.deliver(0, typeof command === "string" ? fromHex(command.replaceAll(" ", "")) : command);

/** The next session finds the TPM free. */
async function left(name: keyof typeof PORTS, backend: SwtpmBackend) {
  await backend.shutdown();
  await expect
    .poll(async () => ((await (await fetch(urlOf(name))).json()) as { sessions: number }).sessions, {
      timeout: 30_000,
    })
    .toBe(0);
}

const sized = (reader: ByteReader) => reader.take(reader.u16be()).slice();
const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

/** After the header: a key's handle, the size of the parameters, and its public area. */
function publicPoint(response: Uint8Array) {
  const reader = new ByteReader(response.subarray(10));
  const handle = reader.u32be();
  reader.take(4);
  const area = new ByteReader(sized(reader));
  // Type, name algorithm, attributes, policy, symmetric (null), scheme with its hash, curve, KDF (null).
  area.take(2 + 2 + 4);
  sized(area);
  area.take(2 + 4 + 2 + 2);
  return { handle, x: sized(area), y: sized(area) };
}

describe("the TPM of the host", { timeout: 120_000 }, () => {
  it("quotes its PCRs with a key of the page's, as can be verified elsewhere", async () => {
    const { backend, info } = await session("chip");
    expect(info.capabilities).toMatchObject({ state: false, reset: false, cancel: false });
    expect(responseCode(await run(backend, build.TPM2_Startup()))).toBe(0x100);
    const created = await run(backend, ATTESTATION_KEY);
    expect(responseCode(created)).toBe(0);
    const { handle, x, y } = publicPoint(created);
    const nonce = "112233445566778899aabbccddeeff00";
    const quoted = await run(
      backend,
      `8002 00000039 00000158 ${handle.toString(16)} 00000009 40000009 0000 00 0000 0010 ${nonce} 0010 00000001 000b 03 ff0000`,
    );
    expect(responseCode(quoted)).toBe(0);
    const reader = new ByteReader(quoted.subarray(14));
    const attest = sized(reader);
    reader.take(4);
    const key = createPublicKey({
      key: { kty: "EC", crv: "P-256", x: base64url(x), y: base64url(y) },
      format: "jwk",
    });
    const signature = Buffer.concat(
      [sized(reader), sized(reader)].map((part) => Buffer.from(part).subarray(-32)),
    );
    expect(verify("sha256", attest, { key, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);
    expect(toHex(attest)).toContain(nonce);
    // The host's firmware has measured into them.
    expect(toHex((await run(backend, PCRS)).slice(-32 * 8))).not.toContain("00".repeat(32));
    await left("chip", backend);
  });

  it("refuses what could harm its owner, and more than one page at a time", async () => {
    const { backend } = await session("chip");
    expect(responseCode(await run(backend, CLEAR))).toBe(0x143);
    await expect(session("chip")).rejects.toMatchObject({ status: 409 });
    await expect(backend.getState()).rejects.toThrow("cannot give its state");
    expect(responseCode(await run(backend, MANUFACTURER))).toBe(0);
    await left("chip", backend);
  });
});

describe("a TPM of the vTPM proxy", { timeout: 120_000 }, () => {
  it("is served by its device, and cannot be switched off", async () => {
    const { backend, info } = await session("proxy");
    expect(info.capabilities).toMatchObject({ state: false, reset: false });
    // The kernel has started it.
    expect(responseCode(await run(backend, build.TPM2_Startup()))).toBe(0x100);
    const before = toHex(await run(backend, PCR(0)));
    const extend = build.TPM2_PCR_Extend(0, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(1) }]);
    expect(responseCode(await run(backend, extend))).toBe(0);
    expect(toHex(await run(backend, PCR(0)))).not.toBe(before);
    await left("proxy", backend);
  });
});

describe("a TPM of CUSE's", { timeout: 240_000 }, () => {
  it("gives and takes its state, is reset, and measures a dynamic launch, by ioctls", async () => {
    const { backend, info } = await session("cuse");
    expect(info.capabilities).toEqual({ state: true, reset: true, cancel: true, locality: true, hash: true });
    expect(info.description).toContain("the TPM at /dev/vtpm-test (id:00001014)");
    expect(responseCode(await run(backend, build.TPM2_Startup()))).toBe(0);
    expect(await backend.establishmentFlag()).toBe(false);
    await backend.measureLaunch(Buffer.from("1234"));
    expect(await backend.establishmentFlag()).toBe(true);
    const launched = toHex((await run(backend, PCR(17))).slice(-32));
    expect(launched).toMatch(/^fca5d649.*b454$/);
    const state = await backend.getState();
    // In pieces: no ioctl carries that much.
    expect(state.volatile.bytes.length).toBeGreaterThan(3072);
    await backend.resetEstablishmentFlag(4);
    expect(await backend.establishmentFlag()).toBe(false);
    await backend.reset();
    expect(responseCode(await run(backend, build.TPM2_Startup()))).toBe(0);
    expect(toHex((await run(backend, PCR(17))).slice(-32))).toBe("ff".repeat(32));
    await left("cuse", backend);
    const again = await session("cuse");
    await again.backend.reset(state);
    expect(toHex((await run(again.backend, PCR(17))).slice(-32))).toBe(launched);
    await left("cuse", again.backend);
  });
});
