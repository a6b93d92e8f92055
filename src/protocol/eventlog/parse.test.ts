import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/hex.ts";
import { checkDigests } from "./check.ts";
import { describeEvent } from "./describe.ts";
import { parseEventLog } from "./parse.ts";
import { replay } from "./replay.ts";
import { ascii, log12, log20 } from "./testing.ts";

const testdata = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));

const SEPARATOR = Uint8Array.of(255, 255, 255, 255);
const action = (pcr: number, text: string) => ({ pcr, type: "EV_ACTION" as const, data: ascii(text) });

describe("a real log", () => {
  it("of TPM 2.0 is read with its header", () => {
    const log = parseEventLog(testdata("seabios-2.0.bin"));
    expect(log).toMatchObject({ format: "2.0", end: 2681, problems: [] });
    expect(log.algorithms.map(({ name }) => name)).toEqual(["sha1", "sha256", "sha384", "sha512"]);
    expect(log.specId).toMatchObject({ platformClass: 0, versionMajor: 2, versionMinor: 0, errata: 2 });
    expect(log.events.map(({ pcr, type }) => [pcr, type])).toEqual([
      ...[[0, 3], [1, 6], [2, 5], [2, 6], [2, 6], [4, 5]], // biome-ignore format: one event each
      ...[0, 1, 2, 3, 4, 5, 6, 7].map((pcr) => [pcr, 4]),
    ]);
    expect(log.events.reduce((sum, { size }) => sum + size, 0)).toBe(2681);
  });

  it("of TPM 1.2 is read", () => {
    const log = parseEventLog(testdata("seabios-1.2.bin"));
    expect(log).toMatchObject({ format: "1.2", end: 576, problems: [] });
    expect(log.events).toHaveLength(13);
    expect(log.specId).toBeUndefined();
  });

  it.each(["seabios-2.0.bin", "seabios-1.2.bin"])("in its 64 KiB area is the same: %s", (name) => {
    const bytes = testdata(name);
    const area = new Uint8Array(0x1_0000);
    area.set(bytes);
    expect(parseEventLog(area)).toEqual(parseEventLog(bytes));
  });

  it("stays as it was when the area is written again", () => {
    const area = testdata("seabios-2.0.bin");
    const log = parseEventLog(area);
    area.fill(0);
    expect(log).toEqual(parseEventLog(testdata("seabios-2.0.bin")));
  });

  it("has the digests that SeaBIOS is known for", () => {
    const log = parseEventLog(testdata("seabios-2.0.bin"));
    const digests = (text: string) => {
      const event = log.events.find(({ data }) => toHex(data) === toHex(ascii(text)));
      return event?.digests.slice(0, 2).map(({ digest }) => toHex(digest).slice(0, 8));
    };
    expect(digests("Start Option ROM Scan")).toEqual(["9dbd8716", "ceb1bb11"]);
    expect(digests("Calling INT 19h")).toEqual(["c1e25c3f", "7a19a5a5"]);
    expect(digests("\xff\xff\xff\xff")).toEqual(["d9be6524", "ad95131b"]);
  });
});

describe("a log that is not as it should be", () => {
  const good = log20(["sha256"], [action(4, "one"), action(4, "two")]);

  it("is read up to where it is cut off", () => {
    const log = parseEventLog(good.subarray(0, good.length - 1));
    expect(log.events).toHaveLength(2);
    expect(log.end).toBe(good.length - (12 + 34 + 4 + 3));
    expect(log.problems).toEqual([
      { offset: good.length - 7, message: "event 2 says it has 3 bytes of data, 2 are left" },
    ]);
    const shorter = parseEventLog(good.subarray(0, good.length - 8));
    expect(shorter.problems[0]?.message).toContain("the log is cut off");
  });

  it("with an impossible count, size or algorithm is read up to there", () => {
    const second = good.length - (12 + 34 + 4 + 3);
    const spoilt = (at: number, ...bytes: number[]) => {
      const copy = good.slice();
      copy.set(bytes, second + at);
      return parseEventLog(copy);
    };
    for (const [log, words] of [
      [spoilt(8, 0xff, 0xff), "event 2 says it has 65535 digests"],
      [spoilt(12, 0x99, 0x99), "event 2 has a digest of unknown algorithm 0x9999"],
      [spoilt(46, 0xff, 0xff, 0xff, 0xff), "event 2 says it has 4294967295 bytes of data"],
    ] as const) {
      expect(log.events).toHaveLength(2);
      expect(log.problems).toHaveLength(1);
      expect(log.problems[0]?.message).toContain(words);
    }
  });

  it("names PCRs that do not exist and bytes after the end", () => {
    const area = new Uint8Array(1024);
    area.set(log12([action(24, "x"), { pcr: 0xffff_ffff, type: "EV_NO_ACTION", data: ascii("note") }]));
    area[1000] = 1;
    expect(parseEventLog(area).problems).toEqual([
      { offset: 0, message: "event 0 names PCR 24, which no PC has" },
      { offset: 1000, message: "there are bytes other than zero after the end of the log" },
    ]);
  });

  it("says which banks an event leaves out, and where a header's sizes are wrong", () => {
    const two = log20(["sha1", "sha256"], []);
    const one = log20(["sha256"], [action(0, "x")]);
    const event = one.subarray(log20(["sha256"], []).length);
    const log = parseEventLog(Uint8Array.from([...two, ...event]));
    expect(log.problems).toEqual([{ offset: two.length, message: "event 1 has no sha1 digest" }]);
    const wrong = two.slice();
    wrong[32 + 28 + 2] = 21;
    expect(parseEventLog(wrong).problems[0]?.message).toBe(
      "the header says that a sha1 digest has 21 bytes; it has 20",
    );
  });

  it("that is no log at all is empty", () => {
    expect(parseEventLog(new Uint8Array())).toMatchObject({ events: [], end: 0, problems: [] });
    expect(parseEventLog(new Uint8Array(0x1_0000))).toMatchObject({ events: [], end: 0, problems: [] });
    expect(parseEventLog(new Uint8Array(64).fill(0xff))).toMatchObject({ events: [], end: 0 });
  });

  it("never makes anything throw", () => {
    const seeds = [
      testdata("seabios-2.0.bin"),
      testdata("seabios-1.2.bin"),
      log20(["sha1"], [{ pcr: 0, type: "EV_SEPARATOR", data: SEPARATOR }]),
    ];
    const change = fc.record({ at: fc.nat(), value: fc.nat(255) });
    const mutated = fc
      .tuple(fc.constantFrom(...seeds), fc.array(change, { maxLength: 8 }), fc.nat())
      .map(([seed, changes, cut]) => {
        const bytes = seed.slice(0, cut % 3 ? seed.length : cut % seed.length);
        for (const { at, value } of changes) if (bytes.length) bytes[at % bytes.length] = value;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        const log = parseEventLog(bytes);
        expect(log.end).toBeLessThanOrEqual(bytes.length);
        for (const event of log.events) {
          describeEvent(event, log);
          checkDigests(event);
        }
        replay(log);
      }),
      { numRuns: 300 },
    );
  });
});
