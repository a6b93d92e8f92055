import { describe, expect, it } from "vitest";
import {
  compareLogs,
  compareWithPcrs,
  type EventLog,
  type PcrComparison,
  type ReplayedBank,
} from "../../../protocol/eventlog/index.ts";
import { numbers } from "../../boot-check/words.ts";
import { bootVerdict, eventRows, firstLines, replayVerdict, rtmrVerdict } from "./verdict.ts";

const row = (pcr: number, result: PcrComparison["result"], algorithm = "sha256"): PcrComparison => ({
  algorithm,
  pcr,
  result,
  reason: "because",
});
const log = (...texts: string[]): EventLog => ({
  format: "1.2",
  registers: "PCR",
  algorithms: [],
  events: texts.map((text, index) => ({
    index,
    offset: 0,
    size: 0,
    pcr: 4,
    type: 5,
    digests: [],
    data: new TextEncoder().encode(text),
  })),
  end: 0,
  problems: [],
});

describe("numbers", () => {
  it("folds runs", () => {
    expect(numbers([0, 1, 2, 3, 7, 8, 10])).toBe("0–3, 7, 8, 10");
  });
});

describe("replayVerdict", () => {
  it("tells which PCRs the log explains, and which it does not know of", () => {
    const rows = [
      row(0, "explained"),
      row(1, "explained"),
      row(2, "unused"),
      row(10, "later"),
      row(0, "differs", "sha1"),
    ];
    expect(replayVerdict(rows, "sha256")).toEqual({
      tone: "good",
      text: "Replayed, the log gives exactly the TPM's sha256 values of PCR 0, 1.",
      lines: ["PCR 10: because."],
    });
  });

  it("tells whether the log or the TPM has no such bank", () => {
    const replayed = new Uint8Array(32);
    expect(replayVerdict([{ ...row(4, "unknown"), replayed }], "sha256").text).toContain(
      "There is no TPM here",
    );
    expect(replayVerdict([row(4, "unknown")], "sha256").text).toBe(
      "The log has no sha256 digests to replay.",
    );
  });

  it("puts a mismatch first", () => {
    const { tone, text, lines } = replayVerdict([row(0, "explained"), row(4, "differs")], "sha256");
    expect(tone).toBe("bad");
    expect(text).toContain("PCR 4");
    expect(lines).toEqual(["PCR 4: because."]);
  });
});

describe("long lists", () => {
  it("are cut, and say by how much", () => {
    expect(firstLines(["a", "b", "c"], 2)).toEqual(["a", "b", "and 1 more."]);
    expect(firstLines(["a", "b"], 2)).toEqual(["a", "b"]);
    expect(eventRows(log("a", "b", "c"), undefined, 2)).toHaveLength(2);
  });
});

describe("the log of a confidential VM", () => {
  it("has the values that a report of it must show", () => {
    const values = [0, 1, 2, 3, 4].map((i) => new Uint8Array(48).fill(i));
    const bank: ReplayedBank = {
      ...{ algorithm: "sha384", id: 0xc, registers: "RTMR", values, extended: [0, 1, 4], steps: [] },
    };
    expect(rtmrVerdict([bank]).lines).toEqual([`RTMR[0]: ${"01".repeat(48)}`, `RTMR[3]: ${"04".repeat(48)}`]);
    const [first] = compareWithPcrs([bank], [{ algorithm: "sha384", values }]);
    expect(first).toMatchObject({ result: "unknown" });
  });
});

describe("two boots", () => {
  it("are the same", () => {
    expect(bootVerdict(compareLogs(log("a", "b"), log("a", "b")))).toBe(
      "The same events as in the boot before.",
    );
  });

  it("differ in a row of which both sides are shown", () => {
    const before = log("a", "quiet", "c");
    const after = log("a", "loud", "c");
    const differences = compareLogs(before, after);
    expect(bootVerdict(differences)).toBe("1 event differs from the boot before:");
    const rows = eventRows(after, differences, 10);
    expect(rows.map(({ kind }) => kind)).toEqual(["same", "changed", "same"]);
    expect(rows[1]?.before).toBe(before.events[1]);
    expect(rows[1]?.event).toBe(after.events[1]);
  });

  it("show a removed event where it was", () => {
    const rows = eventRows(log("a"), compareLogs(log("a", "b"), log("a")), 10);
    expect(rows.map(({ kind, event }) => [kind, event.data.length])).toEqual([
      ["same", 1],
      ["removed", 1],
    ]);
  });
});
