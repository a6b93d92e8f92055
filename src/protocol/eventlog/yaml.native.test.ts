/** Every text here is compared with what Debian's own `tpm2_eventlog` (tpm2-tools 5.4) prints for the same log. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { ByteWriter } from "../bytes/writer.ts";
import { parseEventLog } from "./parse.ts";
import { ascii, log12, log20, type MadeEvent, wide } from "./testing.ts";
import { eventLogYaml, eventLogYamlBytes, type YamlVersion } from "./yaml.ts";

const folder = mkdtempSync(join(tmpdir(), "webtpm-yaml-"));
afterAll(() => rmSync(folder, { recursive: true }));
const testdata = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));

/** @throws when the tool refuses the log. */
function theirs(log: Uint8Array, version: YamlVersion): string {
  const file = join(folder, "log");
  writeFileSync(file, log);
  const { status, stdout, stderr, error } = spawnSync("tpm2_eventlog", [
    `--eventlog-version=${version}`,
    file,
  ]);
  if (error)
    throw new Error("tpm2_eventlog cannot be run; it is in Debian's package tpm2-tools", { cause: error });
  if (status !== 0) throw new Error(`tpm2_eventlog refused the log: ${stderr}`);
  return stdout.toString("latin1");
}

const ours = (log: Uint8Array, version: YamlVersion) =>
  Buffer.from(eventLogYamlBytes(parseEventLog(log), version)).toString("latin1");

function expectSame(log: Uint8Array): void {
  for (const version of [1, 2] as const) expect(ours(log, version)).toBe(theirs(log, version));
}

const VENDOR = new Uint8Array(16).fill(0x5a);
const variable = (name: string, value: Uint8Array) =>
  new ByteWriter()
    .bytes(VENDOR)
    .u64le(BigInt(name.length))
    .u64le(BigInt(value.length))
    .bytes(wide(name))
    .bytes(value)
    .finish();
const signatureList = (...keys: string[]) =>
  keys
    .reduce(
      (list, key) => list.bytes(VENDOR).ascii(key.padEnd(8)),
      new ByteWriter()
        .zeros(16)
        .u32le(28 + 24 * keys.length)
        .u32le(0)
        .u32le(24),
    )
    .finish();
const both = (...parts: Uint8Array[]) =>
  parts.reduce((all, part) => all.bytes(part), new ByteWriter()).finish();
const blob = new ByteWriter().u64le(0xffff_0000n).u64le(0x1_0000n).finish();
const image = (path: Uint8Array) =>
  new ByteWriter().u64le(1n).u64le(2n).u64le(3n).u64le(BigInt(path.length)).bytes(path).finish();
const loadOption = (attributes: number, text: string) =>
  new ByteWriter()
    .u32le(attributes)
    .u16le(4)
    .bytes(wide(text))
    .u16le(0)
    .bytes([0x7f, 0xff, 4, 0, 9, 9])
    .finish();

const ALL_BYTES = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join("");

const CASES: Record<string, MadeEvent[]> = {
  "types by number": [
    0, 1, 2, 4, 5, 6, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 0x7777, 0x8000_0000, 0x8000_00e1,
  ].map((type, pcr) => ({ pcr, type, data: ascii("some text") })),
  "no data at all": [1, 4, 5, 13, 0x8000_0007, 0x8000_0009].map((type) => ({
    pcr: 1,
    type,
    data: ascii(""),
  })),
  "much data": [{ pcr: 1, type: "EV_EVENT_TAG", data: new Uint8Array(3000).fill(0xab) }],
  blobs: [
    { pcr: 0, type: "EV_POST_CODE", data: blob },
    { pcr: 0, type: "EV_POST_CODE", data: ascii("ACPI DATA") },
    { pcr: 0, type: "EV_S_CRTM_CONTENTS", data: blob },
    { pcr: 0, type: "EV_EFI_PLATFORM_FIRMWARE_BLOB", data: blob },
    { pcr: 0, type: "EV_EFI_PLATFORM_FIRMWARE_BLOB2", data: both(Uint8Array.of(3), ascii("PEI"), blob) },
    {
      pcr: 1,
      type: "EV_EFI_HANDOFF_TABLES",
      data: both(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), VENDOR, blob.slice(8)),
    },
    { pcr: 1, type: "EV_EFI_HANDOFF_TABLES2", data: ascii("tables") },
  ],
  texts: [
    "",
    "x",
    "\n",
    "a\n\nb\n",
    " a",
    "\tb\0",
    "a\0b\0",
    '"q" \\ \r\x07\b\v\f\x1b\x01\x7f',
    "\xc3\xa9\xff",
    ALL_BYTES,
  ].map((text) => ({ pcr: 8, type: "EV_IPL", data: ascii(text) })),
  actions: [
    { pcr: 4, type: "EV_EFI_ACTION", data: ascii("Calling EFI Application from Boot Option") },
    { pcr: 4, type: "EV_EFI_ACTION", data: ascii("two\nlines\0and more") },
  ],
  images: [
    { pcr: 4, type: "EV_EFI_BOOT_SERVICES_APPLICATION", data: image(Uint8Array.of(4, 4, 6, 0, 0x41, 0)) },
    { pcr: 2, type: "EV_EFI_BOOT_SERVICES_DRIVER", data: image(new Uint8Array()) },
    { pcr: 2, type: "EV_EFI_RUNTIME_SERVICES_DRIVER", data: image(Uint8Array.of(1)) },
  ],
  "variables of Secure Boot": ["PK", "KEK", "db", "dbx", "SecureBoot", "other"].flatMap((name) =>
    (name === "SecureBoot"
      ? [ascii(""), Uint8Array.of(0), Uint8Array.of(1)]
      : [ascii(""), signatureList("one"), both(signatureList("one", "two"), signatureList("three"))]
    ).map((value) => ({
      pcr: 7,
      type: "EV_EFI_VARIABLE_DRIVER_CONFIG" as const,
      data: variable(name, value),
    })),
  ),
  "variables of authorities": [
    ["db", both(VENDOR, ascii("certificate"))],
    ["Shim", both(VENDOR, ascii("certificate"))],
    ["MokListTrusted", Uint8Array.of(1)],
    ["SbatLevel", ascii("sbat,1,2022\nshim,2\n")],
    ["MokListRT", ascii("x")],
  ].map(([name, value]) => ({
    pcr: 7,
    type: "EV_EFI_VARIABLE_AUTHORITY",
    data: variable(name as string, value as Uint8Array),
  })),
  "variables of the boot": [
    ["BootOrder", Uint8Array.of(0, 0, 2, 0, 0xab, 0xcd)],
    ["Boot00aF", loadOption(1, "Linux")],
    ["Boot0001", loadOption(0, "")],
    ["Boot1", ascii("x")],
  ].flatMap(([name, value]) =>
    (["EV_EFI_VARIABLE_BOOT", "EV_EFI_VARIABLE_BOOT2"] as const).map((type) => ({
      pcr: 1,
      type,
      data: variable(name as string, value as Uint8Array),
    })),
  ),
  notes: [
    { pcr: 0, type: "EV_NO_ACTION", data: ascii("StartupLocality\0\x03") },
    { pcr: 5, type: "EV_NO_ACTION", data: ascii("something else, long enough") },
    { pcr: 0, type: "EV_SEPARATOR", data: new Uint8Array(4) },
    { pcr: 23, type: "EV_ACTION", data: ascii("last") },
    { pcr: 17, type: "EV_ACTION", data: ascii("launch") },
  ],
};

describe("the YAML form", () => {
  it.each(["seabios-2.0.bin", "seabios-disk.bin", "seabios-1.2.bin", "efi-grub.bin", "efi-secure-boot.bin"])(
    "of a real log is the tool's own: %s",
    (name) => expectSame(testdata(name)),
  );

  it.each(Object.entries(CASES))("of a made log is the tool's own: %s", (_name, events) => {
    expectSame(log20(["sha256"], events));
    expectSame(log20(["sha384", "sha1", "sha512"], events));
    expectSame(log12(events.filter(({ type }) => type !== "EV_NO_ACTION")));
  });

  it("of any texts and hex is the tool's own", () => {
    const types = fc.constantFrom(1, 4, 5, 6, 8, 12, 13, 14, 0x8000_0007, 0x8000_0009, 0x1234);
    const event = fc.record({ pcr: fc.nat(23), type: types, data: fc.uint8Array({ maxLength: 40 }) });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), (events) => {
        const log = log20(["sha1", "sha256"], events);
        expect(ours(log, 1)).toBe(theirs(log, 1));
      }),
      { numRuns: 100 },
    );
  });

  it("keeps vendor's bytes in the header", () => {
    const log = log20(["sha256"], []);
    const data = both(log.slice(32, log.length - 1), Uint8Array.of(3, 0xaa, 0xbb, 0xcc));
    const header = both(log.slice(0, 28), Uint8Array.of(data.length, 0, 0, 0), data);
    expectSame(header);
    expect(ours(header, 1)).toContain('vendorInfo: "aabbcc"');
  });

  it("of what the tool refuses still shows the bytes", () => {
    const short = log20(["sha256"], [{ pcr: 7, type: "EV_EFI_VARIABLE_BOOT", data: ascii("too short") }]);
    expect(() => theirs(short, 1)).toThrow("refused");
    expect(ours(short, 1)).toContain('  Event: "746f6f2073686f7274"\npcrs:\n  sha256:\n    7  : 0x');
  });

  it("is text, too", () => {
    const log = parseEventLog(
      log20(["sha1"], [{ pcr: 8, type: "EV_IPL", data: new TextEncoder().encode("é") }]),
    );
    expect(eventLogYaml(log)).toContain('"é"');
    const odd = parseEventLog(log20(["sha1"], [{ pcr: 8, type: "EV_IPL", data: Uint8Array.of(0xff) }]));
    expect(eventLogYaml(odd)).toContain('"ÿ"');
  });
});
