/**
 * Secure Boot on real firmware: the kernel that was signed starts, one that was not is refused with the firmware's own
 * words, and PCR 7 is what can be computed without it. Needs the images and the firmware.
 */
import { afterEach, describe, expect, it } from "vitest";
import { readUefiGuest } from "../node/tools/guest-images.ts";
import { attachNativeTpm } from "../node/tools/native-tpm.ts";
import { createUefiNodeMachine } from "../node/tools/node-machine.ts";
import { measuredInto, securePolicy, variableData } from "../node/tools/secure-boot-pcr.ts";
import { toHex } from "../protocol/bytes/hex.ts";
import { attachSignature, authenticodeDigest } from "../protocol/uefi/authenticode.ts";
import { VENDOR } from "../protocol/uefi/guid.ts";
import { enroll, revoke, secureBootMode, signatureData } from "../protocol/uefi/secure-boot.ts";
import { readVariables, type UefiVariable, writeVariables } from "../protocol/uefi/variable-store.ts";

const BOOT_MS = 600_000;
const DATE = Date.UTC(2026, 0, 1);
const REFUSED = /failed to load the kernel: Access Denied/;

const images = await readUefiGuest();
const { keys, signature } = images.secureBoot!;
const kernel = images.kernel!;
const signed = attachSignature(kernel, signature);
const factory = images.uefi.variables;
const enrolled = enroll(readVariables(factory), keys, DATE);
/** One bit of the code. */
const tampered = signed.with(kernel.length >> 1, signed[kernel.length >> 1]! ^ 0x10);

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

async function boot(variables: readonly UefiVariable[], image: Uint8Array) {
  const uefi = { ...images.uefi, variables: writeVariables(factory, variables) };
  const machine = await createUefiNodeMachine(uefi, { ...images, kernel: image }, images.memorySize);
  const { tpm, close } = await attachNativeTpm(machine.bus, { version: "2.0", firmware: "uefi" }).then(
    (native) => ({ tpm: native.tpm, close: () => native.close() }),
  );
  open.push(async () => {
    await machine.emulator.destroy();
    await close();
  });
  machine.bus.resume();
  const pcr7 = async () =>
    toHex((await tpm.pcrs()).find(({ algorithm }) => algorithm === "sha256")!.values[7]!);
  return { ...machine, pcr7 };
}

/** By section 3.3.4.8 of the Firmware Profile: the policy, a separator, and the key that let the kernel start. */
function expectedPcr7(variables: readonly UefiVariable[], authority?: Uint8Array): string {
  const key = authority && variableData(VENDOR.IMAGE_SECURITY, "db", signatureData(authority));
  return measuredInto([...securePolicy(variables), ...(key ? [key] : [])]);
}

describe("Secure Boot", { timeout: BOOT_MS }, () => {
  it("starts a kernel that the key in db has signed, and measures that key", async () => {
    const pc = await boot(enrolled, signed);
    await pc.serial.expect(images.prompt, BOOT_MS);
    expect(await pc.pcr7()).toBe(expectedPcr7(enrolled, keys.db));
    await pc.serial.run("mount -t efivarfs efivarfs /sys/firmware/efi/efivars");
    const mode = await pc.serial.run(
      `cat /sys/firmware/efi/efivars/SecureBoot-${VENDOR.GLOBAL} | od -An -tu1 | tr -d ' '`,
    );
    expect(mode.output.trim()).toBe("60001");
    // What the guest cannot do: put another key there.
    const db = `/sys/firmware/efi/efivars/db-${VENDOR.IMAGE_SECURITY}`;
    const forged = await pc.serial.run(
      `chattr -i ${db}; cat ${db} > /tmp/db; cat /tmp/db > ${db}; echo "status $?"`,
    );
    expect(forged.output).toMatch(/status 1/);
  });

  it.each([
    ["was not signed", kernel, enrolled, undefined],
    ["was changed by one bit after it was signed", tampered, enrolled, undefined],
    // edk2 measures the key that it finds in db, and looks into dbx after that.
    ["is in dbx", signed, revoke(enrolled, authenticodeDigest(kernel), DATE + 1000), keys.db],
  ] as const)("refuses a kernel that %s, in the firmware's own words", async (_, image, variables, key) => {
    const pc = await boot(variables, image);
    await pc.serial.expect(REFUSED, BOOT_MS);
    expect(await pc.pcr7()).toBe(expectedPcr7(variables, key));
  });

  it("refuses nothing without a platform key", async () => {
    const variables = readVariables(factory);
    expect(secureBootMode(variables)).toBe("setup");
    const pc = await boot(variables, kernel);
    await pc.serial.expect(images.prompt, BOOT_MS);
    expect(await pc.pcr7()).toBe(expectedPcr7(variables));
  });
});
