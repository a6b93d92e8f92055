import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { toHex } from "../bytes/hex.ts";
import { compareWithPcrs } from "./compare-pcrs.ts";
import { parseEventLog } from "./parse.ts";
import { type ReplayedBank, replay } from "./replay.ts";
import { ascii, log12, log20 } from "./testing.ts";

const testdata = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));

const pcr = (bank: ReplayedBank | undefined, index: number) => toHex(bank?.values[index] as Uint8Array);
const action = (index: number, text: string) => ({
  pcr: index,
  type: "EV_ACTION" as const,
  data: ascii(text),
});

describe("replay", () => {
  it("gives the PCRs that tpm2_eventlog gives for a real log", () => {
    const [sha1, sha256, sha384, sha512] = replay(parseEventLog(testdata("seabios-2.0.bin")));
    expect(sha1?.extended).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(pcr(sha1, 2)).toBe("6e46b2485972c7c8b2393563deefff862e4bb0d7");
    expect(pcr(sha256, 4)).toBe("1eb9aa21337cc1fa31ce5f56900d7bf59b9dda366823095aed06544caa2557ca");
    expect(pcr(sha384, 1).slice(0, 16)).toBe("c15a5fa6e2cb828c");
    expect(pcr(sha512, 0).slice(0, 16)).toBe("32fd83bda91550cf");
    const [old, ...none] = replay(parseEventLog(testdata("seabios-1.2.bin")));
    expect(none).toEqual([]);
    expect(pcr(old, 4)).toBe(pcr(sha1, 4));
  });

  it("extends by hashing the old value and the digest, step by step", () => {
    const [bank] = replay(parseEventLog(log20(["sha256"], [action(4, "one"), action(4, "two")])));
    const sha = (...parts: Uint8Array[]) =>
      parts.reduce((h, part) => h.update(part), createHash("sha256")).digest();
    const first = sha(new Uint8Array(32), sha(ascii("one")));
    const second = sha(first, sha(ascii("two")));
    expect(bank?.steps.map(({ after }) => toHex(after))).toEqual([
      first.toString("hex"),
      second.toString("hex"),
    ]);
    expect(toHex(bank?.steps[1]?.before as Uint8Array)).toBe(first.toString("hex"));
    expect(pcr(bank, 4)).toBe(second.toString("hex"));
  });

  it("leaves dynamic PCRs at all ones and starts them at zero after a launch", () => {
    const [bank] = replay(parseEventLog(log12([action(17, "launch")])));
    const sha = (...parts: Uint8Array[]) =>
      parts.reduce((h, part) => h.update(part), createHash("sha1")).digest();
    expect(pcr(bank, 17)).toBe(sha(new Uint8Array(20), sha(ascii("launch"))).toString("hex"));
    expect(pcr(bank, 18)).toBe("ff".repeat(20));
    expect(pcr(bank, 23)).toBe("00".repeat(20));
  });

  it("starts PCR 0 at the locality of Startup and does not extend notes", () => {
    const note = { pcr: 0, type: "EV_NO_ACTION" as const, data: ascii("StartupLocality\0\x03") };
    const [bank] = replay(parseEventLog(log20(["sha256"], [note])));
    expect(pcr(bank, 0)).toBe(`${"00".repeat(31)}03`);
    expect(bank?.extended).toEqual([]);
    const hcrtm = { pcr: 0, type: "EV_EFI_HCRTM_EVENT" as const, data: ascii("HCRTM") };
    const [launched] = replay(parseEventLog(log20(["sha256"], [hcrtm])));
    expect(launched?.steps[0]?.before.at(-1)).toBe(4);
  });
});

describe("comparison with the TPM's PCRs", () => {
  const log = parseEventLog(
    log20(["sha1", "sha256"], [action(4, "one"), action(4, "two"), action(4, "three")]),
  );
  const banks = replay(log);
  const real = () =>
    banks.map(({ algorithm, values }) => ({ algorithm, values: values.map((v) => v.slice()) }));
  const row = (rows: ReturnType<typeof compareWithPcrs>, algorithm: string, index: number) =>
    rows.find((one) => one.algorithm === algorithm && one.pcr === index);

  it("finds equal PCRs explained or unused", () => {
    const rows = compareWithPcrs(banks, real());
    expect(rows).toHaveLength(48);
    expect(row(rows, "sha1", 4)).toMatchObject({
      result: "explained",
      reason: "3 events of the log give this value",
    });
    expect(rows.filter(({ result }) => result === "unused")).toHaveLength(46);
  });

  it("points at the event after which the TPM heard no more", () => {
    const tpm = real();
    tpm[1]!.values[4] = banks[1]!.steps[0]!.after.slice();
    const found = row(compareWithPcrs(banks, tpm), "sha256", 4);
    expect(found).toMatchObject({ result: "differs", lastSeen: { index: 1 } });
    expect(found?.reason).toContain("event 2 and those after it are in the log, but were not extended");
    tpm[1]!.values[4] = new Uint8Array(32);
    expect(row(compareWithPcrs(banks, tpm), "sha256", 4)?.reason).toContain("the one after power-on");
    tpm[1]!.values[4] = new Uint8Array(32).fill(7);
    expect(row(compareWithPcrs(banks, tpm), "sha256", 4)?.reason).toContain("does not lead to");
  });

  it("tells later extends, resets and missing banks apart", () => {
    const tpm = [real()[0]!, { algorithm: "sha384", values: [new Uint8Array(48)] }];
    tpm[0]!.values[10] = new Uint8Array(20).fill(1);
    tpm[0]!.values[17] = new Uint8Array(20);
    const rows = compareWithPcrs(banks, tpm);
    expect(row(rows, "sha1", 10)).toMatchObject({ result: "later" });
    expect(row(rows, "sha1", 10)?.reason).toContain("after the firmware's log");
    expect(row(rows, "sha1", 17)?.reason).toContain("reset since power-on");
    expect(row(rows, "sha256", 4)).toMatchObject({ result: "unknown", reason: "the TPM has no sha256 bank" });
    expect(row(rows, "sha384", 0)?.reason).toBe("the log has no sha384 digests");
  });
});

describe("logs and PCRs of a running Linux", () => {
  const pcrFile = (name: string) => new TextDecoder().decode(testdata(name)).split("\n");
  const bytes = (hex: string) =>
    Uint8Array.from(hex.match(/[0-9A-F]{2}/g) ?? [], (two) => Number.parseInt(two, 16));

  it("agree for TPM 1.2", () => {
    const values = pcrFile("linux-ima.pcrs").flatMap((line) =>
      line.startsWith("PCR-") ? [bytes(line.slice(7))] : [],
    );
    const rows = compareWithPcrs(replay(parseEventLog(testdata("linux-ima.tcg"))), [
      { algorithm: "sha1", values },
    ]);
    expect(rows).toHaveLength(24);
    expect(rows.filter(({ result }) => result === "explained").map(({ pcr }) => pcr)).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7,
    ]);
    expect(rows.filter(({ result }) => result === "later").map(({ pcr }) => pcr)).toEqual([10]);
    expect(rows.filter(({ result }) => result === "unused")).toHaveLength(15);
  });

  it("agree for TPM 2.0 in every bank", () => {
    const banks: { algorithm: string; values: Uint8Array[] }[] = [];
    for (const line of pcrFile("linux-sig.pcrs")) {
      const bank = /^ {2}(\w+):/.exec(line)?.[1];
      if (bank) banks.push({ algorithm: bank, values: [] });
      const value = /^ +\d+ *: 0x(\w+)/.exec(line)?.[1];
      if (value) banks.at(-1)?.values.push(bytes(value));
    }
    const rows = compareWithPcrs(replay(parseEventLog(testdata("linux-sig.tcg"))), banks);
    const count = (result: string) => rows.filter((row) => row.result === result).length;
    expect([count("explained"), count("later"), count("unused"), rows.length]).toEqual([32, 4, 60, 96]);
  });
});
