/**
 * Physical presence with the real firmware, Linux and swtpm: what the guest asks for through `ppi/request` is carried
 * out at the next boot, and its memory is overwritten where that was asked for. Needs the images (`npm run images`) and
 * swtpm. About a minute with the small kernel.
 */
import { afterEach, describe, expect, it } from "vitest";
import { MOR_CLEAR_MEMORY, PPI_FIELDS, PPI_RESULT, PPI_WINDOW } from "../device/ppi/layout.ts";
import { type Booted, type BootOptions, bootInNode } from "../node/tools/boot.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";
import type { PresenceStatus } from "./types.ts";

const BOOT_MS = 120_000;
const RUN_MS = 60_000;
const PPI = "/sys/class/tpm/tpm0/ppi";

const machines: Booted[] = [];
afterEach(() => Promise.all(machines.splice(0).map((machine) => machine.close())));

async function boot(options: BootOptions): Promise<Booted> {
  const machine = await bootInNode(options);
  machines.push(machine);
  await machine.serial.expect(machine.serial.prompt!, BOOT_MS);
  return machine;
}

const run = async ({ serial }: Booted, command: string) => (await serial.run(command, RUN_MS)).output;
const presence = ({ tpm }: Booted): PresenceStatus => tpm!.tpm.presence;

/** The guest reboots by itself; resolves at its new shell. */
async function reboot({ serial }: Booted): Promise<void> {
  serial.send("busybox reboot\n");
  await serial.expect("WebTPM guest", BOOT_MS);
  await serial.expect(serial.prompt!, BOOT_MS);
}

/** Asks for an operation, lets the firmware carry it out, and gives what Linux then says of it. */
async function ask(machine: Booted, request: string): Promise<string> {
  await run(machine, `echo ${request} > ${PPI}/request`);
  expect(await run(machine, `cat ${PPI}/request`)).toBe(`${request}\n`);
  const [operation, parameter = 0] = request.split(" ").map(Number);
  expect(presence(machine).pending).toEqual({ operation, parameter, by: "guest" });
  await reboot(machine);
  expect(presence(machine)).toMatchObject({ last: { operation, parameter, by: "guest" } });
  expect(presence(machine).pending).toBeUndefined();
  return run(machine, `cat ${PPI}/response`);
}

const KEY =
  "tpm2_createprimary -Q -C o -G ecc -c /tmp/key && tpm2_readpublic -c /tmp/key | busybox grep ^name";
const persistent = "tpm2_getcap handles-persistent";

describe("physical presence of a TPM 2.0", () => {
  it("is cleared, and has the banks that were asked for", { timeout: 5 * BOOT_MS }, async () => {
    const machine = await boot({ tpm: "2.0" });
    const name = await run(machine, KEY);
    expect(name).toMatch(/^name: 000b/);
    expect(await run(machine, KEY)).toBe(name);
    await run(machine, "tpm2_evictcontrol -Q -C o -c /tmp/key 0x81000001");
    expect(await run(machine, persistent)).toContain("0x81000001");

    expect(await ask(machine, "5")).toBe("5 0: Success\n");
    expect(await run(machine, persistent)).not.toContain("0x81000001");
    // The owner hierarchy has another seed.
    expect(await run(machine, KEY)).not.toBe(name);
    const carriedOut = machine.tpm!.tpm.commands.map((command) => command.name);
    expect(carriedOut).toContain("TPM2_Clear");

    expect(await ask(machine, "23 6")).toBe("23 0: Success\n");
    const banks = (await machine.tpm!.tpm.pcrs()).map(({ algorithm }) => algorithm);
    expect(banks).toEqual(["sha256", "sha384"]);
    const pcrs = await run(machine, "tpm2_getcap pcrs");
    expect(pcrs).toMatch(/sha1: \[ \]/);
    expect(pcrs).toMatch(/sha256: \[ 0, 1,/);

    // SM3-256, which this TPM does not have: nothing is changed, and the machine boots.
    expect(await ask(machine, "23 16")).toBe("23 0xFFFFFFF1: BIOS Failure\n");
    expect(presence(machine).last?.result).toBe(PPI_RESULT.FIRMWARE_FAILURE);
    expect((await machine.tpm!.tpm.pcrs()).map(({ algorithm }) => algorithm)).toEqual(banks);
  });

  it("is asked for in a snapshot, and carried out where that is put back", {
    timeout: 4 * BOOT_MS,
  }, async () => {
    const machine = await boot({ tpm: "2.0" });
    await run(machine, `echo 5 > ${PPI}/request`);
    const state = await takeSnapshot({ ...machine, tpm: machine.tpm!.tpm });
    await run(machine, `echo 0 > ${PPI}/request`);
    expect(presence(machine).pending).toBeUndefined();
    await restoreSnapshot({ ...machine, tpm: machine.tpm!.tpm }, state);
    expect(presence(machine).pending).toEqual({ operation: 5, parameter: 0 });
    machine.bus.reset();
    await machine.serial.expect("WebTPM guest", BOOT_MS);
    await machine.serial.expect(machine.serial.prompt!, BOOT_MS);
    expect(presence(machine).last).toEqual({ operation: 5, parameter: 0, result: 0 });
  });

  it("is known to Debian's own kernel too", { timeout: 2 * BOOT_MS }, async () => {
    const machine = await boot({ tpm: "2.0", kernelName: "stock" });
    expect(await run(machine, `cat ${PPI}/version`)).toBe("1.3\n");
    expect(await run(machine, `cat ${PPI}/tcg_operations`)).toContain("5 4: User not required\n");
    await run(machine, `echo 14 > ${PPI}/request`);
    expect(presence(machine).pending).toMatchObject({ operation: 14, by: "guest" });
  });
});

describe("physical presence of a TPM 1.2", () => {
  it("clears it, which disables it, and enables it again", { timeout: 4 * BOOT_MS }, async () => {
    const machine = await boot({ tpm: "1.2" });
    const flags = () => run(machine, "cd /sys/class/tpm/tpm0 && cat enabled active owned");
    expect(await flags()).toBe("1\n1\n0\n");
    expect(await ask(machine, "5")).toBe("5 0: Success\n");
    expect(machine.tpm!.tpm.commands.map((command) => command.name)).toContain("TPM_ForceClear");
    expect(await flags()).toBe("0\n0\n0\n");
    expect(await ask(machine, "6")).toBe("6 0: Success\n");
    expect(await flags()).toBe("1\n1\n0\n");
  });
});

describe("a memory overwrite request", () => {
  const SECRET = new TextEncoder().encode("a secret that is to go with the reset");
  const { offset } = PPI_FIELDS.MOVV;
  /** Memory that nothing is put into at a reset: the emulator's kernel and initrd end before it. */
  const FROM = 100 << 20;
  const COUNT = 1000;
  const STEP = 0x1000;

  it("leaves nothing of the guest's memory at the reset, and is asked for once", {
    timeout: 5 * BOOT_MS,
  }, async () => {
    const machine = await boot({ tpm: "2.0" });
    const { bus, emulator, serial } = machine;
    const secrets = () => {
      const memory = Buffer.from(emulator.read_memory(FROM, COUNT * STEP));
      return Array.from({ length: COUNT }, (_, i) => memory.indexOf(SECRET, i * STEP) === i * STEP).filter(
        Boolean,
      ).length;
    };
    /** The reset button, with secrets all over the memory; gives how many there are before the firmware runs. */
    const pressReset = async () => {
      let left = -1;
      const end = bus.onReset(() => (left = secrets()));
      const release = bus.hold("test");
      await bus.settled();
      for (let i = 0; i < COUNT; i++) emulator.write_memory(SECRET, FROM + i * STEP);
      bus.reset();
      release();
      end();
      await serial.expect("WebTPM guest", BOOT_MS);
      await serial.expect(serial.prompt!, BOOT_MS);
      return left;
    };
    // Without it, memory outlives a reset.
    expect(await pressReset()).toBe(COUNT);
    expect(presence(machine)).toMatchObject({ overwrite: false, overwritten: false });

    const address = `0x${(PPI_WINDOW.base + offset).toString(16)}`;
    await run(machine, `busybox devmem ${address} 8 ${MOR_CLEAR_MEMORY}`);
    expect(presence(machine).overwrite).toBe(true);
    expect(await pressReset()).toBe(0);
    expect(presence(machine)).toMatchObject({ overwrite: false, overwritten: true });
    expect(await run(machine, `busybox devmem ${address} 8`)).toBe("0x00\n");

    expect(await pressReset()).toBe(COUNT);
    expect(presence(machine).overwritten).toBe(false);
  });
});
