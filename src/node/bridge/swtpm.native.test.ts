/** The swtpm client against the real swtpm, for both TPM versions. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { BackendClosedError, BackendVersionError, StateRefusedError } from "../../backend/errors.ts";
import type { TpmState } from "../../backend/port.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { SwtpmError } from "../../protocol/swtpm/commands.ts";
import { type NativeBackend, type NativeBackendOptions, startNativeBackend } from "./native-backend.ts";
import { spawnSwtpm } from "./swtpm-process.ts";

/** A busy computer takes its time, a TPM 1.2 that makes its first keys most of all. */
const LIMIT = { timeout: 20_000 };

/** Puts tag, length and code before the rest of a command. */
function message(tag: string, code: string, rest: string): string {
  const body = rest.replaceAll(" ", "");
  return `${tag}${(10 + body.length / 2).toString(16).padStart(8, "0")}${code}${body}`;
}

/** A handle with the empty password. */
const withPassword = (handle: string) => `${handle} 00000009 40000009 0000 00 0000`;

/** TPM2_CreatePrimary in the owner hierarchy; the same template gives the same key as long as the seed is the same. */
function createPrimary(type: string, parameters: string): string {
  const template = `${type} 000b 00030472 0000 0006 0080 0043 0010 ${parameters}`.replaceAll(" ", "");
  const size = (template.length / 2).toString(16).padStart(4, "0");
  return message(
    "8002",
    "00000131",
    `${withPassword("40000001")} 0004 0000 0000 ${size}${template} 0000 00000000`,
  );
}

const TPM2 = {
  startup: message("8001", "00000144", "0000"),
  shutdownState: message("8001", "00000145", "0001"),
  readPcrs: (bits: string) => message("8001", "0000017e", `00000001 000b 03 ${bits}`),
  extend: (pcr: string) =>
    message("8002", "00000182", `${withPassword(`000000${pcr}`)} 00000001 000b ${"11".repeat(32)}`),
  eccKey: createPrimary("0023", "0003 0010 0000 0000"),
  /** Takes long enough to be interrupted. */
  rsaKey: createPrimary("0001", "0800 00000000 0000"),
};
const TPM12 = {
  startup: "00c1 0000000c 00000099 0001",
  readPcr: (pcr: string) => `00c1 0000000e 00000015 000000${pcr}`,
  extend: (pcr: string) => `00c1 00000022 00000014 000000${pcr} ${"11".repeat(20)}`,
};

const running: NativeBackend[] = [];
afterEach(async () => {
  for (const native of running.splice(0)) await native.swtpm.stop();
});

async function start(options: NativeBackendOptions = {}) {
  const native = await startNativeBackend(options);
  running.push(native);
  const failures: Error[] = [];
  native.backend.onFailure = (error) => failures.push(error);
  const run = async (hex: string, locality = 0) =>
    toHex(await native.backend.deliver(locality, fromHex(hex)));
  return { ...native, failures, run };
}

/** Response code of a response in hex. */
const code = (response: string) => response.slice(12, 20);
/** The last `bytes` bytes. */
const tail = (response: string, bytes: number) => response.slice(-2 * bytes);
const ZERO_PCR = "00".repeat(32);

describe("TPM 2.0", LIMIT, () => {
  it("starts, says what it is, and answers", async () => {
    const { info, run } = await start();
    expect(info).toMatchObject({ version: "2.0", bufferSize: 4096 });
    expect(info.description).toMatch(/^swtpm \d+\.\d+.* \(id:00001014\), firmware \d+$/);
    expect(code(await run(TPM2.startup))).toBe("00000000");
    expect(code(await run(TPM2.startup))).toBe("00000100");
  });

  it("runs each command at its locality", async () => {
    const { run } = await start();
    await run(TPM2.startup);
    // PCR 17 takes extends from localities 2 to 4, PCR 20 from 1 to 4 (PC Client profile).
    expect(code(await run(TPM2.extend("11"), 0))).toBe("00000907");
    expect(code(await run(TPM2.extend("11"), 4))).toBe("00000000");
    expect(code(await run(TPM2.extend("11"), 1))).toBe("00000907");
    expect(code(await run(TPM2.extend("14"), 1))).toBe("00000000");
    expect(code(await run(TPM2.extend("14"), 0))).toBe("00000907");
  });

  it("keeps commands in the order of the calls", async () => {
    const { run } = await start();
    const answers = await Promise.all([
      run(TPM2.startup),
      ...Array.from({ length: 20 }, () => run(TPM2.extend("10"))),
      run(TPM2.readPcrs("000001")),
    ]);
    expect(answers.slice(0, -1).map(code)).toEqual(Array(21).fill("00000000"));
    expect(tail(answers.at(-1)!, 32)).not.toBe(ZERO_PCR);
  });

  it("gives fresh PCRs and the same keys after a reset", async () => {
    const { backend, run } = await start();
    await run(TPM2.startup);
    await run(TPM2.extend("10"));
    const key = await run(TPM2.eccKey);
    await backend.reset();
    expect(code(await run(TPM2.readPcrs("000001")))).toBe("00000100");
    expect(code(await run(TPM2.startup))).toBe("00000000");
    expect(tail(await run(TPM2.readPcrs("000001")), 32)).toBe(ZERO_PCR);
    expect(publicPart(await run(TPM2.eccKey))).toBe(publicPart(key));
  });

  it("resets in order behind a command that runs", async () => {
    const { backend, run } = await start();
    await run(TPM2.startup);
    const [key, , after] = await Promise.all([
      run(TPM2.rsaKey),
      backend.reset(),
      run(TPM2.readPcrs("000001")),
    ]);
    expect(code(key)).toBe("00000000");
    expect(code(after)).toBe("00000100");
  });

  it("moves its whole state to a new swtpm: PCRs, keys, no second startup", async () => {
    const first = await start();
    await first.run(TPM2.startup);
    await first.run(TPM2.extend("10"));
    const pcr = tail(await first.run(TPM2.readPcrs("000001")), 32);
    const key = await first.run(TPM2.eccKey);
    const state = await first.backend.getState();
    expect(state.permanent.bytes.length).toBeGreaterThan(1000);
    await first.stop();

    const second = await start({ state });
    expect(tail(await second.run(TPM2.readPcrs("000001")), 32)).toBe(pcr);
    expect(publicPart(await second.run(TPM2.eccKey))).toBe(publicPart(key));
    // The permanent state is the new swtpm's own now, and the volatile state does not come back by itself.
    await second.backend.reset();
    expect(code(await second.run(TPM2.startup))).toBe("00000000");
    expect(tail(await second.run(TPM2.readPcrs("000001")), 32)).toBe(ZERO_PCR);
    expect(publicPart(await second.run(TPM2.eccKey))).toBe(publicPart(key));
  });

  it("carries a saved state (TPM2_Shutdown(STATE)) as well", async () => {
    const first = await start();
    await first.run(TPM2.startup);
    await first.run(TPM2.extend("0a"));
    const pcr = tail(await first.run(TPM2.readPcrs("000400")), 32);
    expect(code(await first.run(TPM2.shutdownState))).toBe("00000000");
    const state = await first.backend.getState();
    expect((await first.backend.getStateBlob("permanent")).bytes).toEqual(state.permanent.bytes);
    // A machine that was switched off keeps what is permanent; TPM2_Startup(STATE) brings the PCRs back.
    const off = { ...state, volatile: { bytes: new Uint8Array(0), flags: 0 } };
    const second = await start({ state: off });
    expect(code(await second.run(message("8001", "00000144", "0001")))).toBe("00000000");
    expect(tail(await second.run(TPM2.readPcrs("000400")), 32)).toBe(pcr);
  });

  it.each(["permanent", "volatile"] as const)("never powers on after a damaged %s blob", async (name) => {
    const first = await start();
    await first.run(TPM2.startup);
    const state = await first.backend.getState();
    await first.stop();
    // Past the header of the blob and near its end, where only a checksum or a magic number notices.
    state[name].bytes[name === "permanent" ? 12 : state[name].bytes.length - 30]! ^= 0x10;
    await expectRefused(name, state);
  });

  it("tells the establishment flag and resets it from localities 3 and 4 only", async () => {
    const { backend, run } = await start();
    await run(TPM2.startup);
    expect(await backend.establishmentFlag()).toBe(false);
    await expect(backend.resetEstablishmentFlag(0)).rejects.toMatchObject({
      name: "SwtpmError",
      command: "CMD_RESET_TPMESTABLISHED",
      result: 0x3d,
    });
    await backend.resetEstablishmentFlag(3);
    await backend.resetEstablishmentFlag(4);
    expect(code(await run(TPM2.readPcrs("000001")))).toBe("00000000");
  });

  it("takes a cancel for a command that runs, and goes on", async () => {
    const { backend, run, failures } = await start();
    await run(TPM2.startup);
    const cancel = new AbortController();
    const key = backend.deliver(0, fromHex(TPM2.rsaKey), { signal: cancel.signal });
    const waiting = new AbortController();
    const dropped = backend.deliver(0, fromHex(TPM2.extend("0a")), { signal: waiting.signal });
    const next = run(TPM2.readPcrs("000400"));
    cancel.abort();
    waiting.abort();
    // swtpm reads its control channel between commands: the key is made before the cancel is seen.
    expect(code(toHex(await dropped))).toBe("00000909");
    expect(code(toHex(await key))).toMatch(/^00000(000|909)$/);
    expect(tail(await next, 32)).toBe("00".repeat(32));
    cancel.abort();
    expect(code(await run(TPM2.readPcrs("000001")))).toBe("00000000");
    expect(failures).toEqual([]);
  });

  it("fails at once and once when swtpm is killed in the middle of a command", async () => {
    const { backend, swtpm, run, failures } = await start();
    await run(TPM2.startup);
    const command = run(TPM2.rsaKey);
    const queued = run(TPM2.readPcrs("000001"));
    process.kill(swtpm.pid, "SIGKILL");
    await expect(command).rejects.toBeInstanceOf(BackendClosedError);
    await expect(queued).rejects.toBeInstanceOf(BackendClosedError);
    expect(failures).toHaveLength(1);
    expect(await swtpm.exited).toContain("SIGKILL");
    await expect(run(TPM2.startup)).rejects.toBeInstanceOf(BackendClosedError);
    await expect(backend.reset()).rejects.toBeInstanceOf(BackendClosedError);
    await backend.shutdown();
  });
});

describe("TPM 1.2", LIMIT, () => {
  it("starts, extends at its localities, starts over on reset", async () => {
    const { info, backend, run } = await start({ version: "1.2" });
    expect(info).toMatchObject({ version: "1.2", bufferSize: 4096 });
    expect(code(await run(TPM12.startup))).toBe("00000000");
    expect(code(await run(TPM12.extend("0a")))).toBe("00000000");
    // PCR 18 takes extends from localities 2 to 4 only; 0x3D is TPM_BAD_LOCALITY.
    expect(code(await run(TPM12.extend("12"), 0))).toBe("0000003d");
    expect(code(await run(TPM12.extend("12"), 2))).toBe("00000000");
    expect(code(await run(TPM12.extend("12"), 0))).toBe("0000003d");
    expect(tail(await run(TPM12.readPcr("0a")), 20)).not.toBe("00".repeat(20));
    await backend.reset();
    expect(code(await run(TPM12.startup))).toBe("00000000");
    expect(tail(await run(TPM12.readPcr("0a")), 20)).toBe("00".repeat(20));
    // swtpm keeps the locality over CMD_INIT; the client must not think that it knows it.
    expect(code(await run(TPM12.extend("12"), 0))).toBe("0000003d");
  });

  it("moves its state to a new swtpm", async () => {
    const first = await start({ version: "1.2" });
    await first.run(TPM12.startup);
    await first.run(TPM12.extend("0a"));
    const pcr = tail(await first.run(TPM12.readPcr("0a")), 20);
    const state = await first.backend.getState();
    await first.stop();
    const second = await start({ version: "1.2", state });
    expect(tail(await second.run(TPM12.readPcr("0a")), 20)).toBe(pcr);
  });

  it("takes a cancel without failing", async () => {
    const { backend, run, failures } = await start({ version: "1.2" });
    const cancel = new AbortController();
    const startup = backend.deliver(0, fromHex(TPM12.startup), { signal: cancel.signal });
    cancel.abort();
    const answer = toHex(await startup);
    expect(code(answer)).toBe("00000000");
    expect(code(await run(TPM12.readPcr("0a")))).toBe("00000000");
    expect(failures).toEqual([]);
  });
});

describe("the process", LIMIT, () => {
  it.each([
    ["1.2", "2.0"],
    ["2.0", "1.2"],
  ] as const)("a TPM %s is not taken for a TPM %s", async (real, wanted) => {
    const swtpm = await spawnSwtpm({ version: real });
    const backend = new SwtpmBackend(swtpm.channels, { version: wanted });
    await expect(backend.start()).rejects.toThrow(BackendVersionError);
    await swtpm.stop();
  });

  it("keeps its state in a private directory that is gone afterwards", async () => {
    const { swtpm, stop, run } = await start();
    await run(TPM2.startup);
    expect(statSync(swtpm.stateDir).mode & 0o777).toBe(0o700);
    expect(readdirSync(swtpm.stateDir)).toContain("tpm2-00.permall");
    await stop();
    expect(existsSync(swtpm.stateDir)).toBe(false);
    expect(isAlive(swtpm.pid)).toBe(false);
  });

  it("says which package to install when swtpm is missing", async () => {
    await expect(spawnSwtpm({ version: "2.0", program: "no-such-swtpm" })).rejects.toThrow(
      "apt-get install swtpm",
    );
  });

  it("ends with words of swtpm's own when it cannot run", async () => {
    const swtpm = await spawnSwtpm({ version: "2.0", args: ["--no-such-option"] });
    const backend = new SwtpmBackend(swtpm.channels, { version: "2.0" });
    await expect(backend.start()).rejects.toThrow(BackendClosedError);
    expect(await swtpm.exited).toContain("no-such-option");
  });
});

/** TPM2B_PUBLIC of a TPM2_CreatePrimary response. */
function publicPart(response: string): string {
  // Header, handle, size of the parameters, size of the public area.
  const size = Number.parseInt(response.slice(36, 40), 16);
  expect(code(response)).toBe("00000000");
  return response.slice(40, 40 + 2 * size);
}

async function expectRefused(blob: string, state: TpmState): Promise<void> {
  const swtpm = await spawnSwtpm({ version: "2.0" });
  const requests: number[] = [];
  const { control } = swtpm.channels;
  const channels = {
    ...swtpm.channels,
    control: Object.assign(Object.create(control), {
      send: (bytes: Uint8Array) => {
        requests.push(bytes[3]!);
        control.send(bytes);
      },
    }),
  };
  Object.defineProperty(channels.control, "onData", { set: (f) => (control.onData = f) });
  const backend = new SwtpmBackend(channels, { version: "2.0" });
  const refused = await backend.start({ state }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StateRefusedError);
  expect(refused).toMatchObject({ blob, cause: expect.any(SwtpmError) });
  await expect(backend.reset()).rejects.toThrow(BackendClosedError);
  await swtpm.stop();
  expect(requests).toContain(0x0d);
  expect(requests).not.toContain(0x02);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
