/** Lists that Linux wrote, with the PCRs that the TPM held; see testdata/README.md. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../bytes/hex.ts";
import { ByteWriter } from "../../bytes/writer.ts";
import type { Bank } from "../log.ts";
import { ascii } from "../testing.ts";
import type { ImaList } from "./list.ts";
import { parseImaAscii, parseImaBinary, parseImaList } from "./parse.ts";
import { checkBootAggregate, checkImaEntry, compareImaWithPcrs, replayIma } from "./replay.ts";

const testdata = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../testdata/${name}`, import.meta.url)));

/** `tpm2_pcrread`'s output, or the kernel's for TPM 1.2. */
function pcrs(name: string): Bank[] {
  const banks: Bank[] = [];
  for (const line of new TextDecoder().decode(testdata(name)).split("\n")) {
    const bank = /^ {2}(\w+):/.exec(line);
    if (bank) banks.push({ algorithm: bank[1] as string, values: [] });
    const value = /^(?:PCR-\d+:| +\d+ *: 0x)([0-9A-F ]+)/.exec(line);
    if (value && !banks.length) banks.push({ algorithm: "sha1", values: [] });
    if (value) banks.at(-1)?.values.push(fromHex(value[1] as string));
  }
  return banks;
}

const results = (list: ImaList, banks: Bank[]) =>
  compareImaWithPcrs(list, banks).map(({ algorithm, result, digests }) => [algorithm, result, digests]);

const REAL = [
  ["linux-sig", 18, "ima-sig"],
  ["linux-ng", 18, "ima-ng"],
  ["linux-buf", 2, "ima-buf"],
  ["linux-ima", 7, "ima"],
] as const;

describe.each(REAL)("a real list: %s", (name, count, template) => {
  const binary = parseImaBinary(testdata(`${name}.bin`));
  const text = parseImaAscii(testdata(`${name}.ascii`));
  const banks = pcrs(`${name}.pcrs`);

  it("is read whole, the same from both forms", () => {
    expect(binary.problems).toEqual([]);
    expect(binary.entries).toHaveLength(count);
    expect(binary.entries.at(-1)?.template).toBe(template);
    const plain = (list: ImaList) => list.entries.map(({ offset: _, ...entry }) => entry);
    expect(plain(text)).toEqual(plain(binary));
    expect(parseImaList(testdata(`${name}.ascii`))).toEqual(text);
    expect(parseImaList(testdata(`${name}.bin`))).toEqual(binary);
  });

  it("has digests that are those of its entries", () => {
    const checks = binary.entries.map((entry) => checkImaEntry(entry) ?? entry.violation);
    expect(checks).toEqual(binary.entries.map(() => true));
  });

  it("leads to the TPM's PCR 10 in every bank", () => {
    const own = banks.length === 1 ? ["sha1"] : ["sha1", "sha256"];
    expect(results(binary, banks)).toEqual(
      banks.map(({ algorithm }) => [
        algorithm,
        "explained",
        own.includes(algorithm) ? "own hash" : "padded SHA-1",
      ]),
    );
    expect(results(text, banks)).toEqual(results(binary, banks));
  });

  it("begins with the aggregate of the firmware's PCRs", () => {
    expect(binary.entries[0]?.name).toBe("boot_aggregate");
    expect(checkBootAggregate(binary, banks)).toBe(true);
    const other = banks.map(({ algorithm, values }) => ({
      algorithm,
      values: values.map((v) => v.map((b) => b ^ 1)),
    }));
    expect(checkBootAggregate(binary, other)).toBe(false);
    expect(checkBootAggregate({ entries: binary.entries.slice(1), problems: [] }, banks)).toBeUndefined();
  });
});

describe("what entries say", () => {
  it("is the file's name and digest", () => {
    const [, init, , violation, after] = parseImaBinary(testdata("linux-sig.bin")).entries;
    expect(init).toMatchObject({ pcr: 10, name: "/init", violation: false, file: { algorithm: "sha256" } });
    expect(toHex(init?.file?.digest as Uint8Array)).toMatch(/^3f3ae3d3/);
    expect(violation).toMatchObject({ name: "/x", violation: true });
    expect(checkImaEntry(violation!)).toBeUndefined();
    expect(after).toMatchObject({ name: "/x", violation: false });
    const version = parseImaBinary(testdata("linux-buf.bin")).entries[1];
    expect(version?.name).toBe("kernel_version");
    expect(new TextDecoder().decode(version?.fields[2]?.data)).toBe("6.1.0-50-686");
  });

  it("is also read from the newer templates", () => {
    const digest = "ab".repeat(32);
    const line = `10 ${"11".repeat(20)} ima-sigv2 verity:sha256:${digest} /bin/sh 0302`;
    const [entry] = parseImaAscii(line).entries;
    expect(entry).toMatchObject({ name: "/bin/sh", file: { algorithm: "sha256", digest: fromHex(digest) } });
    expect(entry?.fields[2]?.data).toEqual(Uint8Array.of(3, 2));
    expect(checkImaEntry(entry!)).toBe(false);
  });
});

describe("a list that was tampered with", () => {
  const bytes = testdata("linux-ng.bin");
  const banks = pcrs("linux-ng.pcrs").slice(0, 2);

  it("no longer leads to the PCR", () => {
    const list = parseImaBinary(bytes);
    list.entries.splice(5, 1);
    expect(results(list, banks).map(([, result]) => result)).toEqual(["differs", "differs"]);
    const changed = parseImaBinary(bytes);
    changed.entries[7]!.templateDigest = new Uint8Array(20).fill(7);
    expect(results(changed, banks)[0]?.[1]).toBe("differs");
    expect(checkImaEntry(changed.entries[7]!)).toBe(false);
  });

  it("or has grown since the PCR was read shows how far it was then", () => {
    const list = parseImaBinary(bytes);
    const steps = replayIma(list, "sha256", "own hash", 10);
    const values = banks[1]!.values.slice();
    values[10] = steps[11]!.after;
    expect(compareImaWithPcrs(list, [{ algorithm: "sha256", values }])).toMatchObject([
      { result: "partly", entries: 12 },
    ]);
  });

  it("or is cut off is read up to there", () => {
    const cut = parseImaBinary(bytes.subarray(0, bytes.length - 1));
    expect(cut.entries).toHaveLength(17);
    expect(cut.problems).toHaveLength(1);
    expect(parseImaAscii("10 abc\nnonsense\n").problems.map(({ offset }) => offset)).toEqual([0, 7]);
    const odd = parseImaAscii(
      `10 ${"11".repeat(20)} ima-ng sha256:xy /x\n10 ${"22".repeat(20)} ima-ng a:00 b c d`,
    );
    expect([odd.entries.length, odd.problems.length]).toEqual([0, 2]);
  });

  it("of a template that nobody knows can still be replayed by SHA-1", () => {
    const digest = new Uint8Array(20).fill(5);
    const one = new ByteWriter().u32le(10).bytes(digest).u32le(3).ascii("new").u32le(4).zeros(4).finish();
    const list = parseImaBinary(one);
    expect(list.entries[0]).toMatchObject({ template: "new", fields: [], name: "" });
    expect(replayIma(list, "sha1", "own hash", 10)).toHaveLength(1);
    expect(replayIma(list, "sha256", "own hash", 10)).toHaveLength(0);
    expect(replayIma(list, "sha256", "padded SHA-1", 10)[0]?.digest).toEqual(
      new ByteWriter().bytes(digest).zeros(12).finish(),
    );
  });

  it("never makes anything throw", () => {
    const change = fc.record({ at: fc.nat(), value: fc.nat(255) });
    const seeds = fc.constantFrom(bytes, testdata("linux-ima.bin"), testdata("linux-ng.ascii"), ascii("10 "));
    fc.assert(
      fc.property(seeds, fc.array(change, { maxLength: 8 }), (seed, changes) => {
        const copy = seed.slice();
        for (const { at, value } of changes) copy[at % copy.length] = value;
        for (const list of [parseImaList(copy), parseImaBinary(copy), parseImaAscii(copy)]) {
          for (const entry of list.entries) checkImaEntry(entry);
          compareImaWithPcrs(list, banks);
        }
      }),
      { numRuns: 200 },
    );
  });
});
