import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../bytes/writer.ts";
import { describeEvent } from "./describe.ts";
import { EVENT_TYPES } from "./event-types.ts";
import { parseEventLog } from "./parse.ts";
import { ascii, log12, log20, type MadeEvent, wide } from "./testing.ts";

const testdata = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));
const described = (bytes: Uint8Array) => {
  const log = parseEventLog(bytes);
  return log.events.map((event) => describeEvent(event, log));
};
const one = (event: MadeEvent) => described(log12([event]))[0];
const text = (type: MadeEvent["type"], data: Uint8Array) => one({ pcr: 1, type, data })?.text;
const u32 = (...values: number[]) => values.reduce((w, value) => w.u32le(value), new ByteWriter());

describe("events in words", () => {
  it("of SeaBIOS", () => {
    const events = described(testdata("seabios-2.0.bin"));
    expect(events.slice(0, 7).map(({ text }) => text)).toEqual([
      "header: a log with a digest for each bank",
      "SMBIOS structures",
      '"Start Option ROM Scan"',
      "an option ROM was run",
      "an option ROM was run",
      '"Calling INT 19h"',
      "end of the firmware's part: no error",
    ]);
    expect(events[0]?.details).toContainEqual({ label: "banks", value: "sha1, sha256, sha384, sha512" });
    expect(events[3]?.details.at(-1)).toEqual({
      label: "SHA-1 of the ROM",
      value: "73317636627e30c5474d0feefdb1d31afbcab72a",
    });
    expect(new Set(events.map(({ maker }) => maker))).toEqual(new Set(["firmware"]));
  });

  it("of EFI firmware, shim and GRUB", () => {
    const events = described(testdata("efi-secure-boot.bin"));
    const texts = events.map(({ text }) => text);
    for (const wanted of [
      "12582912 bytes at 0x900000",
      "SecureBoot = on",
      "KEK = 2 keys or hashes",
      "dbx = 1 key or hash",
      "BootOrder = Boot0001, Boot0000, Boot0002",
      'Boot0000 = "UiApp"',
      "disk 12345678-1234-5678-9abc-def012345678, 2 partition(s)",
      "\\EFI\\BOOT\\grubx64.efi",
      'SbatLevel = "sbat,1,2025021800\\nshim,4\\ngrub,5\\n"',
      '"grub_cmd: echo hello ü from grub"',
    ]) {
      expect(texts).toContain(wanted);
    }
    const gpt = events.find(({ name }) => name === "EV_EFI_GPT_EVENT");
    expect(gpt?.details).toContainEqual({ label: "EFI System", value: "sectors 2048 to 83967" });
    expect(events.filter(({ maker }) => maker === "boot loader")).toHaveLength(14);
  });

  it("of other kinds", () => {
    expect(text("EV_SEPARATOR", u32(1).finish())).toBe(
      "end of the firmware's part, after an error (0x00000001)",
    );
    expect(text("EV_COMPACT_HASH", u32(0x41).finish())).toBe("tag 0x00000041");
    expect(text("EV_IPL", ascii("MBR"))).toBe("boot sector of the disk (MBR: its code)");
    expect(text("EV_NO_ACTION", ascii("StartupLocality\0\x03"))).toBe("the TPM was started from locality 3");
    expect(text("EV_S_CRTM_VERSION", wide("1.0\0"))).toBe('"1.0"');
    expect(text("EV_EVENT_TAG", u32(0x99, 1).u8(7).finish())).toBe("tag 0x00000099: 07");
    expect(text("EV_POST_CODE", u32(0, 0xff, 0x1000, 0).finish())).toBe("4096 bytes at 0xFF00000000");
    expect(text("EV_EVENT_TAG", new Uint8Array())).toBe("no data");
    expect(text(0x4242, new Uint8Array(40).fill(0xab))).toBe(`${"ab".repeat(32)}… (40 bytes)`);
    expect(one({ pcr: 1, type: 0x4242, data: ascii("x") })).toMatchObject({
      name: "0x00004242",
      meaning: "a type that the specification does not list",
    });
    const tables = u32(1, 0)
      .bytes([0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11, 0x9a, 0x16])
      .bytes([0, 0x90, 0x27, 0x3f, 0xc1, 0x4d]);
    expect(text("EV_EFI_HANDOFF_TABLES", tables.u64le(0x1234n).finish())).toBe("SMBIOS");
  });
});

describe("who made an event", () => {
  const makers = (...events: MadeEvent[]) =>
    described(log20(["sha1"], events))
      .slice(1)
      .map(({ maker }) => maker);
  const text = (pcr: number, data: string): MadeEvent => ({ pcr, type: "EV_IPL", data: ascii(data) });

  it("is judged by PCR, type and company", () => {
    const loader = [text(8, "grub_cmd: boot\0"), text(9, "/vmlinuz\0")];
    expect(makers(...loader)).toEqual(["boot loader", "boot loader"]);
    const direct = [text(9, "(direct)/vmlinuz\0"), text(8, "kernel_cmdline: quiet\0")];
    expect(makers(...direct)).toEqual(["direct boot", "direct boot"]);
    expect(
      makers(
        { pcr: 0, type: "EV_EFI_HCRTM_EVENT", data: ascii("HCRTM") },
        text(4, "MBR"),
        { pcr: 9, type: "EV_EVENT_TAG", data: u32(0x8f3b22ec, 0).finish() },
        text(11, "linux"),
        text(10, "x"),
        text(20, "x"),
        { pcr: 4, type: "EV_COMPACT_HASH", data: u32(1).finish() },
      ),
    ).toEqual(["hardware", "firmware", "kernel", "kernel", "IMA", "unknown", "boot loader"]);
  });
});

describe("the table of types", () => {
  it("has each number once, and says what is hashed where it is not the data", () => {
    const rows = Object.values(EVENT_TYPES);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    for (const row of rows) {
      const elsewhere = row.covers === "other" || row.covers === "either";
      expect("measured" in row, row.meaning).toBe(elsewhere);
    }
  });
});
