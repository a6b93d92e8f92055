/**
 * Measured boots of the real firmware and the real guest on v86 in Node, with a real swtpm behind the device: one
 * machine for each TPM version, booted twice. The second boot of the TPM 2.0 machine has a TPM so slow that
 * firmware and driver would give it up by any clock but ours.
 *
 * Needs the images (`npm run images`) and swtpm. About a minute with the small kernel, more with the stock one.
 */
import { afterAll, describe, expect, it } from "vitest";
import { readGuestImages } from "../node/tools/guest-images.ts";
import { attachNativeTpm, type NativeTpm } from "../node/tools/native-tpm.ts";
import { createNodeMachine, type NodeMachine } from "../node/tools/node-machine.ts";
import { equalBytes, toHex } from "../protocol/bytes/hex.ts";
import { compareWithPcrs } from "../protocol/eventlog/compare-pcrs.ts";
import { parseEventLog } from "../protocol/eventlog/parse.ts";
import { replay } from "../protocol/eventlog/replay.ts";
import { TPM_CC } from "../protocol/tpm2/command-codes.ts";
import { commandCode } from "../protocol/tpm2/parse.ts";
import { inspectFirmware } from "./firmware/inspect.ts";

const BOOT_MS = 120_000;
/** Every command, and the full self-test: limits of firmware are 750 ms and 2 s. */
const SLOW = { command: 800, selfTest: 5_000 };
/** Longest that a command may seem to take in the guest; the grace time is 20 ms of it. */
const SEEMS_MS = 300;

const images = await readGuestImages();
const open: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(open.map((close) => close())));

async function machineWith(version: "2.0" | "1.2"): Promise<{ machine: NodeMachine; tpm: NativeTpm }> {
  const machine = await createNodeMachine(images, images.memorySize);
  const tpm = await attachNativeTpm(machine.bus, { version });
  open.push(async () => {
    await machine.emulator.destroy();
    await tpm.close();
  });
  return { machine, tpm };
}

/** Waits for the shell and reads the kernel's log. */
async function booted({ serial }: NodeMachine): Promise<string> {
  await serial.expect(images.prompt, BOOT_MS);
  const { output } = await serial.run("dmesg");
  const times = Array.from(output.matchAll(/^\[\s*(\d+\.\d+)\]/gm), ([, seconds]) => Number(seconds));
  expect(times.length).toBeGreaterThan(50);
  // The kernel's clock is the TSC: one that had gone back would give these lines times of centuries.
  expect(times.at(-1)).toBeLessThan(BOOT_MS / 1000);
  return output;
}

/** What a boot has left behind: log and PCRs, checked against each other. */
async function measured({ tpm }: NativeTpm) {
  const bytes = tpm.eventLog();
  const log = parseEventLog(bytes);
  expect(log.problems).toEqual([]);
  const named = new Set(log.algorithms.map(({ name }) => name));
  const banks = (await tpm.pcrs()).filter(({ algorithm }) => named.has(algorithm));
  expect(banks).toHaveLength(named.size);
  const verdicts = compareWithPcrs(replay(log), banks);
  // Firmware measures into 0 to 7; Linux's IMA extends 10 without an entry in this log.
  const wrong = verdicts.filter(({ result }) => result === "differs" || result === "unknown");
  expect(wrong).toEqual([]);
  const explained = new Set(verdicts.filter(({ result }) => result === "explained").map(({ pcr }) => pcr));
  expect([...explained]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  const values = banks.map(
    ({ algorithm, values }) => `${algorithm}: ${values.slice(0, 10).map(toHex).join(" ")}`,
  );
  return { bytes, log, values };
}

const timeouts = /(time[d-]?[ -]?out|tpm.*(error|fail|invalid)|giving up)/i;

describe("a TPM 2.0 machine", () => {
  it("measures its boot, restarts the TPM with the guest, and bears a slow TPM", {
    timeout: 3 * BOOT_MS,
  }, async () => {
    const { machine, tpm } = await machineWith("2.0");
    expect(inspectFirmware(images.bios).problem).toBeUndefined();
    let resets = 0;
    machine.bus.onReset(() => resets++);
    machine.bus.resume();

    const dmesg = await booted(machine);
    expect(dmesg).toMatch(/ACPI: TPM2 0x[0-9A-F]+ 00004C/);
    expect(dmesg).toContain("tpm_tis MSFT0101:00: 2.0 TPM (device-id 0x1, rev-id 1)");
    const first = await measured(tpm);
    expect(first.log.format).toBe("2.0");
    const { serial } = machine;
    const guestLog = await serial.run("wc -c < /sys/kernel/security/tpm0/binary_bios_measurements");
    expect(Number(guestLog.output)).toBe(first.log.end);
    const guestPcr = await serial.run("tpm2_pcrread sha256:4");
    expect(guestPcr.output.toLowerCase()).toContain(
      first.values.find((v) => v.startsWith("sha256"))?.split(" ")[5],
    );

    tpm.delayMs = (command) => (commandCode(command) === TPM_CC.SelfTest ? SLOW.selfTest : SLOW.command);
    const before = tpm.commands.length;
    serial.send("reboot -f\n");
    const slowDmesg = await booted(machine);
    const slow = tpm.commands.slice(before);
    tpm.delayMs = () => 0;

    expect(resets).toBe(1);
    expect(slowDmesg).toContain("tpm_tis MSFT0101:00: 2.0 TPM (device-id 0x1, rev-id 1)");
    expect(slowDmesg.split("\n").filter((line) => timeouts.test(line))).toEqual([]);
    expect(machine.firmwareLog.filter((line) => timeouts.test(line))).toEqual([]);
    expect(slow.length).toBeGreaterThan(30);
    expect(Math.min(...slow.map(({ hostMs }) => hostMs))).toBeGreaterThanOrEqual(SLOW.command - 5);
    expect(Math.max(...slow.map(({ hostMs }) => hostMs))).toBeGreaterThanOrEqual(SLOW.selfTest - 5);
    expect(Math.max(...slow.map(({ guestMs }) => guestMs))).toBeLessThan(SEEMS_MS);
    const second = await measured(tpm);
    expect(second.values).toEqual(first.values);
    expect(equalBytes(first.bytes, second.bytes)).toBe(true);
    expect(tpm.tpm.status.phase).toBe("ready");
  });
});

describe("a TPM 1.2 machine", () => {
  it("measures its boot and restarts the TPM with the machine", { timeout: 2 * BOOT_MS }, async () => {
    const { machine, tpm } = await machineWith("1.2");
    machine.bus.resume();
    const dmesg = await booted(machine);
    expect(dmesg).toMatch(/ACPI: TCPA 0x[0-9A-F]+ 000032/);
    expect(dmesg).toMatch(/tpm_tis 00:\d+: 1\.2 TPM \(device-id 0x1, rev-id 1\)/);
    const first = await measured(tpm);
    expect(first.log.format).toBe("1.2");
    const listed = await machine.serial.run("cat /sys/class/tpm/tpm0/pcrs");
    expect(listed.output.match(/^PCR-\d\d:/gm)?.length).toBe(24);

    machine.bus.reset();
    await booted(machine);
    expect((await measured(tpm)).values).toEqual(first.values);
    expect(tpm.tpm.status.phase).toBe("ready");
  });
});
