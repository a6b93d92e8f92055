/**
 * Debian as it is installed on a PC, on the machine with its TPM, in Node: it boots from its disk with the options that
 * Debian's own installer gives the kernel, finds its TPM, and seals keys to the boot. Takes minutes, and the disk of
 * `npm run debian`: `WEBTPM_DEBIAN=1 npm run machine -- debian`.
 */
import { afterEach, describe, expect, it } from "vitest";
import { type Booted, bootInNode } from "../node/tools/boot.ts";
import { debianDisk } from "../node/tools/debian-guest.ts";

const BOOT_MS = 900_000;
const RUN_MS = 300_000;

const machines: Booted[] = [];
afterEach(() => Promise.all(machines.splice(0).map((machine) => machine.close())));

/** At root's shell on the serial port. */
async function logIn({ serial }: Booted): Promise<void> {
  await serial.expect(/login: $/, BOOT_MS);
  serial.send("root\n");
  await serial.expect(/# $/, RUN_MS);
}

async function boot(tpm: "2.0" | "1.2"): Promise<Booted> {
  const { hda, memorySize } = await debianDisk();
  const machine = await bootInNode({ tpm, hda, memorySize });
  machines.push(machine);
  await logIn(machine);
  return machine;
}

const run = async ({ serial }: Booted, command: string, status = 0) => {
  const ended = await serial.run(command, RUN_MS);
  expect(ended.status, `${command}\n${ended.output}`).toBe(status);
  return ended.output;
};

async function reboot(machine: Booted): Promise<void> {
  machine.serial.send("systemctl reboot\n");
  await logIn(machine);
}

/** What an administrator looks at first. */
async function inOrder(machine: Booted): Promise<void> {
  expect(await run(machine, "systemctl is-system-running --wait")).toContain("running");
  expect(await run(machine, "systemctl --failed --no-legend --plain | cat")).toBe("");
  expect(await run(machine, "cat /proc/cmdline")).toMatch(/^BOOT_IMAGE=\S+ root=UUID=\S+ ro quiet\n$/);
  expect(
    await run(machine, "journalctl -b --no-pager | grep -i tpm | grep -iE 'time.?out|timed out' || true"),
  ).toBe("");
}

/** A second disk's key, sealed to the firmware, its set-up and the boot loader. */
const SEALED = [
  "printf secret >/root/key",
  "cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 /dev/sda2 /root/key",
  "PASSWORD=secret systemd-cryptenroll --tpm2-device=auto --tpm2-pcrs=0+2+4+7 /dev/sda2",
  "echo 'sealed /dev/sda2 none tpm2-device=auto' >>/etc/crypttab",
];

/** By tcsd; an endorsement key comes with a kept TPM, and is made here. */
const OWNED = [
  "cd /root && systemctl start tcsd.service",
  "tpm_createek",
  "tpm_takeownership -y -z",
  "echo secret >secret && tpm_sealdata -z -p 0 -p 4 -i secret -o sealed",
  "tpm_unsealdata -z -i sealed -o unsealed && cmp secret unsealed",
  "tpm_mkuuid uuid && tpm_mkaik -z blob pub && tpm_loadkey blob uuid",
  "head -c 20 /dev/urandom >nonce && tpm_getquote uuid nonce quote 0 1 2 4",
];

describe.runIf(process.env.WEBTPM_DEBIAN)("Debian on its disk", () => {
  it("boots unprepared, and its TPM unlocks a disk at every boot", { timeout: 4 * BOOT_MS }, async () => {
    const machine = await boot("2.0");
    await inOrder(machine);
    for (const command of SEALED) await run(machine, command);
    await run(machine, "systemctl daemon-reload && systemctl start systemd-cryptsetup@sealed.service");
    await run(
      machine,
      "mke2fs -q /dev/mapper/sealed && mount /dev/mapper/sealed /mnt && echo inside >/mnt/file && umount /mnt",
    );
    for (let boots = 0; boots < 2; boots++) {
      await reboot(machine);
      await inOrder(machine);
      expect(await run(machine, "mount /dev/mapper/sealed /mnt && cat /mnt/file")).toBe("inside\n");
    }
    // Whatever measures something else in its place does not get it.
    await run(machine, "umount /mnt && systemctl stop systemd-cryptsetup@sealed.service");
    await run(machine, `tpm2_pcrextend 4:sha256=${"11".repeat(32)}`);
    const refused = "/lib/systemd/systemd-cryptsetup attach sealed /dev/sda2 - tpm2-device=auto,headless=1";
    await run(machine, refused, 1);
    await run(machine, "test ! -e /dev/mapper/sealed");
  });

  it("has a TPM 1.2 that its daemon owns, seals and quotes with", { timeout: 2 * BOOT_MS }, async () => {
    const machine = await boot("1.2");
    await inOrder(machine);
    for (const command of OWNED) await run(machine, command);
  });
});
