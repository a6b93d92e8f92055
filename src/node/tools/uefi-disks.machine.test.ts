/**
 * A disk as installed systems have it, started by real firmware with the vendors' keys and Secure Boot on: shim, GRUB and
 * Debian's kernel. Every bank of the TPM is what the log says, PCR 7 is what can be worked out without the machine, and
 * the files that GRUB reads are in PCR 9.
 */
import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { toHex } from "../../protocol/bytes/hex.ts";
import { efiSignatureLists } from "../../protocol/eventlog/efi.ts";
import { compareWithPcrs, parseEventLog, replay } from "../../protocol/eventlog/index.ts";
import { TPM_ALG } from "../../protocol/tpm2/algorithms.ts";
import { guidBytes, VENDOR } from "../../protocol/uefi/guid.ts";
import { enrollLists, signatureData } from "../../protocol/uefi/secure-boot.ts";
import { readVariables, writeVariables } from "../../protocol/uefi/variable-store.ts";
import { followUefiLog } from "../../session/uefi-log.ts";
import { diskFile, imageSection } from "./disk-files.ts";
import { readUefiDisks } from "./guest-images.ts";
import { attachNativeTpm } from "./native-tpm.ts";
import { createUefiNodeMachine } from "./node-machine.ts";
import { readByTools } from "./read-by-tools.ts";
import { measuredInto, securePolicy, variableData } from "./secure-boot-pcr.ts";

const BOOT_MS = 900_000;
const DATE = Date.UTC(2026, 0, 1);
const MEASUREMENTS = "/sys/kernel/security/tpm0/binary_bios_measurements";
const { uefi, disks, keys, prompt, memorySize } = await readUefiDisks();
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const open: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** The certificate in shim's own section, behind four numbers: two sizes, and where these two begin. */
function vendorCertificate(section: Buffer): Buffer {
  const [size, at] = [section.readUInt32LE(0), section.readUInt32LE(8)];
  return section.subarray(at, at + size);
}

/** The entry of db that a certificate of this name is. */
function entryOfDb(db: Uint8Array, name: string): Uint8Array {
  const entries = efiSignatureLists(db)!.flatMap(({ signatures }) => signatures);
  const { owner, data } = entries.find((one) => Buffer.from(one.data).includes(name))!;
  return signatureData(data, owner);
}

describe("a disk with shim, GRUB and Debian's kernel", { timeout: BOOT_MS }, () => {
  it("starts where the vendors' keys are, and is measured", async () => {
    const variables = enrollLists(readVariables(uefi.variables), keys.vendor, DATE);
    const image = { ...uefi, variables: writeVariables(uefi.variables, variables) };
    const pc = await createUefiNodeMachine(image, { hda: disks.grub, prompt }, memorySize);
    const { tpm, ...native } = await attachNativeTpm(pc.bus, { version: "2.0", firmware: "uefi" }).then(
      (made) => ({ tpm: made.tpm, close: () => made.close() }),
    );
    const unfollow = followUefiLog(tpm, pc.bus, pc.emulator, memorySize);
    open.push(async () => {
      unfollow();
      await pc.emulator.destroy();
      await native.close();
    });
    pc.bus.resume();
    await pc.serial.expect(prompt, BOOT_MS);

    const log = parseEventLog(tpm.eventLog());
    expect(log.problems).toEqual([]);
    const banks = await tpm.pcrs();
    const verdicts = compareWithPcrs(replay(log), banks);
    expect(verdicts.filter(({ result }) => result === "differs" || result === "unknown")).toEqual([]);

    const shim = await diskFile(disks.grub, "EFI/BOOT/BOOTIA32.EFI");
    const authority = entryOfDb(keys.vendor.db, "Microsoft Corporation UEFI CA 2011");
    const debian = vendorCertificate(await imageSection(shim, ".vendor_cert"));
    // What shim revokes whole generations by; it has put that into a variable.
    const sbat = readVariables(pc.uefi.variables.content()).find(({ name }) => name === "SbatLevel")!;
    expect(Buffer.from(sbat.data).toString()).toMatch(/^sbat,1,\d+\nshim,\d+\n/);
    expect(toHex(banks.find(({ algorithm }) => algorithm === "sha256")!.values[7]!)).toBe(
      measuredInto([
        ...securePolicy(variables),
        variableData(VENDOR.IMAGE_SECURITY, "db", authority),
        variableData(VENDOR.SHIM, "SbatLevel", sbat.data),
        variableData(VENDOR.SHIM, "MokListRT", Buffer.concat([guidBytes(VENDOR.SHIM), debian])),
      ]),
    );

    const inPcr9 = log.events
      .filter(({ pcr }) => pcr === 9)
      .map(({ digests }) => toHex(digests.find(({ algorithm }) => algorithm === TPM_ALG.SHA256.id)!.digest));
    for (const path of ["vmlinuz", "initrd.img"])
      expect(inPcr9, path).toContain(sha256(await diskFile(disks.grub, path)));

    const counted = await pc.serial.run(
      `tpm2_eventlog ${MEASUREMENTS} 2>/dev/null | grep -c EventType:`,
      BOOT_MS,
    );
    const sizes = log.events.map(({ type, data }) => ({ type, size: data.length }));
    expect(Number(counted.output)).toBe(readByTools(sizes));
  });
});
