/** The real hidden machine in Node, restored from its saved state, beside native swtpm. Needs `npm run kernel`. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { V86 } from "v86";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { startNativeBackend } from "../../node/bridge/native-backend.ts";
import { Cache } from "../../node/images/cache.ts";
import { ImageSet, readImage } from "../../node/images/image-set.ts";
import { TPM2_CreatePrimary } from "../../node/tools/bench-hidden-commands.ts";
import { toHex } from "../../protocol/bytes/hex.ts";
import {
  TPM_PCRRead,
  TPM_Startup,
  TPM2_GetRandom,
  TPM2_PCR_Extend,
  TPM2_PCR_Read,
  TPM2_Startup,
} from "../../protocol/tpm2/build.ts";
import { parseGetRandom, parsePcrRead, parsePcrRead12, responseCode } from "../../protocol/tpm2/parse.ts";
import { SwtpmBackend } from "../swtpm-backend.ts";
import { HiddenMachineError } from "./errors.ts";
import { type HiddenImages, HiddenMachine, type StartOptions } from "./machine.ts";

const WASM = new Uint8Array(readFileSync(fileURLToPath(import.meta.resolve("v86/build/v86.wasm"))));
const LIMIT = 60_000;
const KEY_LIMIT = 180_000;

let images: HiddenImages;
const machines: HiddenMachine[] = [];

beforeAll(async () => {
  const set = await new ImageSet(new Cache(), () => {}).read();
  const { bios, vgaBios, hiddenState } = set.manifest;
  if (!hiddenState) throw new Error("the hidden machine's state is missing: run `npm run kernel`");
  const load = async (file: typeof bios) => (await readImage(set, file)).buffer;
  images = { bios: await load(bios), vgaBios: await load(vgaBios), state: await load(hiddenState) };
}, LIMIT);

afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.stop();
});

async function restore(): Promise<HiddenMachine> {
  const machine = await HiddenMachine.boot({ V86, wasm: WASM, images });
  machines.push(machine);
  return machine;
}

async function backendOf(machine: HiddenMachine, options: StartOptions): Promise<SwtpmBackend> {
  // A TPM 1.2 makes its RSA keys within CMD_INIT.
  const timeouts = { control: KEY_LIMIT };
  return new SwtpmBackend(await machine.start(options), { version: options.version, owned: true, timeouts });
}

const PCR_READ = TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [0, 1, 2, 3] }]);
const pcrs = async (backend: SwtpmBackend) =>
  parsePcrRead(await backend.deliver(0, PCR_READ)).values.map(({ digest }) => toHex(digest));

describe("the hidden machine", () => {
  it("runs a TPM 2.0, and after its end another one in its place", { timeout: LIMIT }, async () => {
    const machine = await restore();
    for (const byte of [0x11, 0x22]) {
      const backend = await backendOf(machine, { version: "2.0" });
      const info = await backend.start();
      expect(info.bufferSize).toBe(4096);
      expect(responseCode(await backend.deliver(0, TPM2_Startup()))).toBe(0);
      const extend = TPM2_PCR_Extend(0, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(byte) }]);
      expect(responseCode(await backend.deliver(0, extend))).toBe(0);
      expect((await pcrs(backend))[0]).not.toBe("00".repeat(32));
      expect((await pcrs(backend))[1]).toBe("00".repeat(32));
      await backend.shutdown();
      await machine.idle();
    }
  });

  it("makes the same RSA key with the host's arithmetic as without, and as native swtpm does", {
    timeout: KEY_LIMIT,
  }, async () => {
    const native = await startNativeBackend();
    const create = TPM2_CreatePrimary("rsa", 1);
    const unique = async (backend: SwtpmBackend) => toHex(await backend.deliver(0, create)).slice(0, -300);
    try {
      await native.backend.deliver(0, TPM2_Startup());
      const state = await native.backend.getState();
      const key = await unique(native.backend);
      for (const modexp of [true, false]) {
        const backend = await backendOf(await restore(), { version: "2.0", modexp });
        await backend.start({ state });
        expect(await unique(backend)).toBe(key);
      }
    } finally {
      await native.stop();
    }
  });

  it("runs a TPM 1.2", { timeout: KEY_LIMIT }, async () => {
    const backend = await backendOf(await restore(), { version: "1.2" });
    await backend.start();
    expect(responseCode(await backend.deliver(0, TPM_Startup()))).toBe(0);
    expect(toHex(parsePcrRead12(await backend.deliver(0, TPM_PCRRead(0))))).toBe("00".repeat(20));
  });

  it("starts one TPM at a time", { timeout: LIMIT }, async () => {
    const machine = await restore();
    await machine.start({ version: "2.0" });
    await expect(machine.start({ version: "2.0" })).rejects.toThrow(HiddenMachineError);
    await expect(machine.saveState()).rejects.toThrow(HiddenMachineError);
  });

  it("takes the state of a native TPM and gives it back", { timeout: LIMIT }, async () => {
    const native = await startNativeBackend();
    let state: Awaited<ReturnType<SwtpmBackend["getState"]>>;
    let before: string[];
    try {
      await native.backend.deliver(0, TPM2_Startup());
      const extend = TPM2_PCR_Extend(2, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(7) }]);
      await native.backend.deliver(0, extend);
      before = await pcrs(native.backend);
      state = await native.backend.getState();
    } finally {
      await native.stop();
    }
    const hidden = await backendOf(await restore(), { version: "2.0" });
    await hidden.start({ state });
    expect(await pcrs(hidden)).toEqual(before);
    const back = await startNativeBackend({ state: await hidden.getState() });
    try {
      expect(await pcrs(back.backend)).toEqual(before);
    } finally {
      await back.stop();
    }
  });
});

describe("entropy", () => {
  async function sampleOf(reseed: boolean): Promise<{ sample: string; random: string }> {
    let sample = "";
    const machine = await restore();
    const backend = await backendOf(machine, {
      version: "2.0",
      reseed,
      onSample: (bytes) => {
        sample = toHex(bytes);
      },
    });
    await backend.start();
    await backend.deliver(0, TPM2_Startup());
    const random = toHex(parseGetRandom(await backend.deliver(0, TPM2_GetRandom(16))));
    await machine.stop();
    return { sample, random };
  }

  it("is fresh in each machine from one saved state", { timeout: 2 * LIMIT }, async () => {
    const seen = [];
    for (let i = 0; i < 4; i++) seen.push(await sampleOf(true));
    expect(new Set(seen.map(({ sample }) => sample)).size).toBe(seen.length);
    expect(new Set(seen.map(({ random }) => random)).size).toBe(seen.length);
  });

  it("is what makes the difference: without it, machines share their generator", {
    timeout: LIMIT,
  }, async () => {
    const [first, second] = [await sampleOf(false), await sampleOf(false)];
    expect(first.sample).toHaveLength(64);
    expect(second.sample).toBe(first.sample);
  });
});
