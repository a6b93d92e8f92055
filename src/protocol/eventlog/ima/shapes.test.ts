/** Lists of every template and of every template digest's size: see ../testing-ima.ts. */
import { describe, expect, it } from "vitest";
import { fromHex } from "../../bytes/hex.ts";
import { ByteWriter } from "../../bytes/writer.ts";
import { extend, hash } from "../hash.ts";
import { type Alg, ascii } from "../testing.ts";
import { IMA_ENTRIES, imaAscii, imaBinary } from "../testing-ima.ts";
import { describeImaEntry } from "./describe.ts";
import { isImaList, parseImaAscii, parseImaBinary, parseImaList } from "./parse.ts";
import { checkImaEntry, compareImaWithPcrs, replayIma } from "./replay.ts";

const ALGORITHMS: Alg[] = [
  "sha1",
  "sha256",
  "sha384",
  "sha512",
  "sm3_256",
  "sha3_256",
  "sha3_384",
  "sha3_512",
];
const NAMES = ["boot_aggregate", "/init", "/bin/sh", "/bin/ls", "kexec-cmdline", "/lib/m.ko", "/bin/evm"];

describe.each(ALGORITHMS)("a list with %s template digests", (algorithm) => {
  const binary = parseImaList(imaBinary(algorithm));
  const text = parseImaList(ascii(imaAscii(algorithm)));

  it("is read whole in both forms, with every template's fields", () => {
    for (const list of [binary, text]) {
      expect(list.problems).toEqual([]);
      expect(list.entries.map(({ name }) => name)).toEqual([
        ...NAMES,
        "/bin/own",
        "/tmp/changed",
        "constructor",
      ]);
      expect(new Set(list.entries.map((entry) => entry.algorithm))).toEqual(new Set([algorithm]));
      expect(list.entries.map(({ fields }) => fields.map(({ data }) => data))).toEqual(
        IMA_ENTRIES.map(({ fields }) => fields.map(({ data }) => data)),
      );
    }
    expect(isImaList(imaBinary(algorithm)) && isImaList(ascii(imaAscii(algorithm)))).toBe(true);
  });

  it("has digests that are those of its entries", () => {
    const expected = IMA_ENTRIES.map(({ violation }) => (violation ? undefined : true));
    expect(binary.entries.map(checkImaEntry)).toEqual(expected);
    expect(text.entries.map(checkImaEntry)).toEqual(expected);
  });

  it("leads to the PCR of every bank, whose extends it has or lets compute", () => {
    for (const bank of ["sha1", "sha256", "sha512"]) {
      const zeros = new Uint8Array((hash(bank, ascii("")) as Uint8Array).length);
      const data = parseImaBinary(imaBinary(bank as Alg)).entries;
      let value: Uint8Array = zeros;
      for (const { violation, templateDigest } of data) {
        value = extend(bank, value, violation ? zeros.map(() => 0xff) : templateDigest) as Uint8Array;
      }
      const values = Array.from({ length: 24 }, (_, pcr) => (pcr === 10 ? value : zeros));
      expect(compareImaWithPcrs(binary, [{ algorithm: bank, values }])).toMatchObject([
        { result: "explained", digests: "own hash", entries: IMA_ENTRIES.length },
      ]);
    }
  });
});

describe("a list", () => {
  it("whose template is a name of every object has no fields", () => {
    for (const template of ["constructor", "__proto__", "toString"]) {
      const binary = new ByteWriter().u32le(10).bytes(new Uint8Array(20).fill(0x11));
      const one = binary.u32le(template.length).ascii(template).u32le(0).finish();
      expect(parseImaBinary(one)).toMatchObject({ entries: [{ template, fields: [] }], problems: [] });
      const line = parseImaAscii(`10 ${"11".repeat(20)} ${template} x`);
      expect(line).toMatchObject({ entries: [{ template, fields: [] }], problems: [] });
    }
    const named = parseImaBinary(imaBinary("sha1")).entries.at(-1)!;
    expect(describeImaEntry(named)).toMatch(/^A file, with the digest/);
  });

  it("of padded SHA-1 digests in a bank that the kernel cannot hash for is replayed", () => {
    const list = parseImaBinary(imaBinary("sha256"));
    const [first] = replayIma(list, "sha384", "padded SHA-1", 10);
    const sha1 = parseImaBinary(imaBinary("sha1")).entries[0]!.templateDigest;
    expect(first?.digest).toEqual(new ByteWriter().bytes(sha1).zeros(28).finish());
  });

  it("that mixes sizes of digests has its odd lines told", () => {
    const mixed = imaAscii("sha1") + imaAscii("sha256");
    const list = parseImaAscii(mixed);
    expect([list.entries.length, list.problems.length]).toEqual([IMA_ENTRIES.length, IMA_ENTRIES.length]);
    expect(parseImaAscii(`10 ${"11".repeat(33)} ima-ng sha1:00 x`).problems).toHaveLength(1);
  });

  it("is not seen in what is none", () => {
    expect(isImaList(new Uint8Array())).toBe(false);
    expect(isImaList(new Uint8Array(500))).toBe(false);
    expect(isImaList(fromHex("0a000000"))).toBe(false);
    expect(isImaList(ascii("10 nothing"))).toBe(false);
  });
});
