/** A TPM that can neither be saved nor reset, as a real chip: it fits, and what it cannot do is refused in words. */
import { afterEach, describe, expect, it } from "vitest";
import { TpmUnableError } from "../backend/errors.ts";
import type {
  BackendCapabilities,
  DeliveryOptions,
  StateBlob,
  TpmBackend,
  TpmKeep,
  TpmState,
} from "../backend/port.ts";
import { SwtpmBackend } from "../backend/swtpm-backend.ts";
import { TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../device/tis/registers.ts";
import { type NativeBackend, startNativeBackend } from "../node/bridge/native-backend.ts";
import { spawnSwtpm } from "../node/bridge/swtpm-process.ts";
import { fromHex, toHex } from "../protocol/bytes/hex.ts";
import { PTM_CAP } from "../protocol/swtpm/commands.ts";
import { build } from "../protocol/tpm2/index.ts";
import { responseCode } from "../protocol/tpm2/parse.ts";
import type { OpenTpm } from "../worker/keeping.ts";
import { TestBus } from "./testing.ts";
import { attachTpm, type Tpm, type TpmAttachOptions } from "./tpm.ts";

const NOTHING: BackendCapabilities = {
  state: false,
  reset: false,
  cancel: false,
  locality: false,
  hash: false,
};

const natives: NativeBackend[] = [];
const tpms: Tpm[] = [];
afterEach(async () => {
  await Promise.all(tpms.splice(0).map((tpm) => tpm.close()));
  await Promise.all(natives.splice(0).map((native) => native.stop()));
});

/** A real TPM of which commands are run and nothing else; asked for more, it fails. */
class Chip implements TpmBackend {
  onFailure: TpmBackend["onFailure"];
  readonly #native: NativeBackend;
  readonly asked: string[] = [];
  constructor(native: NativeBackend) {
    this.#native = native;
  }
  async start() {
    return this.#native.info;
  }
  deliver(locality: number, command: Uint8Array, options?: DeliveryOptions) {
    return this.#native.backend.deliver(locality, command, options);
  }
  async shutdown() {
    await this.#native.stop();
  }
  reset = () => this.#no<void>("reset");
  establishmentFlag = () => this.#no<boolean>("establishmentFlag");
  resetEstablishmentFlag = () => this.#no<void>("resetEstablishmentFlag");
  measureLaunch = () => this.#no<void>("measureLaunch");
  getState = () => this.#no<TpmState>("getState");
  getStateBlob = () => this.#no<StateBlob>("getStateBlob");
  async #no<T>(what: string): Promise<T> {
    this.asked.push(what);
    throw new Error(`a chip was asked for ${what}`);
  }
}

async function swtpm(state?: TpmState): Promise<NativeBackend> {
  const native = await startNativeBackend(state ? { state } : {});
  natives.push(native);
  return native;
}

const chips: Chip[] = [];
const chip: OpenTpm = async () => {
  const native = await swtpm();
  const backend = new Chip(native);
  chips.push(backend);
  return { backend, info: { ...native.info, capabilities: NOTHING }, label: "a chip" };
};
const whole: OpenTpm = async (state) => {
  const native = await swtpm(state);
  return { backend: native.backend, info: native.info, label: "a whole one" };
};

async function attach(options: TpmAttachOptions) {
  const bus = new TestBus();
  const tpm = attachTpm(bus, options);
  tpms.push(tpm);
  const notices: string[] = [];
  tpm.on("notice", (notice) => notices.push(notice));
  await tpm.ready;
  return { bus, tpm, notices };
}

async function ok(tpm: Tpm, command: Uint8Array): Promise<string> {
  const response = await tpm.command(command);
  expect(responseCode(response)).toBe(0);
  return toHex(response);
}

const EXTEND = build.TPM2_PCR_Extend(4, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(9) }]);
const PCR4 = build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [4] }]);

describe("a TPM that only runs commands", () => {
  it("is on, with all it can, and says what it cannot", async () => {
    const { tpm } = await attach({ open: chip });
    expect(tpm.status).toMatchObject({ phase: "ready", capabilities: NOTHING });
    await ok(tpm, build.TPM2_Startup());
    expect((await tpm.pcrs()).length).toBeGreaterThan(0);
    expect(chips.at(-1)?.asked).toEqual([]);
  });

  it("refuses snapshot, restore, move, reset and prepared start, and goes on as it was", async () => {
    const other = await attach({ open: whole });
    await ok(other.tpm, build.TPM2_Startup());
    const snapshot = await other.tpm.snapshot();
    const { tpm } = await attach({ open: chip });
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, EXTEND);
    const pcr = await ok(tpm, PCR4);
    for (const refused of [
      () => tpm.snapshot(),
      () => tpm.restore(snapshot),
      () => tpm.moveTo({ open: whole }),
      () => tpm.standIn(snapshot, []),
      () => tpm.reset(),
    ]) {
      await expect(refused()).rejects.toThrow(TpmUnableError);
      await expect(refused()).rejects.toThrow(/^(No|The|A) .*: this TPM (neither|cannot) .*swtpm$/);
    }
    expect(await ok(tpm, PCR4)).toBe(pcr);
    expect(tpm.status.phase).toBe("ready");
    expect(chips.at(-1)?.asked).toEqual([]);
  });

  it("goes on through the machine's reset, and the page is told", async () => {
    const { bus, tpm, notices } = await attach({ open: chip });
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, EXTEND);
    const pcr = await ok(tpm, PCR4);
    tpm.write(TIS_BASE + REGISTERS.ACCESS.offset, 1, ACCESS.REQUEST_USE);
    bus.reset();
    await expect.poll(() => bus.holds).toEqual([]);
    expect(tpm.read(TIS_BASE + REGISTERS.ACCESS.offset, 1) & ACCESS.ACTIVE_LOCALITY).toBe(0);
    expect(await ok(tpm, PCR4)).toBe(pcr);
    expect(notices.at(-1)).toMatch(/its TPM was not.*PCRs go on from where they were/);
  });

  it("answers other localities as one that does not know them", async () => {
    const { tpm } = await attach({ open: chip });
    const at = (register: { offset: number }) => TIS_BASE + 0x2000 + register.offset;
    tpm.write(at(REGISTERS.ACCESS), 1, ACCESS.REQUEST_USE);
    tpm.write(at(REGISTERS.STS), 1, STS.COMMAND_READY);
    for (const byte of build.TPM2_Startup()) tpm.write(at(REGISTERS.DATA_FIFO), 1, byte);
    tpm.write(at(REGISTERS.STS), 1, STS.TPM_GO);
    await expect.poll(() => tpm.state(2)).toBe("completion");
    const response = Uint8Array.from({ length: 10 }, () => tpm.read(at(REGISTERS.DATA_FIFO), 1));
    expect(toHex(response)).toBe("80010000000a00000907");
  });

  it("cannot be kept, and takes no other one's place", async () => {
    const keep: TpmKeep = { load: async () => undefined, save: async () => undefined };
    const kept = attachTpm(new TestBus(), { open: chip, keep });
    tpms.push(kept);
    await expect(kept.ready).rejects.toMatchObject({ code: "unsupported" });
    expect(kept.status.message).toContain("The TPM cannot be kept: this TPM neither gives its state away");

    const { tpm } = await attach({ open: whole });
    await ok(tpm, build.TPM2_Startup());
    await ok(tpm, EXTEND);
    const pcr = await ok(tpm, PCR4);
    await expect(tpm.moveTo({ open: chip })).rejects.toThrow(/^The TPM cannot go on there/);
    expect(await ok(tpm, PCR4)).toBe(pcr);
  });
});

it("a swtpm says what it can do by CMD_GET_CAPABILITY", async () => {
  const process = await spawnSwtpm({ version: "2.0" });
  const { control, data } = process.channels;
  const missing = PTM_CAP.GET_STATEBLOB | PTM_CAP.CANCEL_TPM_CMD | PTM_CAP.HASHING;
  const masked = {
    onData: undefined as typeof control.onData,
    onClose: undefined as typeof control.onClose,
    send(bytes: Uint8Array) {
      const asks = toHex(bytes) === "00000001";
      control.onData = (reply) => {
        const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
        if (asks) view.setUint32(4, view.getUint32(4) & ~missing);
        masked.onData?.(reply);
      };
      control.onClose = (error) => masked.onClose?.(error);
      control.send(bytes);
    },
    close: () => control.close(),
  };
  const backend = new SwtpmBackend({ control: masked, data }, { version: "2.0", owned: true });
  const { capabilities } = await backend.start();
  expect(capabilities).toEqual({ state: false, reset: true, cancel: false, locality: true, hash: false });
  const cancel = new AbortController();
  const startup = backend.deliver(0, fromHex("80010000000c000001440000"), { signal: cancel.signal });
  cancel.abort();
  expect(responseCode(await startup)).toBe(0);
  await backend.shutdown();
  await process.stop();
});
