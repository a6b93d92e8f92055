/**
 * Real SeaBIOS on v86 in Node, with a real swtpm whose answers are spoiled at each of the firmware's commands in turn:
 * the firmware really gives the TPM up, and the check says where and why. Needs the images (`npm run images`) and swtpm.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TpmBackend } from "../../backend/port.ts";
import type { MachineBus } from "../../machine/bus.ts";
import { type NativeBackend, startNativeBackend } from "../../node/bridge/native-backend.ts";
import { readGuestImages } from "../../node/tools/guest-images.ts";
import { createNodeMachine, type MachineImages, type NodeMachine } from "../../node/tools/node-machine.ts";
import { fromHex } from "../../protocol/bytes/hex.ts";
import { commandName } from "../../protocol/tpm2/index.ts";
import { commandCode } from "../../protocol/tpm2/parse.ts";
import { attachTpm, type Tpm } from "../../session/tpm.ts";
import { BootFeed } from "../app/boot-feed.ts";
import { BootCheck } from "./boot-check.ts";
import { FAILURE } from "./testing.ts";
import type { GaveUp } from "./verdict.ts";

const images = await readGuestImages();
const { bios, vgaBios } = images;
const MIB = 2 ** 20;
/** Firmware alone, with the waits of a slow machine. */
const BOOT_MS = 100_000;
/** Sent by the page, too. */
const READS = /PCR_Read|PCRRead|GetCapability/;
const SEABIOS_CAPABILITY = "8001000000160000017a000000050000000000000008";

type Version = "2.0" | "1.2";

interface Spoilt {
  /** Refuse the command of this number, counted from 1 as the check does ... */
  refuse?: number;
  /** ... or never answer it, by a clock that does not stand still. */
  hang?: number;
  images?: MachineImages;
}

const open: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of open) await close();
});

class Boot {
  readonly check = new BootCheck();
  readonly machine: NodeMachine;
  readonly tpm: Tpm;
  readonly names: string[] = [];
  readonly #native: NativeBackend;
  readonly #feed: BootFeed;
  readonly #waiting = new Set<() => void>();
  #unhang: () => void = () => undefined;

  private constructor(machine: NodeMachine, native: NativeBackend, version: Version, spoilt: Spoilt) {
    this.machine = machine;
    this.#native = native;
    const bus = spoilt.hang ? restless(machine.bus) : machine.bus;
    this.tpm = attachTpm(bus, {
      version,
      open: async () => ({
        backend: this.#spoiling(native.backend, version, spoilt),
        info: native.info,
        label: "",
      }),
    });
    const changed = () => {
      for (const look of this.#waiting) look();
    };
    this.#feed = new BootFeed(this.check, { tpm: this.tpm, machine: machine.bus }, changed);
    machine.serial.onOutput = (text) => this.#feed.heard(text);
    this.tpm.on("command", ({ origin, name }) => origin === "guest" && this.names.push(name));
  }

  static async start(version: Version, spoilt: Spoilt = {}): Promise<Boot> {
    const own = spoilt.images ?? { bios, vgaBios };
    const machine = await createNodeMachine(own, own.kernel ? images.memorySize : 32 * MIB);
    const boot = new Boot(machine, await startNativeBackend({ version }), version, spoilt);
    open.push(() => boot.close());
    await boot.tpm.ready;
    boot.check.take({ type: "start", from: "power-on" });
    machine.bus.resume();
    return boot;
  }

  /** Resolves when `holds` does. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!holds()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** The firmware has tried everything, and all of its commands have been told. */
  async over(): Promise<this> {
    await this.until(() => this.check.troubles.some((one) => one.kind === "guest died"));
    await this.until(() => !this.check.wantsAllTold);
    return this;
  }

  async close(): Promise<void> {
    this.#feed.end();
    this.#unhang();
    await this.machine.emulator.destroy();
    await this.tpm.close();
    await this.#native.stop();
  }

  get gaveUp(): GaveUp | undefined {
    return this.check.tpmTroubles.find((one) => one.kind === "firmware gave up");
  }

  #spoiling(inner: TpmBackend, version: Version, { refuse, hang }: Spoilt): TpmBackend {
    let number = 0;
    const deliver = async (locality: number, command: Uint8Array) => {
      const answer = await inner.deliver(locality, command);
      if (!isFirmwares(command, version)) return answer;
      number++;
      if (number === hang) await new Promise<void>((resolve) => (this.#unhang = resolve));
      return number === refuse ? fromHex(FAILURE[version]) : answer;
    };
    return new Proxy(inner, {
      get(target, name) {
        if (name === "deliver") return deliver;
        const value = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
      set: (target, name, value) => Reflect.set(target, name, value),
    });
  }
}

/** Up to the first command of the page, every command is the firmware's. */
function isFirmwares(command: Uint8Array, version: Version): boolean {
  const name = commandName(commandCode(command) ?? 0, version);
  if (!READS.test(name)) return true;
  // TPM 1.2 is read by TPM_PCRRead alone.
  return version === "1.2" ? name === "TPM_GetCapability" : equals(command, SEABIOS_CAPABILITY);
}

const equals = (bytes: Uint8Array, hex: string) => fromHex(hex).every((byte, i) => bytes[i] === byte);

/** A machine whose time goes on while the TPM works, as that of another emulator does. */
function restless(bus: NodeMachine["bus"]): MachineBus {
  return new Proxy<MachineBus>(bus, {
    get(target, name) {
      if (name === "holdAfter" || name === "expectHold") return undefined;
      if (name === "hold")
        return (reason: string) => (reason === "TPM command" ? () => undefined : target.hold(reason));
      const value = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const PREFIX = { "2.0": "TPM2_", "1.2": "TPM_" };

/** By number: commands at which SeaBIOS gives up, and others that it can do without. */
const CASES: Record<Version, { fatal: Record<number, string>; harmless: number[] }> = {
  "2.0": {
    fatal: {
      1: "Startup",
      2: "SelfTest",
      3: "GetCapability",
      4: "PCR_Extend",
      6: "PCR_Extend",
      7: "StirRandom",
      8: "GetRandom",
      9: "HierarchyChangeAuth",
      10: "PCR_Extend",
      18: "PCR_Extend",
    },
    harmless: [],
  },
  "1.2": {
    fatal: { 1: "Startup", 6: "GetCapability", 8: "SelfTestFull", 10: "Extend", 12: "Extend", 22: "Extend" },
    harmless: [2, 3, 5, 13],
  },
};

describe.each(["2.0", "1.2"] as const)("SeaBIOS with TPM %s", (version) => {
  it(
    "measures, and everything that can be checked is",
    async () => {
      const boot = await (await Boot.start(version)).over();
      await boot.until(() => boot.check.measurement.kind === "measured");
      expect(boot.check.tpmTroubles).toEqual([]);
      expect(boot.check.verdict).toMatchObject({ kind: "guest died", how: "nothing to boot" });
      await boot.close();
    },
    BOOT_MS,
  );

  const { fatal, harmless } = CASES[version];
  it.each(Object.entries(fatal))(
    "gives up when command %s, %s, is refused",
    async (number, name) => {
      const boot = await (await Boot.start(version, { refuse: Number(number) })).over();
      expect(boot.gaveUp).toMatchObject({
        how: "disabled",
        at: { number: Number(number), name: PREFIX[version] + name },
        cause: expect.stringMatching(/^the TPM answered TPM_/),
      });
      expect(boot.names[Number(number)]).toMatch(/HierarchyControl|SetTempDeactivated/);
      await boot.close();
    },
    BOOT_MS,
  );

  it.skipIf(!harmless.length).each(harmless)(
    "measures all the same when command %s is refused",
    async (number) => {
      const boot = await (await Boot.start(version, { refuse: number })).over();
      await boot.until(() => boot.check.measurement.kind === "measured");
      expect(boot.gaveUp).toBeUndefined();
      await boot.close();
    },
    BOOT_MS,
  );

  it.each(version === "2.0" ? [2, 4] : [1])(
    "gives up when command %s is never answered",
    async (number) => {
      const boot = await Boot.start(version, { hang: number });
      await boot.until(() => boot.gaveUp !== undefined);
      expect(boot.gaveUp).toMatchObject({
        at: { number },
        cause: expect.stringContaining("within the time"),
      });
      await boot.close();
    },
    BOOT_MS,
  );
});

describe("the guest's Linux", () => {
  let boot: Boot;
  beforeAll(async () => {
    boot = await Boot.start("2.0", { images });
    await boot.until(
      () => boot.check.verdict.kind === "measured" && /webtpm# $/.test(boot.machine.serial.text),
    );
  }, BOOT_MS);

  it("uses a TPM that was measured into", () => {
    expect(boot.check.verdict).toMatchObject({
      kind: "measured",
      checks: expect.arrayContaining(["The operating system uses the TPM."]),
    });
  });

  it("extends what it likes afterwards", async () => {
    const read = new Promise((resolve) => boot.tpm.on("pcrs", resolve));
    await boot.machine.serial.run(`tpm2_pcrextend 4:sha256=${"12".repeat(32)}`);
    await read;
    expect(boot.check.verdict.kind).toBe("measured");
  });
});

it(
  "a guest whose first program ends has died",
  async () => {
    const cmdline = `${images.cmdline} rdinit=/bin/busybox`;
    const boot = await Boot.start("2.0", { images: { ...images, cmdline } });
    await boot.until(() => boot.check.verdict.kind === "guest died");
    expect(boot.check.verdict).toMatchObject({
      how: "panic",
      line: expect.stringContaining("Attempted to kill init!"),
    });
    expect(boot.check.measurement.kind).toBe("measured");
  },
  BOOT_MS,
);
