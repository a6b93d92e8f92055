/**
 * The register interfaces with the real firmware and the real guest in Node: each is found by both, carries a measured
 * boot, survives a reset, and is in a snapshot. Told of its interrupt line, the guest's driver does what it does.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { InterfaceName } from "../device/interfaces/interfaces.ts";
import { readGuestImages } from "../node/tools/guest-images.ts";
import { attachNativeTpm, type NativeTpm } from "../node/tools/native-tpm.ts";
import { createNodeMachine, type NodeMachine } from "../node/tools/node-machine.ts";
import { compareWithPcrs } from "../protocol/eventlog/compare-pcrs.ts";
import { parseEventLog } from "../protocol/eventlog/parse.ts";
import { replay } from "../protocol/eventlog/replay.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";

const BOOT_MS = 240_000;
const images = await readGuestImages("small");
const open: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(open.map((close) => close())));

interface Kind {
  interface: InterfaceName;
  interrupt: boolean;
}

async function machineWith(kind: Kind): Promise<{ machine: NodeMachine; native: NativeTpm }> {
  const machine = await createNodeMachine(images, images.memorySize);
  const native = await attachNativeTpm(machine.bus, { version: "2.0", ...kind });
  open.push(async () => {
    await machine.emulator.destroy();
    await native.close();
  });
  return { machine, native };
}

/** The PCRs that the log explains; it contradicts none. */
async function explained({ tpm }: NativeTpm): Promise<number[]> {
  const log = parseEventLog(tpm.eventLog());
  expect(log.problems).toEqual([]);
  const verdicts = compareWithPcrs(replay(log), await tpm.pcrs());
  expect(verdicts.filter(({ result }) => result === "differs")).toEqual([]);
  const found = verdicts.filter(({ result }) => result === "explained").map(({ pcr }) => pcr);
  return [...new Set(found)];
}

const DRIVERS = { TIS: "tpm_tis", CRB: "tpm_crb" } as const;

describe.each<Kind>([
  { interface: "TIS", interrupt: false },
  { interface: "CRB", interrupt: false },
  { interface: "TIS", interrupt: true },
  { interface: "CRB", interrupt: true },
])("$interface, interrupt $interrupt", (kind) => {
  let machine: NodeMachine;
  let native: NativeTpm;
  let run: (command: string) => Promise<string>;

  beforeAll(async () => {
    ({ machine, native } = await machineWith(kind));
    run = async (command) => (await machine.serial.run(command)).output;
    machine.bus.resume();
    await machine.serial.expect(images.prompt, BOOT_MS);
  }, BOOT_MS);

  const works = async () => {
    expect(await explained(native)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await run("readlink /sys/class/tpm/tpm0/device/driver")).toContain(DRIVERS[kind.interface]);
    expect(await run("tpm2_getrandom --hex 8")).toMatch(/^[0-9a-f]{16}/);
    expect(await run("tpm2_pcrread sha256:0")).toMatch(/0 : 0x[0-9A-F]{64}/);
  };

  it("is measured by the firmware and used by Linux", async () => {
    await works();
    // Linux's CRB driver knows no interrupt.
    const asks = kind.interface === "TIS" && kind.interrupt;
    expect(await run("dmesg")).not.toContain("TPM interrupt not working");
    const line = /^ *5: +(\d+) +IO-APIC +5-fasteoi +tpm0/m.exec(await run("cat /proc/interrupts"));
    expect(line !== null).toBe(asks);
    if (asks) expect(Number(line?.[1])).toBeGreaterThan(0);
  });

  it("goes on from a snapshot, in a machine of its own", async () => {
    await run("echo kept > /tmp/kept");
    const state = await takeSnapshot({ ...machine, tpm: native.tpm });
    const other = await machineWith(kind);
    await restoreSnapshot({ ...other.machine, tpm: other.native.tpm }, state);
    other.machine.bus.resume();
    const { output } = await other.machine.serial.run("cat /tmp/kept; tpm2_getrandom --hex 8");
    expect(output).toMatch(/kept\r?\n[0-9a-f]{16}/);
    const wrong = await machineWith({ ...kind, interface: kind.interface === "CRB" ? "TIS" : "CRB" });
    await expect(wrong.native.tpm.restore(state.tpm)).rejects.toThrow(
      `the snapshot is of a machine whose TPM has the ${kind.interface} interface`,
    );
  });

  it(
    "is measured again after a reset",
    async () => {
      machine.bus.reset();
      await machine.serial.expect(images.prompt, BOOT_MS);
      await works();
    },
    BOOT_MS,
  );
});
