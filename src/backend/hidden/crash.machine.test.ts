/** The real hidden machine in Node, made to crash: what its owner is told, and how the TPM goes on. */
import { V86 } from "v86";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { v86Wasm } from "../../node/tools/node-machine.ts";
import { type HiddenFiles, readHiddenFiles } from "../../node/tools/swtpm-machine.ts";
import { toHex } from "../../protocol/bytes/hex.ts";
import { TPM2_GetRandom, TPM2_PCR_Extend, TPM2_PCR_Read, TPM2_Startup } from "../../protocol/tpm2/build.ts";
import { parsePcrRead } from "../../protocol/tpm2/parse.ts";
import { BackendClosedError } from "../errors.ts";
import { SwtpmBackend } from "../swtpm-backend.ts";
import { HiddenMachineCrashError } from "./errors.ts";
import { HiddenMachine } from "./machine.ts";

const LIMIT = 60_000;
/** Where Linux's own code is in memory (CONFIG_PHYSICAL_START), and where all of its data is. */
const KERNEL_CODE = { address: 0x10_0000, bytes: 0x10_0000 };
const KERNEL_MEMORY = { address: 0x10_0000, bytes: 0x100_0000 };
const PCR_READ = TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [0, 1, 2, 3] }]);

let files: HiddenFiles;
const machines: HiddenMachine[] = [];
beforeAll(async () => {
  files = await readHiddenFiles();
}, LIMIT);
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.stop();
});

/** A machine that can be made to fail, with a TPM in it. */
async function start() {
  const handle = { emulator: undefined as V86 | undefined, trap: false };
  class WatchedV86 extends V86 {
    constructor(options: ConstructorParameters<typeof V86>[0]) {
      super(options);
      handle.emulator = this;
      this.add_listener("emulator-loaded", () => {
        const { cpu } = (this as unknown as { v86: { cpu: { main_loop(): number } } }).v86;
        const run = cpu.main_loop.bind(cpu);
        cpu.main_loop = () => {
          if (handle.trap) throw new WebAssembly.RuntimeError("unreachable");
          return run();
        };
      });
    }
  }
  const machine = await HiddenMachine.boot({
    V86: WatchedV86 as never,
    wasm: v86Wasm(),
    images: files.images,
  });
  machines.push(machine);
  const backend = new SwtpmBackend(await machine.start({ version: "2.0" }), { version: "2.0", owned: true });
  const failures: Error[] = [];
  backend.onFailure = (error) => failures.push(error);
  const destroy = ({ address, bytes }: typeof KERNEL_CODE) =>
    handle.emulator?.write_memory(new Uint8Array(bytes).fill(0xff), address);
  return { handle, destroy, machine, backend, failures };
}

const pcrs = async (backend: SwtpmBackend) =>
  parsePcrRead(await backend.deliver(0, PCR_READ)).values.map(({ digest }) => toHex(digest));

describe("a hidden machine that crashes", () => {
  it("fails the TPM with the kernel's reason, and another one goes on from the last state", {
    timeout: LIMIT,
  }, async () => {
    const { destroy, machine, backend, failures } = await start();
    await backend.start();
    await backend.deliver(0, TPM2_Startup());
    const extend = TPM2_PCR_Extend(2, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(7) }]);
    await backend.deliver(0, extend);
    const [state, before] = [await backend.getState(), await pcrs(backend)];

    destroy(KERNEL_CODE);
    await expect(backend.deliver(0, TPM2_GetRandom(8))).rejects.toThrow(BackendClosedError);
    expect(failures).toHaveLength(1);
    expect(failures[0]?.message).toContain("the hidden machine crashed");
    expect(failures[0]?.cause).toBeInstanceOf(HiddenMachineCrashError);
    await expect(machine.start({ version: "2.0" })).rejects.toThrow(HiddenMachineCrashError);
    await expect(machine.idle()).rejects.toThrow(HiddenMachineCrashError);

    const next = await start();
    await next.backend.start({ state });
    expect(await pcrs(next.backend)).toEqual(before);
  });

  it("tells it of a failure of the emulator too", { timeout: LIMIT }, async () => {
    const { handle, backend, failures } = await start();
    await backend.start();
    handle.trap = true;
    await expect(backend.deliver(0, TPM2_Startup())).rejects.toThrow("v86 failed (unreachable)");
    expect(failures).toHaveLength(1);
  });

  it("tells it of a machine that takes nothing more", { timeout: LIMIT }, async () => {
    const { destroy, backend, failures } = await start();
    await backend.start();
    destroy(KERNEL_MEMORY);
    await expect(backend.deliver(0, TPM2_Startup())).rejects.toThrow("the hidden machine");
    expect(failures).toHaveLength(1);
    expect(failures[0]?.cause).toBeInstanceOf(HiddenMachineCrashError);
  });

  it("fails a start that is under way", { timeout: LIMIT }, async () => {
    const { handle, backend, failures } = await start();
    const starting = backend.start();
    handle.trap = true;
    await expect(starting).rejects.toThrow("the hidden machine crashed");
    expect(failures).toHaveLength(1);
  });
});
