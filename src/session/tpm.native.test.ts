import { createHash } from "node:crypto";
import { afterEach, describe, expect, it, vi } from "vitest";
import { SwtpmBackend } from "../backend/swtpm-backend.ts";
import { TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../device/tis/registers.ts";
import { EVENT_LOG_WINDOW } from "../machine/firmware/acpi.ts";
import { type SwtpmChild, spawnSwtpm } from "../node/bridge/swtpm-process.ts";
import { fromHex, toHex } from "../protocol/bytes/hex.ts";
import { build } from "../protocol/tpm2/index.ts";
import { TpmBusyError, TpmFailedError } from "./errors.ts";
import { TestBus } from "./testing.ts";
import { attachTpm, type Tpm, type TpmAttachOptions } from "./tpm.ts";

const open: Tpm[] = [];
const children: SwtpmChild[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((tpm) => tpm.close()));
  await Promise.all(children.splice(0).map((child) => child.stop()));
});

/** A TPM on a bus without a machine; a real swtpm process runs each session. */
async function start(options: TpmAttachOptions & { limp?: boolean } = {}, bus = new TestBus()) {
  const { version = "2.0" } = options;
  const tpm = attachTpm(bus, {
    open: async (state) => {
      const child = await spawnSwtpm({ version });
      children.push(child);
      const backend = new SwtpmBackend(child.channels, { version, owned: true });
      return { backend, info: await backend.start(state ? { state } : {}), label: "swtpm here" };
    },
    ...options,
  });
  open.push(tpm);
  await tpm.ready;
  return { bus, tpm };
}

const until = (condition: () => boolean) => vi.waitUntil(condition, { interval: 5, timeout: 20_000 });
const register = (tpm: Tpm, { offset }: { offset: number }) => tpm.read(TIS_BASE + offset, 4);
const put = (tpm: Tpm, { offset }: { offset: number }, value: number) =>
  tpm.write(TIS_BASE + offset, 1, value);

/** The guest's way to put a command in, up to tpmGo. */
function guestSends(tpm: Tpm, command: Uint8Array): void {
  put(tpm, REGISTERS.ACCESS, ACCESS.REQUEST_USE);
  put(tpm, REGISTERS.STS, STS.COMMAND_READY);
  for (const byte of command) put(tpm, REGISTERS.DATA_FIFO, byte);
  put(tpm, REGISTERS.STS, STS.TPM_GO);
}

async function guestReceives(tpm: Tpm): Promise<string> {
  await until(() => (register(tpm, REGISTERS.STS) & STS.DATA_AVAIL) !== 0);
  const bytes: number[] = [];
  while (register(tpm, REGISTERS.STS) & STS.DATA_AVAIL)
    bytes.push(tpm.read(TIS_BASE + REGISTERS.DATA_FIFO.offset, 1));
  return toHex(Uint8Array.from(bytes));
}

const DIGEST = { algorithm: "sha256", digest: new Uint8Array(32).fill(1) };
/** PCR 16 after one extend with DIGEST. */
const EXTENDED = createHash("sha256").update(new Uint8Array(32)).update(DIGEST.digest).digest("hex");

describe("the guest's time while a command runs", () => {
  it("is bounded from within the access that starts it until its answer, or a reset", async () => {
    const bounds: string[] = [];
    const bus = Object.assign(new TestBus(), {
      holdAfter(guestMs: number, reason: string) {
        bounds.push(`${reason}: ${guestMs} ms`);
        return () => bounds.push("over");
      },
    });
    const { tpm } = await start({ graceMs: 7 }, bus);
    expect(bounds).toEqual([]);
    guestSends(tpm, build.TPM2_Startup());
    expect(bounds).toEqual(["TPM command: 7 ms"]);
    await guestReceives(tpm);
    expect(bounds).toEqual(["TPM command: 7 ms", "over"]);
    put(tpm, REGISTERS.STS, STS.COMMAND_READY);
    for (const byte of build.TPM2_SelfTest(true)) put(tpm, REGISTERS.DATA_FIFO, byte);
    put(tpm, REGISTERS.STS, STS.TPM_GO);
    expect(bounds).toHaveLength(3);
    bus.reset();
    expect(bounds).toHaveLength(4);
  });
});

describe("a TPM on a machine", () => {
  for (const version of ["2.0", "1.2"] as const) {
    it(`is announced to the firmware and answers commands: TPM ${version}`, async () => {
      const { bus, tpm } = await start({ version });
      expect(bus.held).toEqual(["TPM start"]);
      expect(bus.holds).toEqual([]);
      expect(tpm.status).toMatchObject({
        phase: "ready",
        version,
        placement: "local",
        backendLabel: "swtpm here",
      });
      expect(Array.from(bus.files.keys()).sort()).toEqual([
        "acpi/SSDT-TPM",
        version === "2.0" ? "acpi/TPM2" : "acpi/TCPA",
        "etc/tpm/config",
      ]);
      const startup = version === "2.0" ? build.TPM2_Startup() : build.TPM_Startup();
      expect(toHex(await tpm.command(startup))).toBe(
        version === "2.0" ? "80010000000a00000000" : "00c40000000a00000000",
      );
      const banks = await tpm.pcrs();
      expect(banks.every(({ values }) => values.length === 24)).toBe(true);
      expect(banks.map(({ algorithm }) => algorithm)).toContain(version === "2.0" ? "sha256" : "sha1");
      expect(tpm.commands.filter(({ origin }) => origin === "guest")).toMatchObject([
        { id: 1, name: version === "2.0" ? "TPM2_Startup" : "TPM_Startup", responseCode: 0, locality: 0 },
      ]);
    });
  }

  it("tells PCR values after a change, and starts them over at a reset", async () => {
    const { bus, tpm } = await start();
    const told: string[] = [];
    tpm.on("pcrs", (banks) =>
      told.push(toHex(banks.find(({ algorithm }) => algorithm === "sha256")!.values[16]!)),
    );
    await tpm.command(build.TPM2_Startup());
    for (let i = 0; i < 3; i++) await tpm.command(build.TPM2_PCR_Reset(16));
    await tpm.command(build.TPM2_PCR_Extend(16, [DIGEST]));
    await until(() => told.length > 0);
    expect(told).toEqual([EXTENDED]);

    const events: string[] = [];
    tpm.on("reset", () => events.push("reset"));
    tpm.on("status", ({ phase }) => events.push(phase));
    bus.reset();
    expect(bus.holds).toEqual(["TPM reset"]);
    await until(() => bus.holds.length === 0);
    expect(events).toEqual(["reset", "ready"]);
    await tpm.command(build.TPM2_Startup());
    const banks = await tpm.pcrs();
    expect(toHex(banks.find(({ algorithm }) => algorithm === "sha256")!.values[16]!)).toBe("00".repeat(32));
  });

  it("keeps the event log that the guest writes, up to its last event", async () => {
    const { bus, tpm } = await start();
    const told: Uint8Array[] = [];
    tpm.on("eventlog", (bytes) => told.push(bytes));
    const log = bus.devices.find(({ window }) => window.base === EVENT_LOG_WINDOW.base)!.device;
    const event = fromHex(`0000000003000000${"11".repeat(20)}0200000041420000`);
    event.forEach((byte, i) => {
      log.write(EVENT_LOG_WINDOW.base + i, 1, byte);
    });
    await until(() => told.length > 0);
    expect(toHex(tpm.eventLog())).toBe(toHex(event.subarray(0, 34)));
    bus.reset();
    expect(tpm.eventLog()).toHaveLength(0);
  });

  it("refuses the page's commands while the guest has the TPM", async () => {
    const { tpm } = await start();
    put(tpm, REGISTERS.ACCESS, ACCESS.REQUEST_USE);
    await expect(tpm.command(build.TPM2_Startup())).rejects.toThrow(TpmBusyError);
    put(tpm, REGISTERS.ACCESS, ACCESS.ACTIVE_LOCALITY);
    process.kill(children[0]!.pid, "SIGSTOP");
    guestSends(tpm, build.TPM2_Startup());
    put(tpm, REGISTERS.ACCESS, ACCESS.ACTIVE_LOCALITY);
    await expect(tpm.command(build.TPM2_Startup())).rejects.toThrow(/runs a command of the guest's/);
    process.kill(children[0]!.pid, "SIGCONT");
  });

  it("is taken away by close", async () => {
    const { bus, tpm } = await start();
    await tpm.close();
    expect(tpm.status.phase).toBe("closed");
    expect(bus.files.size).toBe(0);
    expect(register(tpm, REGISTERS.ACCESS)).toBe(0xffff_ffff);
    await expect(tpm.command(build.TPM2_Startup())).rejects.toThrow(TpmFailedError);
  });
});

describe("a TPM that fails", () => {
  it("answers the running command with TPM_RC_FAILURE, then its registers are dead, until a reset", async () => {
    const { bus, tpm } = await start();
    await tpm.command(build.TPM2_Startup());
    process.kill(children[0]!.pid, "SIGSTOP");
    guestSends(tpm, build.TPM2_GetRandom(8));
    process.kill(children[0]!.pid, "SIGKILL");
    expect(await guestReceives(tpm)).toBe("80010000000a00000101");
    expect(tpm.status.phase).toBe("failed");
    expect(tpm.status.message).toMatch(/^The TPM has failed: .*Reset the machine to begin a new session\.$/);
    expect(bus.files.size).toBe(0);
    // The driver ends its command as always, and finds the registers alive until then.
    expect(register(tpm, REGISTERS.ACCESS) & ACCESS.VALID).toBe(ACCESS.VALID);
    put(tpm, REGISTERS.STS, STS.COMMAND_READY);
    expect(register(tpm, REGISTERS.ACCESS)).toBe(0);
    await expect(tpm.pcrs()).rejects.toThrow(TpmFailedError);

    await tpm.reset();
    expect(tpm.status).toMatchObject({ phase: "ready", version: "2.0" });
    expect(bus.files.size).toBe(3);
    expect(toHex(await tpm.command(build.TPM2_Startup()))).toBe("80010000000a00000000");
  });

  it("answers a command that was half put in", async () => {
    const { tpm } = await start();
    const command = build.TPM2_GetRandom(8);
    put(tpm, REGISTERS.ACCESS, ACCESS.REQUEST_USE);
    put(tpm, REGISTERS.STS, STS.COMMAND_READY);
    for (const byte of command.subarray(0, 6)) put(tpm, REGISTERS.DATA_FIFO, byte);
    process.kill(children[0]!.pid, "SIGKILL");
    await until(() => tpm.status.phase === "failed");
    for (const byte of command.subarray(6)) put(tpm, REGISTERS.DATA_FIFO, byte);
    put(tpm, REGISTERS.STS, STS.TPM_GO);
    expect(await guestReceives(tpm)).toBe("80010000000a00000101");
    put(tpm, REGISTERS.ACCESS, ACCESS.ACTIVE_LOCALITY);
    expect(register(tpm, REGISTERS.ACCESS)).toBe(0);
  });

  it("says so at the start, and leaves the firmware without a TPM", async () => {
    const bus = new TestBus();
    const tpm = attachTpm(bus, { open: () => Promise.reject(new Error("nothing answers")) });
    open.push(tpm);
    await expect(tpm.ready).rejects.toThrow("nothing answers");
    expect(tpm.status).toMatchObject({ phase: "failed", version: "unspecified" });
    expect(bus.holds).toEqual([]);
    expect(bus.files.size).toBe(0);
    expect(register(tpm, REGISTERS.ACCESS)).toBe(0);
  });
});

describe("a slow TPM", () => {
  it("holds the machine while a command lasts, and tells which", async () => {
    const { bus, tpm } = await start();
    await tpm.command(build.TPM2_Startup());
    bus.held.length = 0;
    process.kill(children[0]!.pid, "SIGSTOP");
    guestSends(tpm, build.TPM2_GetRandom(8));
    await until(() => bus.holds.includes("TPM command"));
    expect(tpm.status).toMatchObject({ phase: "executing", message: "The TPM runs TPM2_GetRandom." });
    process.kill(children[0]!.pid, "SIGCONT");
    expect((await guestReceives(tpm)).slice(0, 20)).toBe("80010000001400000000");
    await until(() => bus.holds.length === 0);
    expect(tpm.status.phase).toBe("ready");
    expect(tpm.commands.at(-1)!.duration).toBeGreaterThan(15);
  });
});

describe("a snapshot", () => {
  it("puts registers and TPM back where they were", async () => {
    const { tpm } = await start();
    await tpm.command(build.TPM2_Startup());
    await tpm.command(build.TPM2_PCR_Extend(16, [DIGEST]));
    guestSends(tpm, build.TPM2_GetRandom(8));
    await until(() => (register(tpm, REGISTERS.STS) & STS.DATA_AVAIL) !== 0);
    const first = tpm.read(TIS_BASE + REGISTERS.DATA_FIFO.offset, 2);
    expect(first).toBe(0x0180);
    const snapshot = await tpm.snapshot();
    const rest = await guestReceives(tpm);
    put(tpm, REGISTERS.ACCESS, ACCESS.ACTIVE_LOCALITY);

    await tpm.reset();
    await tpm.restore(structuredClone(snapshot));
    expect(await guestReceives(tpm)).toBe(rest);
    put(tpm, REGISTERS.ACCESS, ACCESS.ACTIVE_LOCALITY);
    const banks = await tpm.pcrs();
    expect(toHex(banks.find(({ algorithm }) => algorithm === "sha256")!.values[16]!)).toBe(EXTENDED);
  });
});
