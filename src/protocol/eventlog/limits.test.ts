/** Readers take what is within the limits, say which limit was met, and their work grows as the file does. */
import { describe, expect, it } from "vitest";
import { describeEvent } from "./describe.ts";
import { explainChanges } from "./explain.ts";
import { parseImaAscii, parseImaBinary } from "./ima/parse.ts";
import { compareImaWithPcrs } from "./ima/replay.ts";
import { LIMITS, type Progress } from "./limits.ts";
import { parseEventLog } from "./parse.ts";
import { readEventLog } from "./read.ts";
import { replay } from "./replay.ts";
import { ascii, log12, log20, type MadeEvent } from "./testing.ts";
import { blob, joined, SOME_GUID, u32 } from "./testing-data.ts";
import { IMA_ENTRIES, imaAscii, imaBinary } from "./testing-ima.ts";

/** Calls `count` each time that the property is read. */
function countReads<T extends object>(owner: T, key: keyof T, count: () => void): void {
  const value = owner[key];
  Object.defineProperty(owner, key, {
    get() {
      count();
      return value;
    },
  });
}

const EVENT: MadeEvent = { pcr: 4, type: "EV_ACTION", data: ascii("x") };
/** The same bytes so many times over. */
function times(bytes: Uint8Array, count: number): Uint8Array {
  const all = new Uint8Array(bytes.length * count);
  for (let i = 0; i < count; i++) all.set(bytes, i * bytes.length);
  return all;
}
const header = log20(["sha256"], []);
const event20 = log20(["sha256"], [EVENT]).subarray(header.length);
/** An event without digests: the shortest there is, and wrong. */
const empty = u32(0, 5, 0, 0);
const log = (count: number) => joined(header, times(event20, count));

describe("a log", () => {
  it("of more events than the limit is read up to there, and says so", () => {
    const found = parseEventLog(joined(header, times(empty, LIMITS.events + 9)));
    expect(found.events).toHaveLength(LIMITS.events);
    const left = 10 * empty.length;
    expect(found.problems).toHaveLength(LIMITS.problems + 2);
    expect(found.problems.at(-1)).toEqual({
      offset: header.length + empty.length * (LIMITS.events - 1),
      message: `the log has more than ${LIMITS.events} events; the ${left} bytes from here on are not read`,
    });
  });

  it("lists no more problems than the limit, and says so", () => {
    const { problems } = parseEventLog(joined(header, times(empty, LIMITS.problems * 20)));
    expect(problems).toHaveLength(LIMITS.problems + 1);
    expect(problems.at(-1)?.message).toBe(
      `more is wrong from here on; only the first ${LIMITS.problems} problems are listed`,
    );
    expect(parseImaAscii("no entry\n".repeat(LIMITS.problems * 20)).problems).toHaveLength(
      LIMITS.problems + 1,
    );
  });

  it("of more bytes than the limit is read up to there, and says so", () => {
    const bytes = new Uint8Array(LIMITS.bytes + 1);
    bytes.set(log(3));
    const words = `the file has more than ${LIMITS.bytes} bytes; only the first ${LIMITS.bytes} are read`;
    expect(parseEventLog(bytes)).toMatchObject({ problems: [{ offset: LIMITS.bytes, message: words }] });
  });

  it("is replayed with one look at each event, however long it is", () => {
    const looks = (count: number) => {
      const found = parseEventLog(log(count));
      let reads = 0;
      for (const event of found.events) {
        countReads(event, "pcr", () => reads++);
      }
      expect(replay(found)[0]?.steps).toHaveLength(count);
      return reads;
    };
    expect(looks(8000)).toBeLessThan(8.1 * looks(1000));
  });

  it("is described with one look for a direct boot, however many events it has", () => {
    const files = Array.from(
      { length: 2000 },
      (): MadeEvent => ({ pcr: 9, type: "EV_IPL", data: ascii("/f") }),
    );
    const found = parseEventLog(log12(files));
    let reads = 0;
    const { events } = found;
    countReads(found, "events", () => reads++);
    for (const event of events) describeEvent(event, found);
    expect(reads).toBe(1);
  });

  it("shows no more fields and text of an event than the limits", () => {
    const table = joined(SOME_GUID, blob(1, 0).subarray(0, 8));
    const count = LIMITS.details + 100;
    const data = joined(blob(count, 0).subarray(0, 8), times(table, count));
    const text = new Uint8Array(LIMITS.text * 10).fill(0x61);
    const [tables, long] = parseEventLog(
      log12([
        { pcr: 1, type: "EV_EFI_HANDOFF_TABLES", data },
        { pcr: 8, type: "EV_IPL", data: text },
      ]),
    ).events;
    const { details, text: line } = describeEvent(tables!);
    expect(details).toHaveLength(LIMITS.details + 1);
    expect(details.at(-1)).toEqual({ label: "and", value: "100 more" });
    expect(line.length).toBeLessThanOrEqual(LIMITS.text + 1);
    expect(describeEvent(long!).text).toBe(`"${"a".repeat(LIMITS.text)}"… (${text.length} bytes)`);
  });
});

describe("an IMA list", () => {
  const one = imaBinary("sha1", [IMA_ENTRIES[2]!]);

  it("of more entries than the limit is read up to there, and says so", () => {
    const words = `the list has more than ${LIMITS.entries} entries; the others are not read`;
    const binary = parseImaBinary(times(one, LIMITS.entries + 5));
    expect(binary.entries).toHaveLength(LIMITS.entries);
    expect(binary.problems).toEqual([{ offset: LIMITS.entries * one.length, message: words }]);
  });

  it("in ASCII is read line by line, up to the bytes' limit", () => {
    const line = imaAscii("sha1", [IMA_ENTRIES[2]!]);
    const list = parseImaAscii(line.repeat(5000));
    expect([list.entries.length, list.problems.length]).toEqual([5000, 0]);
    expect(list.entries[4999]?.offset).toBe(4999 * line.length);
  });

  it("of as many PCRs as entries is compared by those that the TPM has", () => {
    const bytes = times(one, 2000);
    for (let i = 0; i < 2000; i++) new DataView(bytes.buffer).setUint32(i * one.length, i, true);
    const values = Array.from({ length: 24 }, () => new Uint8Array(20));
    expect(compareImaWithPcrs(parseImaBinary(bytes), [{ algorithm: "sha1", values }])).toHaveLength(24);
  });
});

describe("the chain of extends", () => {
  it("is explained with a look-up for each, however long log and chain are", () => {
    const digest = (i: number) => ({
      algorithm: 4,
      digest: Uint8Array.from({ length: 20 }, (_, at) => i >> at),
    });
    const steps = (count: number) => {
      const found = parseEventLog(new Uint8Array());
      let reads = 0;
      found.events = Array.from({ length: count }, (_, index) => ({
        ...{ index, offset: 0, size: 0, pcr: 4, type: 5, data: ascii("x") },
        get digests() {
          reads++;
          return [digest(index)];
        },
      }));
      // From the last to the first: each is looked for in all that are left, and few are found.
      const changes = Array.from({ length: count }, (_, i) => ({
        kind: "extend" as const,
        pcr: 4,
        digests: [digest(i % 2 ? count + i : i)],
      }));
      expect(explainChanges(changes, found).filter(({ event }) => event)).toHaveLength(count / 2);
      return reads;
    };
    expect(steps(4000)).toBeLessThan(4.1 * steps(1000));
  });
});

describe("progress", () => {
  const collect = (read: (progress: Progress) => unknown) => {
    const calls: [number, number][] = [];
    read((done, total) => calls.push([done, total]));
    return calls;
  };

  it.each([
    ["a log", (progress: Progress) => readEventLog(log(5000), progress), 1000],
    ["parsing", (progress: Progress) => parseEventLog(log(5000), progress), log(5000).length],
    [
      "an IMA list",
      (progress: Progress) => parseImaBinary(imaBinary("sha1", Array(5000).fill(IMA_ENTRIES[0])), progress),
      undefined,
    ],
    [
      "an ASCII list",
      (progress: Progress) => parseImaAscii(imaAscii("sha1").repeat(500), progress),
      undefined,
    ],
  ] as const)("goes up to all of it: %s", (_name, read, total) => {
    const calls = collect(read);
    expect(calls.length).toBeGreaterThan(4);
    const [last, all] = calls.at(-1)!;
    expect(last).toBe(all);
    if (total !== undefined) expect(all).toBe(total);
    const done = calls.map(([part]) => part);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
  });

  it("may end the reading by throwing", () => {
    const cancel = () => {
      throw new DOMException("no longer wanted", "AbortError");
    };
    expect(() => readEventLog(log(10), cancel)).toThrow("no longer wanted");
    expect(() => parseImaBinary(imaBinary("sha1"), cancel)).toThrow("no longer wanted");
  });
});
