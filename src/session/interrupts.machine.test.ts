/**
 * The TPM's interrupt with a guest that uses it: what comes over the line, and that nothing of it is lost or too much. By
 * the guest's own count (`/proc/interrupts`), by the edges that the device gives, and by what the driver reads when it is
 * called. Needs the images and the small kernel, whose tpm_tis takes interrupts. WEBTPM_RUNS says how many commands.
 */
import { afterEach, describe, expect, it, vi } from "vitest";
import type { InterfaceName } from "../device/interfaces/interfaces.ts";
import { INT_ENABLE, REGISTERS } from "../device/tis/registers.ts";
import { readGuestImages } from "../node/tools/guest-images.ts";
import { attachNativeTpm, type NativeTpm } from "../node/tools/native-tpm.ts";
import { createNodeMachine, type NodeMachine } from "../node/tools/node-machine.ts";
import { equalBytes } from "../protocol/bytes/hex.ts";
import { build } from "../protocol/tpm2/index.ts";
import { IRQ } from "./bus.ts";

const BOOT_MS = 240_000;
const RUNS = Number(process.env.WEBTPM_RUNS ?? 200);
const RUN_MS = BOOT_MS + RUNS * 100;
/** The command with which Linux tests the line: TPM_PT_FAMILY_INDICATOR, one property. It waits a millisecond for it. */
const LINE_TEST = build.TPM2_GetCapability(6, 0x100, 1);
/** Host milliseconds, in which the guest's clock has some of its own on the busiest host. */
const LATE_MS = 1000;
const images = await readGuestImages("small");

const open: (() => Promise<void>)[] = [];
afterEach(() => Promise.all(open.splice(0).map((close) => close())));

/** What has come over the line since the machine was made. */
interface Line {
  raised: boolean;
  rises: number;
  /** How often the driver was called and found no interrupt pending. */
  spurious: number;
  /** Called at the next rise, once. */
  atRise: (() => void) | undefined;
}

interface Guest {
  machine: NodeMachine;
  native: NativeTpm;
  line: Line;
  run(command: string): Promise<string>;
}

interface Kind {
  interface: InterfaceName;
  interrupt: boolean;
  /** A command whose answer is late. */
  late?: Uint8Array;
}

async function boot({ late, ...kind }: Kind): Promise<Guest> {
  const machine = await createNodeMachine(images, images.memorySize);
  const line: Line = { raised: false, rises: 0, spurious: 0, atRise: undefined };
  const setIrq = machine.bus.setIrq.bind(machine.bus);
  machine.bus.setIrq = (number, raised) => {
    expect(number).toBe(IRQ);
    if (raised && !line.raised) line.rises++;
    line.raised = raised;
    setIrq(number, raised);
    if (!raised) return;
    line.atRise?.();
    line.atRise = undefined;
  };
  const native = await attachNativeTpm(machine.bus, {
    version: "2.0",
    delayMs: (command) => (late && equalBytes(command, late) ? LATE_MS : 0),
    ...kind,
  });
  watchDriver(native, line);
  open.push(async () => {
    await machine.emulator.destroy();
    await native.close();
  });
  machine.bus.resume();
  await machine.serial.expect(images.prompt, BOOT_MS);
  return {
    machine,
    native,
    line,
    run: async (command) => (await machine.serial.run(command, RUN_MS)).output,
  };
}

/** tpm_tis's handler reads TPM_INT_STATUS first, acknowledges what it finds, and reads it once more. */
function watchDriver({ tpm }: NativeTpm, line: Line): void {
  let acknowledged = false;
  const isStatus = (address: number) => (address & 0xffc) === REGISTERS.INT_STATUS.offset;
  tpm.tap((device, origin) => {
    if (origin !== "guest") return device;
    return {
      read(address, size) {
        const value = device.read(address, size);
        if (!isStatus(address)) return value;
        if (value === 0 && !acknowledged) line.spurious++;
        acknowledged = false;
        return value;
      },
      write(address, size, value) {
        if (isStatus(address)) acknowledged = true;
        device.write(address, size, value);
      },
    };
  });
}

/** What the guest has counted on the TPM's line; undefined where no driver has it. */
async function counted({ run }: Guest): Promise<number | undefined> {
  const count = /^ *5: +(\d+) .*tpm0/m.exec(await run("cat /proc/interrupts"))?.[1];
  return count === undefined ? undefined : Number(count);
}

const COMPLAINT = /TPM interrupt|tpm.*(timed out|timeout|error|invalid)|nobody cared|irq 5:/i;
const complaints = async ({ run }: Guest) =>
  (await run("dmesg")).split("\n").filter((line) => COMPLAINT.test(line));

describe("TIS, by interrupt", () => {
  it(`loses no interrupt and gives none too many in ${3 * RUNS} commands`, {
    timeout: 3 * RUN_MS,
  }, async () => {
    const guest = await boot({ interface: "TIS", interrupt: true });
    const { line, run } = guest;
    const before = { counted: await counted(guest), rises: line.rises, spurious: line.spurious };
    expect(before.counted).toBeGreaterThan(0);
    for (const command of ["GetRandom", "PCR_Read", "PCR_Extend"])
      expect(await run(`rawtpm ${command} ${RUNS}`)).toContain(`rawtpm end ${command} ${RUNS}`);
    await vi.waitUntil(() => !line.raised, { timeout: BOOT_MS });
    const came = (await counted(guest))! - before.counted!;
    const rises = line.rises - before.rises;
    // Each command wakes the driver at least once; a rise that finds the line's handler at work is another call of it.
    expect(rises).toBeGreaterThanOrEqual(3 * RUNS);
    expect(came).toBeGreaterThanOrEqual(rises);
    expect(came).toBeLessThan(12 * 3 * RUNS);
    expect(line.spurious - before.spurious).toBe(0);
    expect(await complaints(guest)).toEqual([]);
    console.log(`${3 * RUNS} commands: ${rises} rises of the line, ${came} interrupts in the guest`);
  });

  it("is found by the driver however late the TPM answers meanwhile", { timeout: 2 * BOOT_MS }, async () => {
    const guest = await boot({ interface: "TIS", interrupt: true, late: LINE_TEST });
    expect(Math.max(...guest.native.commands.map(({ guestMs }) => guestMs))).toBeGreaterThan(5);
    expect(await counted(guest)).toBeGreaterThan(0);
    expect(await complaints(guest)).toEqual([]);
  });

  it("is no storm when the machine is reset with the line up", { timeout: 3 * BOOT_MS }, async () => {
    const guest = await boot({ interface: "TIS", interrupt: true });
    const { machine, line, run } = guest;
    const reset = new Promise<void>((resolve) => {
      line.atRise = () => {
        machine.bus.reset();
        resolve();
      };
    });
    machine.serial.send("rawtpm GetRandom 50\n");
    await reset;
    await machine.serial.expect("WebTPM guest", BOOT_MS);
    await machine.serial.expect(images.prompt, BOOT_MS);
    const before = (await counted(guest))!;
    expect(await run("tpm2_getrandom --hex 8")).toMatch(/^[0-9a-f]{16}/);
    expect((await counted(guest))! - before).toBeLessThan(200);
    expect(await complaints(guest)).toEqual([]);
  });

  it("falls with a TPM that fails, and leaves the guest at work", { timeout: 3 * BOOT_MS }, async () => {
    const guest = await boot({ interface: "TIS", interrupt: true });
    const { native, line, run } = guest;
    const failed = new Promise<void>((resolve) => {
      line.atRise = () => {
        void native.crash();
        resolve();
      };
    });
    await run("rawtpm GetRandom 50");
    await failed;
    await vi.waitUntil(() => native.tpm.status.phase === "failed", { timeout: BOOT_MS });
    expect(line.raised).toBe(false);
    const before = line.rises;
    expect(await run("echo still here")).toBe("still here\n");
    expect(line.rises).toBe(before);
    expect((await run("dmesg")).includes("nobody cared")).toBe(false);
  });
});

describe("what polls", () => {
  it("of TIS takes no line where none is told of", { timeout: BOOT_MS }, async () => {
    const guest = await boot({ interface: "TIS", interrupt: false });
    expect(await counted(guest)).toBeUndefined();
    await guest.run(`rawtpm GetRandom ${RUNS}`);
    expect(guest.line.rises).toBe(0);
  });

  it("of CRB takes none though it is told of: Linux's tpm_crb knows no interrupt", {
    timeout: BOOT_MS,
  }, async () => {
    const guest = await boot({ interface: "CRB", interrupt: true });
    expect(await counted(guest)).toBeUndefined();
    expect(await guest.run(`rawtpm GetRandom ${RUNS}`)).toContain("rawtpm end");
    expect(guest.line.rises).toBe(0);
    expect(guest.native.tpm.read(0xfed4_0050, 4) & INT_ENABLE.GLOBAL).toBe(0);
  });
});
