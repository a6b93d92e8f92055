/**
 * A measured boot of real UEFI firmware (OVMF) on v86 in Node, with a real swtpm behind the device: from the reset
 * vector to the guest's shell, and again after the guest's own reset. Needs the images and the firmware.
 */
import { afterAll, describe, expect, it } from "vitest";
import { readUefiGuest } from "../node/tools/guest-images.ts";
import { attachNativeTpm, type NativeTpm } from "../node/tools/native-tpm.ts";
import { createUefiNodeMachine, type UefiNodeMachine } from "../node/tools/node-machine.ts";
import { equalBytes } from "../protocol/bytes/hex.ts";
import { compareWithPcrs, eventTypeName, parseEventLog, replay } from "../protocol/eventlog/index.ts";
import { followUefiLog } from "../session/uefi-log.ts";

const BOOT_MS = 600_000;
const MEASUREMENTS = "/sys/kernel/security/tpm0/binary_bios_measurements";
/** Firmware measures into all of these, the kernel's EFI stub the initrd into PCR 9. */
const MEASURED = [0, 1, 2, 3, 4, 5, 6, 7, 9];

const images = await readUefiGuest();
const open: (() => Promise<void>)[] = [];
afterAll(() => Promise.all(open.map((close) => close())));

async function machine(): Promise<{ machine: UefiNodeMachine; tpm: NativeTpm }> {
  const made = await createUefiNodeMachine(images.uefi, images, images.memorySize);
  const tpm = await attachNativeTpm(made.bus, { version: "2.0", firmware: "uefi" });
  const unfollow = followUefiLog(tpm.tpm, made.bus, made.emulator, images.memorySize);
  open.push(async () => {
    unfollow();
    await made.emulator.destroy();
    await tpm.close();
  });
  return { machine: made, tpm };
}

/** Waits for the shell, and looks at what the boot has left behind. */
async function booted({ serial }: UefiNodeMachine, { tpm }: NativeTpm) {
  await serial.expect(images.prompt, BOOT_MS);
  const efi = await serial.run("ls /sys/firmware/efi");
  expect(efi.output).toContain("systab");
  const size = Number((await serial.run(`wc -c < ${MEASUREMENTS}`)).output);
  // The page finds the same log as the firmware has told Linux of.
  await expect.poll(() => tpm.eventLog().length, { timeout: 60_000 }).toBe(size);
  const log = parseEventLog(tpm.eventLog());
  expect(log.problems).toEqual([]);
  const verdicts = compareWithPcrs(replay(log), await tpm.pcrs()).filter(
    ({ result }) => result !== "unknown",
  );
  expect(verdicts.filter(({ result }) => result === "differs")).toEqual([]);
  const explained = verdicts.filter(({ result }) => result === "explained").map(({ pcr }) => pcr);
  expect([...new Set(explained)].sort((a, b) => a - b)).toEqual(MEASURED);
  const parsed = await serial.run(`tpm2_eventlog ${MEASUREMENTS} | grep -c EventType:`, 60_000);
  expect(Number(parsed.output)).toBe(log.events.length);
  return log;
}

describe("a machine with UEFI", () => {
  it("measures its boot to the shell, keeps its variables, and does so again after a reset", {
    timeout: 3 * BOOT_MS,
  }, async () => {
    const { machine: pc, tpm } = await machine();
    pc.bus.resume();
    const log = await booted(pc, tpm);
    const types = log.events.map(({ type }) => eventTypeName(type));
    for (const type of [
      "EV_S_CRTM_VERSION",
      "EV_EFI_PLATFORM_FIRMWARE_BLOB",
      "EV_EFI_VARIABLE_DRIVER_CONFIG",
      "EV_EFI_BOOT_SERVICES_APPLICATION",
      "EV_SEPARATOR",
      "EV_EFI_ACTION",
    ])
      expect(types).toContain(type);

    const variables = pc.uefi.variables.content();
    expect(equalBytes(variables, images.uefi.variables)).toBe(false);
    let resets = 0;
    pc.bus.onReset(() => resets++);
    pc.serial.send("reboot -f\n");
    const second = await booted(pc, tpm);
    expect(resets).toBe(1);
    // What the first boot has written is there, and the second has nothing to add to it.
    expect(second.events.length).toBeGreaterThan(20);
    const third = await reboot(pc, tpm);
    expect(third.events.map(({ digests }) => digests)).toEqual(second.events.map(({ digests }) => digests));
  });
});

async function reboot(pc: UefiNodeMachine, tpm: NativeTpm) {
  pc.bus.reset();
  return booted(pc, tpm);
}
