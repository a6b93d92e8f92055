/** What is said of the shapes that real machines' logs have: see testing-shapes.ts. */
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/hex.ts";
import { checkDigests } from "./check.ts";
import { describeEvent } from "./describe.ts";
import { isImaList } from "./ima/parse.ts";
import { parseEventLog } from "./parse.ts";
import { registerMeaning, registerName } from "./registers.ts";
import { replay } from "./replay.ts";
import { LOG_SHAPES } from "./testing-shapes.ts";
import { eventLogYaml } from "./yaml.ts";

const bytesOf = (name: string) => {
  const shape = LOG_SHAPES[name];
  if (!shape) throw new RangeError(`no shape ${name}`);
  return shape.bytes;
};
const read = (name: string) => parseEventLog(bytesOf(name));
const described = (name: string) => {
  const log = read(name);
  return log.events.map((event) => describeEvent(event, log));
};
const texts = (name: string) => described(name).map(({ text }) => text);
const problems = (name: string) => read(name).problems.map(({ message }) => message);
const results = (name: string) =>
  read(name).events.map((event) => checkDigests(event).map(({ reason }) => reason)[0]);

/** Shapes that are not as they should be, with what is said of them. */
const WRONG: Readonly<Record<string, readonly string[]>> = {
  "vendor's bytes behind the header's event": [
    "the vendor's bytes in the header go on for 4 byte(s) behind its event",
  ],
  "vendor's bytes behind the header's event, and events": [
    "the vendor's bytes in the header go on for 4 byte(s) behind its event",
  ],
  "more of the vendor's bytes announced than are there": [
    "the header says that it has 9 bytes of the vendor's, 0 are there",
  ],
  "an event without a bank's digest": ["event 31 has no sha256 digest"],
  "an event without digests": ["event 1 has no sha1 digest"],
  "a log that is cut off": ["event 30 says it has 29 bytes of data, 22 are left"],
};
const UNLISTED = "an event with a digest that the header does not list";

describe("a shape of real logs", () => {
  it.each(Object.keys(LOG_SHAPES).filter((name) => name !== UNLISTED))(
    "is read, and only what is wrong is a problem: %s",
    (name) => {
      expect(problems(name)).toEqual(WRONG[name] ?? []);
      expect(read(name).events.length).toBeGreaterThan(0);
      expect(isImaList(bytesOf(name))).toBe(false);
    },
  );

  it("keeps all of an image's bytes behind its device path", () => {
    const yaml = eventLogYaml(read("an image with bytes behind its device path"));
    expect(yaml).toContain(
      `LengthOfDevicePath: 0\n    DevicePath: '${toHex(new TextEncoder().encode("nine more"))}'`,
    );
    const [first] = described("an image with bytes behind its device path");
    expect(first?.details).toContainEqual({ label: "behind the device path", value: '"nine more"' });
    expect(texts("an image whose device path is said to be longer than the event")[1]).toBe("\\a.efi");
  });

  it("makes no PCR of a note that is for none", () => {
    for (const name of ["notes for no PCR", "notes for no PCR in a log of TPM 2.0"]) {
      expect(eventLogYaml(read(name))).not.toContain("4294967295");
    }
  });

  it("keeps the header's fields, whatever its vendor's bytes", () => {
    const outside = read("vendor's bytes behind the header's event, and events");
    expect(outside.specId).toMatchObject({ versionMajor: 2, vendorInfo: new TextEncoder().encode("vendor") });
    expect(outside.events).toHaveLength(31);
    const [bank] = replay(read("vendor's bytes behind the header's event"));
    expect(bank?.extended).toEqual([]);
    const announced = read("more of the vendor's bytes announced than are there");
    expect(announced.specId).toMatchObject({ versionMajor: 2, vendorInfo: new Uint8Array() });
    expect(announced.events).toHaveLength(31);
  });

  it("has texts that are filled up with zeros, and zeros that are no text", () => {
    expect(texts("text filled up with zeros")).toEqual(['"GCE NonHostInfo"']);
    expect(texts("settings of a maker")).toEqual([
      "00",
      '"Dell Configuration Information 1"',
      "tag 0x00000041",
    ]);
  });

  it("has separators of which the value 1 alone is an error", () => {
    expect(texts("a separator of Windows")).toEqual(["here Windows' own measurements begin or end (WBCL)"]);
    expect(texts("separators of other values")).toEqual([
      "end of the firmware's part: no error",
      "end of the firmware's part, after an error (0x00000001)",
      "a separator of another kind: 02000000",
      "end of the firmware's part: no error",
    ]);
  });

  it("has variables that are hashed by their value", () => {
    const reasons = results("EFI of TPM 1.2 whose variables are hashed by their values");
    expect(new Set(reasons)).toEqual(new Set(["the sha1 hash of the variable's value"]));
  });

  it("has settings of the firmware that came by the short BIOS call", () => {
    expect(described("settings of a maker").map(({ maker }) => maker)).toEqual(Array(3).fill("firmware"));
  });

  it("has notes that were hashed all the same", () => {
    expect(results("a note that was hashed")).toEqual([
      "the sha1 hash of the event's data",
      "the sha1 hash of the event's data; zeros are usual, for it was not extended",
    ]);
    const { events } = read("a note that was hashed");
    const other = { ...events[1]!, data: new Uint8Array(4) };
    expect(checkDigests(other)[0]?.result).toBe("cannot be checked");
    expect(checkDigests({ ...other, pcr: 0 })[0]?.result).toBe("differs");
  });

  it("has texts that every object knows as a name", () => {
    expect(texts("names that every object has")).toEqual(['"constructor"', '"__proto__"', '"toString"']);
    for (const { details } of described("names that every object has")) expect(details).toEqual([]);
  });

  it("ends where its area is filled up", () => {
    for (const name of ["zeros behind the last event", "0xFF behind the last event"]) {
      expect(read(name).end).toBe(bytesOf(name).length - 200);
    }
    const stray = bytesOf("0xFF behind the last event").slice();
    stray[stray.length - 1] = 7;
    expect(parseEventLog(stray).problems).toEqual([
      { offset: stray.length - 1, message: "there are bytes other than 0xFF after the end of the log" },
    ]);
  });

  it("has a bank that the header forgot", () => {
    const log = read(UNLISTED);
    expect(log.specId?.algorithms.map(({ name }) => name)).toEqual(["sha1"]);
    expect(log.problems[0]?.message).toBe("event 1 has a sha384 digest, which the header does not list");
    expect(replay(log).map(({ algorithm, extended }) => [algorithm, extended.length])).toEqual([
      ["sha1", 11],
      ["sha384", 1],
    ]);
  });

  it("has banks of SM3 and SHA-3, which are replayed", () => {
    const banks = [...replay(read("EFI with an SM3 bank")), ...replay(read("EFI with SHA-3 banks"))];
    expect(banks.map(({ algorithm, extended }) => [algorithm, extended.length])).toEqual([
      ["sha256", 11],
      ["sm3_256", 11],
      ["sha256", 11],
      ["sha3_256", 11],
      ["sha3_384", 11],
      ["sha3_512", 11],
    ]);
    const [, sm3] = checkDigests(read("EFI with an SM3 bank").events[1]!);
    expect(sm3).toMatchObject({ algorithm: "sm3_256", result: "matches" });
  });
});

describe("a log of Windows", () => {
  const events = described("a WBCL of Windows");

  it("is taken apart record by record", () => {
    expect(events[1]).toMatchObject({
      text: "Windows: BOOTCOUNTER = 42, BOOTDEBUGGING = no",
      maker: "Windows",
      details: [
        { label: "TRUSTBOUNDARY › BOOTCOUNTER", value: "42" },
        { label: "TRUSTBOUNDARY › BOOTDEBUGGING", value: "no" },
      ],
    });
    expect(events[2]?.text).toBe("Windows: BITLOCKER_UNLOCK = 4");
    const kernel = "TRUSTBOUNDARY › LOADEDMODULE_AGGREGATION › ";
    for (const field of [
      { label: "TRUSTBOUNDARY › OSKERNELDEBUG", value: "yes" },
      { label: "TRUSTBOUNDARY › SYSTEMROOT", value: "\\Windows" },
      { label: `${kernel}FILEPATH`, value: "\\Windows\\system32\\ntoskrnl.exe" },
      { label: `${kernel}IMAGESIZE`, value: "1191936" },
      { label: `${kernel}HASHALGORITHMID`, value: "sha256" },
      { label: `${kernel}AUTHENTICODEHASH`, value: "aa".repeat(32) },
      { label: "TRUSTBOUNDARY › ELAM_AGGREGATION › ELAM_KEYNAME", value: "AV" },
    ]) {
      expect(events[3]?.details).toContainEqual(field);
    }
    expect(events[3]?.text).toBe("Windows: \\Windows\\system32\\ntoskrnl.exe, \\Windows\\system32\\hal.dll");
    expect(events[4]?.details.at(-1)).toEqual({ label: "0x000500FF", value: '"??"' });
    expect(events.at(-1)).toMatchObject({ maker: "Windows" });
  });

  it("shows what is cut off or nested too deeply as it is", () => {
    expect(events[6]?.details).toEqual([
      { label: "FILEPATH", value: '"A", cut off: it says it has 4000 bytes' },
    ]);
    const [field, ...none] = described("a WBCL with records nested deeply")[1]?.details ?? [];
    expect(none).toEqual([]);
    expect(field?.label.split(" › ")).toHaveLength(9);
  });

  it("has a trust point that is for no PCR", () => {
    expect(described("a WBCL of Windows with its trust point").at(-1)).toMatchObject({
      text: "Windows: AIKID = WindowsAIK",
      maker: "Windows",
    });
    expect(described("notes for no PCR")[1]?.text).toBe("Windows: TRUSTPOINT_AGGREGATION");
  });
});

describe("a log of a confidential VM", () => {
  it.each(["a CCEL of a confidential VM", "a CCEL of a confidential VM in its area"])(
    "speaks of RTMRs: %s",
    (name) => {
      const log = read(name);
      expect(log.registers).toBe("RTMR");
      expect(log.events.map(({ pcr }) => registerName(log.registers, pcr))).toEqual([
        "MRTD",
        ...Array(5).fill("RTMR[0]"),
        ...["RTMR[1]", "RTMR[1]", "RTMR[2]", "RTMR[2]", "RTMR[3]"],
      ]);
      const [bank] = replay(log);
      expect(bank).toMatchObject({ registers: "RTMR", extended: [1, 2, 3, 4] });
      expect(bank?.values).toHaveLength(5);
      expect(described(name)[1]?.text).toBe("td_hob: SMBIOS");
      expect(registerMeaning("RTMR", 3)).toContain("PCR 8 to 15");
      expect(
        described(name)
          .slice(1)
          .map(({ maker }) => maker),
      ).toEqual([...Array(7).fill("firmware"), ...["boot loader", "boot loader", "unknown"]]);
    },
  );

  it("is not taken for one because a TPM has but a SHA-384 bank", () => {
    expect(Object.keys(LOG_SHAPES).filter((name) => read(name).registers === "RTMR")).toHaveLength(2);
    expect(registerName(parseEventLog(bytesOf("EFI with one bank")).registers, 4)).toBe("PCR 4");
    expect(registerMeaning("PCR", 4)).toBeUndefined();
  });
});
