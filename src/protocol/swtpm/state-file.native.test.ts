/** State files against real ones: what swtpm writes into its directory, and what it reads from there. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TpmBackend, TpmState } from "../../backend/port.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import * as nv from "../../backend/testing/nv-commands.ts";
import { startNativeBackend } from "../../node/bridge/native-backend.ts";
import { spawnSwtpm } from "../../node/bridge/swtpm-process.ts";
import { fromHex, toHex } from "../bytes/hex.ts";
import { TPM_Startup, TPM2_Startup } from "../tpm2/build.ts";
import { blobToFile, fileToBlob, newerState, stateFileName, stateKind } from "./state-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "webtpm-state-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

type Version = "2.0" | "1.2";
const DATA = "0102030405060708";

/** Runs `use` with the TPM of `state`, or the one whose files are in `folder`, started by the firmware's command. */
async function withTpm<T>(
  version: Version,
  state: TpmState | undefined,
  use: (tpm: TpmBackend) => Promise<T>,
) {
  const swtpm = await spawnSwtpm({ version, stateDir: folder });
  const backend = new SwtpmBackend(swtpm.channels, { version, owned: true, server: "swtpm", timeouts: {} });
  try {
    await backend.start(state ? { state } : {});
    await backend.deliver(0, version === "2.0" ? TPM2_Startup() : TPM_Startup());
    return await use(backend);
  } finally {
    await backend.shutdown();
    await swtpm.stop();
  }
}

/** A TPM that is just testing itself asks to be asked again. */
const TPM_RC_RETRY = "00000922";

async function ask(tpm: TpmBackend, command: Uint8Array): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const response = toHex(await tpm.deliver(0, command));
    if (!response.endsWith(TPM_RC_RETRY) || attempt === 10) return response;
  }
}

/** Writes something that only this TPM has. */
async function mark(version: Version, tpm: TpmBackend): Promise<void> {
  const commands =
    version === "2.0" ? [nv.definePlain(), nv.write(DATA)] : [nv.defineArea(), nv.writeArea(DATA)];
  for (const command of commands) {
    expect((await ask(tpm, command)).slice(12, 20)).toBe("00000000");
  }
}

const readMark = async (version: Version, tpm: TpmBackend) =>
  ask(tpm, version === "2.0" ? nv.readIndex() : nv.readArea());

describe.each(["2.0", "1.2"] as const)("the state of a TPM %s", { timeout: 30_000 }, (version) => {
  const path = () => join(folder, stateFileName(version, "permanent"));

  it("as a file is what swtpm has in its directory, and goes on from there", async () => {
    const { backend, stop } = await startNativeBackend({ version });
    await backend.deliver(0, version === "2.0" ? TPM2_Startup() : TPM_Startup());
    await mark(version, backend);
    const { permanent } = await backend.getState();
    await stop();
    writeFileSync(path(), blobToFile(permanent.bytes));
    expect(await withTpm(version, undefined, (tpm) => readMark(version, tpm))).toContain(DATA);
  });

  it("is read from the file that swtpm wrote", async () => {
    const blob = await withTpm(version, undefined, async (tpm) => {
      await mark(version, tpm);
      return (await tpm.getState()).permanent;
    });
    const file = new Uint8Array(readFileSync(path()));
    expect(toHex(blobToFile(fileToBlob(file)))).toBe(toHex(file));
    expect(fileToBlob(file)).toHaveLength(blob.bytes.length);
    rmSync(path());
    const none = { bytes: new Uint8Array(0), flags: 0 };
    const state = { permanent: { bytes: fileToBlob(file), flags: 0 }, volatile: none, savestate: none };
    expect(await withTpm(version, state, (tpm) => readMark(version, tpm))).toContain(DATA);
  });
});

describe("what is no state file", () => {
  const file = Uint8Array.from([2, 1, 0, 10, 0, 0, 0, 0, 0, 18, 0, 1, 0, 0, 0, 2, 7, 7]);

  it("is refused in words", () => {
    expect(toHex(blobToFile(fileToBlob(file)))).toBe(toHex(file));
    expect(() => fileToBlob(file.subarray(0, 17))).toThrow(/it has 17 bytes, and its header says 18/);
    expect(() => fileToBlob(file.subarray(0, 9))).toThrow(/9 bytes only/);
    expect(() => fileToBlob(file.with(5, 1))).toThrow(/encrypted .* --key/);
    expect(() => fileToBlob(file.with(5, 4))).toThrow(/flags are 0x4/);
    expect(() => fileToBlob(file.with(15, 3))).toThrow(/not what its header announces/);
    expect(() => fileToBlob(file.with(1, 9))).toThrow(/not known here/);
    expect(() => blobToFile(file)).toThrow(/its flags say it is a file/);
    expect(() => blobToFile(file.with(5, 6))).toThrow(/--migration-key/);
  });

  it("names the version of a newer swtpm", () => {
    expect(() => fileToBlob(file.with(0, 4).with(1, 3))).toThrow(
      /has format version 4, which only those read that know 3 at least, .* beyond 2: a newer swtpm wrote it/,
    );
    const newer = fileToBlob(stateFile("0004 ab364723 0003 0000"));
    expect(newerState(newer)).toMatch(/libtpms' format 4, for those that know 3 at least, .* knows up to 3/);
    expect(newerState(fileToBlob(stateFile("0003 ab364723 0003 0000")))).toBeUndefined();
    expect(newerState(new Uint8Array(5))).toBeUndefined();
  });

  it.each([
    ["0003 ab364723 0002", { version: "2.0", blob: "permanent", format: { version: 3, lowest: 2 } }],
    ["0004 45637889 0001", { version: "2.0", blob: "volatile", format: { version: 4, lowest: 1 } }],
    ["0001 45637889 0001", { version: "2.0", blob: "volatile", format: { version: 1 } }],
    ["0001 0022 0000", { version: "1.2", blob: "permanent" }],
    ["0001 0001 0102", { version: "1.2", blob: "volatile" }],
    ["0024 0000", { version: "1.2", blob: "savestate" }],
  ])("is told by its content: %s", (begin, kind) => {
    expect(stateKind(fileToBlob(stateFile(begin)))).toEqual(kind);
  });

  it("is neither a TPM 2.0's nor a TPM 1.2's", () => {
    expect(() => stateKind(fileToBlob(file))).toThrow(/neither of a TPM 2.0 nor of a TPM 1.2/);
  });
});

/** A file whose data are these. */
function stateFile(data: string): Uint8Array {
  const bytes = fromHex(data);
  return Uint8Array.of(2, 1, 0, 10, 0, 0, 0, 0, 0, 16 + bytes.length, 0, 1, 0, 0, 0, bytes.length, ...bytes);
}
