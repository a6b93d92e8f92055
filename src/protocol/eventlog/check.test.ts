import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../bytes/writer.ts";
import { checkDigests } from "./check.ts";
import { describeEvent } from "./describe.ts";
import { parseEventLog } from "./parse.ts";
import { ascii, log12, log20, type MadeEvent, wide } from "./testing.ts";

const testdata = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));
const one = (event: MadeEvent) => parseEventLog(log20(["sha256"], [event])).events[1]!;
const check = (event: MadeEvent, known?: Parameters<typeof checkDigests>[1]) =>
  checkDigests(one(event), known)[0];

/** Results of all digests of a log, by event type. */
function summary(name: string) {
  const found: Record<string, string[]> = {};
  const log = parseEventLog(testdata(name));
  for (const event of log.events) {
    const type = describeEvent(event, log).name;
    const results = checkDigests(event).map(({ result }) => result);
    found[type] = [...new Set([...(found[type] ?? []), ...results])];
  }
  return found;
}

describe("digests of real logs", () => {
  it("of SeaBIOS all match", () => {
    for (const name of ["seabios-2.0.bin", "seabios-1.2.bin", "linux-sig.tcg"]) {
      expect(new Set(Object.values(summary(name)).flat())).toEqual(new Set(["matches"]));
    }
  });

  it("of a boot sector match the disk's bytes", () => {
    const sector = new Uint8Array(512);
    sector.set([0xf4, 0xeb, 0xfd]);
    sector.set([0x80, 1, 1, 0, 0x83, 0xfe, 0xff, 0xff, 63, 0, 0, 0, 0xd0, 7], 446);
    sector.set([0x55, 0xaa], 510);
    const known = [
      { name: "the boot code", bytes: sector.subarray(0, 0x1b8) },
      { name: "the partition table", bytes: sector.subarray(0x1b8) },
    ];
    const log = parseEventLog(testdata("seabios-disk.bin"));
    const last = log.events
      .slice(-2)
      .map((event) => [
        event.pcr,
        describeEvent(event, log).text,
        checkDigests(event)[1]?.result,
        checkDigests(event, known)[1]?.reason,
      ]);
    expect(last).toEqual([
      [4, "boot sector of the disk (MBR: its code)", "cannot be checked", "the sha256 hash of the boot code"],
      [
        5,
        "partition table of the disk (in its MBR)",
        "cannot be checked",
        "the sha256 hash of the partition table",
      ],
    ]);
  });

  it("of EFI firmware, shim and GRUB match, but for files and code", () => {
    const both = ["matches", "cannot be checked"];
    for (const name of ["efi-grub.bin", "efi-secure-boot.bin"]) {
      const found = summary(name);
      expect(found.EV_EFI_PLATFORM_FIRMWARE_BLOB).toEqual(["cannot be checked"]);
      expect(found.EV_EFI_BOOT_SERVICES_APPLICATION).toEqual(["cannot be checked"]);
      expect(new Set(found.EV_IPL)).toEqual(new Set(both));
      const rest = ["EV_EFI_VARIABLE_DRIVER_CONFIG", "EV_EFI_VARIABLE_BOOT", "EV_EFI_VARIABLE_AUTHORITY"];
      for (const type of [...rest, "EV_EFI_GPT_EVENT", "EV_SEPARATOR", "EV_EFI_ACTION", "EV_NO_ACTION"]) {
        expect(found[type], type).toEqual(["matches"]);
      }
    }
  });
});

describe("a digest", () => {
  const text = { pcr: 8, type: "EV_IPL" as const, data: ascii("kernel_cmdline: quiet\0") };

  it("of a text may leave out the prefix and the closing zero", () => {
    expect(check({ ...text, measured: ascii("quiet") })).toEqual({
      algorithm: "sha256",
      result: "matches",
      reason: "the sha256 hash of the text after the colon in the event's data",
    });
    expect(check({ ...text, measured: ascii("quiet\0") })?.reason).toContain("with its closing zero");
    expect(check({ ...text, data: ascii("x\0"), measured: ascii("x") })?.reason).toContain(
      "without the closing zero",
    );
    expect(check({ ...text, measured: ascii("quiet splash") })).toMatchObject({
      result: "differs",
      reason: "not the sha256 hash of the text in the event's data",
    });
  });

  it("of something else is checked when that is known", () => {
    const file = { pcr: 9, type: "EV_IPL" as const, data: ascii("/vmlinuz\0"), measured: ascii("kernel") };
    expect(check(file)?.reason).toBe(
      "it is the hash of the code or file that the text names, which is not in the log",
    );
    expect(check(file, [{ name: "the kernel", bytes: ascii("kernel") }])).toMatchObject({
      result: "matches",
      reason: "the sha256 hash of the kernel",
    });
    expect(check({ pcr: 2, type: 0x1234, data: ascii("?"), measured: ascii("x") })?.reason).toContain(
      "only the measuring software knows",
    );
  });

  it("of the event's own data must be that", () => {
    expect(
      check({ pcr: 0, type: "EV_SEPARATOR", data: ascii("\0\0\0\0"), measured: ascii("x") }),
    ).toMatchObject({
      result: "differs",
      reason: "not the sha256 hash of the event's data",
    });
  });

  it("of a variable may be that of its value", () => {
    const data = new ByteWriter().zeros(16).u64le(2n).u64le(3n).bytes(wide("ab")).ascii("xyz").finish();
    const variable = { pcr: 1, type: "EV_EFI_VARIABLE_BOOT" as const, data };
    expect(check({ ...variable, measured: ascii("xyz") })?.reason).toContain("the variable's value");
    expect(check({ ...variable, measured: ascii("abc") })?.result).toBe("cannot be checked");
  });

  it("of a note must be zeros", () => {
    const log = log12([{ pcr: 0, type: "EV_NO_ACTION", data: ascii("note") }]);
    expect(checkDigests(parseEventLog(log).events[0]!)[0]?.result).toBe("matches");
    log[8] = 1;
    expect(checkDigests(parseEventLog(log).events[0]!)[0]?.result).toBe("differs");
  });

  it("by an algorithm that is not computed here says so", () => {
    const event = { ...one(text), digests: [{ algorithm: 0x2d, digest: new Uint8Array(32) }] };
    expect(checkDigests(event)[0]).toEqual({
      algorithm: "shake256_256",
      result: "cannot be checked",
      reason: "shake256_256 hashes are not computed here",
    });
  });
});
