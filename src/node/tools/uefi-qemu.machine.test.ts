/**
 * The same firmware, variables, kernel and command line in Debian's QEMU and on v86, each with a swtpm of its own: the
 * logs have the same events, with the same digests but for what is another machine's.
 */
import { createHash } from "node:crypto";
import { afterAll, describe, expect, it } from "vitest";
import { equalBytes, toHex } from "../../protocol/bytes/hex.ts";
import { efiBlob } from "../../protocol/eventlog/efi.ts";
import { EVENT_TYPES } from "../../protocol/eventlog/event-types.ts";
import { eventTypeName, type LogEvent, parseEventLog } from "../../protocol/eventlog/index.ts";
import { TPM_ALG } from "../../protocol/tpm2/algorithms.ts";
import { authenticodeDigest } from "../../protocol/uefi/authenticode.ts";
import { followUefiLog } from "../../session/uefi-log.ts";
import { readUefiGuest } from "./guest-images.ts";
import { attachNativeTpm } from "./native-tpm.ts";
import { createUefiNodeMachine } from "./node-machine.ts";
import { startQemu } from "./qemu-machine.ts";

const BOOT_MS = 900_000;
const MEASUREMENTS = "/sys/kernel/security/tpm0/binary_bios_measurements";
const BLOB = EVENT_TYPES.EV_EFI_PLATFORM_FIRMWARE_BLOB.id;
const images = await readUefiGuest();
const open: (() => Promise<unknown>)[] = [];
afterAll(() => Promise.all(open.map((close) => close())));

/** The log on v86, and the volume for PEI as it lay in memory when it was measured. */
interface Ours {
  events: readonly LogEvent[];
  volume: Uint8Array;
}

async function onV86(): Promise<Ours> {
  const pc = await createUefiNodeMachine(images.uefi, images, images.memorySize);
  const native = await attachNativeTpm(pc.bus, { version: "2.0", firmware: "uefi" });
  const unfollow = followUefiLog(native.tpm, pc.bus, pc.emulator, images.memorySize);
  open.push(async () => {
    unfollow();
    await pc.emulator.destroy();
    await native.close();
  });
  pc.bus.resume();
  // Before Linux takes that memory.
  await expect.poll(() => native.tpm.eventLog().length, { timeout: BOOT_MS }).toBeGreaterThan(0);
  const first = parseEventLog(native.tpm.eventLog()).events.find(({ type }) => type === BLOB)!;
  const { base, length } = efiBlob(first.data, false)!;
  const volume = pc.emulator.read_memory(Number(base), Number(length)).slice();
  await pc.serial.expect(images.prompt, BOOT_MS);
  return { events: parseEventLog(native.tpm.eventLog()).events, volume };
}

async function inQemu(): Promise<readonly LogEvent[]> {
  const qemu = await startQemu({
    memorySize: images.memorySize,
    files: {
      code: images.uefi.code,
      variables: images.uefi.variables,
      kernel: images.kernel!,
      initrd: images.initrd!,
    },
    args: (path) => [
      ...["-drive", `if=pflash,format=raw,unit=0,readonly=on,file=${path("code")}`],
      ...["-drive", `if=pflash,format=raw,unit=1,file=${path("variables")}`],
      // v86 does not sleep either; firmware that can would reserve memory for it, and write that down in itself.
      ...["-global", "PIIX4_PM.disable_s3=1"],
      ...["-vga", "std", "-kernel", path("kernel"), "-initrd", path("initrd")],
      ...["-append", images.cmdline!],
    ],
  });
  open.push(() => qemu.close());
  const says = (pattern: RegExp) =>
    Promise.race([expect.poll(() => qemu.watch.text, { timeout: BOOT_MS }).toMatch(pattern), qemu.ended]);
  await says(new RegExp(images.prompt));
  qemu.send(`base64 ${MEASUREMENTS}; echo "e""nd"\n`);
  await says(/\nend\r?\n/);
  const { text } = qemu.watch;
  const base64 = text
    .slice(text.lastIndexOf('"nd"') + 4, text.lastIndexOf("end"))
    .replace(/[^A-Za-z0-9+/=]/g, "");
  return parseEventLog(new Uint8Array(Buffer.from(base64, "base64"))).events;
}

/** Two of PlatformPei's variables, which lie in the volume that it came in: the window for PCI devices above 4 GiB. */
const WINDOW = { base: 0xe_0000_0000n, size: 0x2_0000_0000n, baseAt: 0x12, sizeAt: 0x1a } as const;
/** What stands before them: 36 address bits, and where memory is not cached: 2 GiB from 2 GiB on. */
const BEFORE_WINDOW = Buffer.from("240000008000000080", "hex");

/** The volume for PEI as QEMU's firmware measures it, from what ours has in memory. */
function volumeInQemu(volume: Uint8Array): Uint8Array {
  const other = Buffer.from(volume);
  const at = other.indexOf(BEFORE_WINDOW);
  expect(at).toBeGreaterThan(0);
  other.writeBigUInt64LE(WINDOW.base, at + WINDOW.baseAt);
  other.writeBigUInt64LE(WINDOW.size, at + WINDOW.sizeAt);
  return other;
}

/**
 * The kernel as QEMU's `-kernel` hands it to firmware: it fills in what the boot protocol leaves to loaders
 * (Documentation/x86/boot.rst in Linux; QEMU 7.2, hw/i386/x86.c).
 */
function kernelInQemu(kernel: Uint8Array, initrd: Uint8Array, memorySize: number): Uint8Array {
  const changed = Uint8Array.from(kernel);
  const header = new DataView(changed.buffer);
  header.setUint8(0x210, 0xb0); // type_of_loader
  header.setUint8(0x211, header.getUint8(0x211) | 0x80); // loadflags: there is a heap
  header.setUint16(0x224, 0xfe00, true); // heap_end_ptr
  header.setUint32(0x228, 0x2_0000, true); // cmd_line_ptr
  const most = Math.min(header.getUint32(0x22c, true), memorySize - 0x2_8000 - 1);
  header.setUint32(0x218, (most - initrd.length) & ~0xfff, true); // ramdisk_image
  header.setUint32(0x21c, initrd.length, true); // ramdisk_size
  return changed;
}

/** Every event whose digest is another there: which, why, and what it is worked out from. */
const DIFFERENCES = [
  {
    pcr: 0,
    type: "EV_EFI_PLATFORM_FIRMWARE_BLOB",
    why: "the firmware has written into the volume before it measures it: a window for PCI above 4 GiB, which v86 has not",
    theirs: ({ volume }: Ours) => sha256(volumeInQemu(volume)),
  },
  {
    pcr: 4,
    type: "EV_EFI_BOOT_SERVICES_APPLICATION",
    why: "QEMU fills fields of the kernel's header in before it hands it over; here it stays as it was built and signed",
    theirs: () => toHex(authenticodeDigest(kernelInQemu(images.kernel!, images.initrd!, images.memorySize))),
  },
] as const;

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const digestOf = ({ digests }: LogEvent) =>
  toHex(digests.find(({ algorithm }) => algorithm === TPM_ALG.SHA256.id)?.digest ?? new Uint8Array());

describe("UEFI on v86 and in QEMU", { timeout: 2 * BOOT_MS }, () => {
  it("measures the same, but for what is explained", async () => {
    const [ours, theirs] = [await onV86(), await inQemu()];
    const kinds = (events: readonly LogEvent[]) =>
      events.map(({ pcr, type }) => `${pcr} ${eventTypeName(type)}`);
    expect(kinds(theirs)).toEqual(kinds(ours.events));
    const left: { pcr: number; type: string; theirs(ours: Ours): string }[] = [...DIFFERENCES];
    for (const [index, event] of ours.events.entries()) {
      const other = theirs[index]!;
      if (event.digests.every(({ digest }, bank) => equalBytes(digest, other.digests[bank]!.digest)))
        continue;
      const known = left.shift();
      expect(`${event.pcr} ${eventTypeName(event.type)}`).toBe(`${known?.pcr} ${known?.type}`);
      expect(digestOf(other)).toBe(known?.theirs(ours));
    }
    expect(left).toEqual([]);
    expect(sha256(ours.volume)).toBe(digestOf(ours.events.find(({ type }) => type === BLOB)!));
  });
});
