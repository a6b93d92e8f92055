import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromHex } from "../bytes/hex.ts";
import { ByteWriter } from "../bytes/writer.ts";
import { TPM_Extend, TPM2_PCR_Extend } from "../tpm2/build.ts";
import { explainChanges } from "./explain.ts";
import { type PcrChange, pcrChanges } from "./extends.ts";
import { parseImaBinary } from "./ima/parse.ts";
import { entryDigest } from "./ima/replay.ts";
import { parseEventLog } from "./parse.ts";

const testdata = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));
const OK = fromHex("8002 00000013 00000000 00000000 0000 01 0000");
const OK12 = fromHex("00c4 0000001e 00000000").slice();
const sha1 = (byte: number) => ({ algorithm: 4, digest: new Uint8Array(20).fill(byte) });
const sha256 = (byte: number) => ({ algorithm: 11, digest: new Uint8Array(32).fill(byte) });

describe("what a command does to PCRs", () => {
  it("is read from an extend", () => {
    const digests = [
      { algorithm: "sha1", digest: sha1(1).digest },
      { algorithm: "sha256", digest: sha256(2).digest },
    ];
    expect(pcrChanges(TPM2_PCR_Extend(9, digests), OK)).toEqual([
      { kind: "extend", pcr: 9, digests: [sha1(1), sha256(2)] },
    ]);
    expect(pcrChanges(TPM_Extend(4, sha1(7).digest), OK12)).toEqual([
      { kind: "extend", pcr: 4, digests: [sha1(7)] },
    ]);
  });

  it("is nothing when the TPM refused, or it is another command, or none", () => {
    const refused = fromHex("8001 0000000a 00000101");
    expect(pcrChanges(TPM2_PCR_Extend(9, []), refused)).toEqual([]);
    expect(pcrChanges(fromHex("8001 0000000c 0000017b 0010"), OK)).toEqual([]);
    expect(pcrChanges(new Uint8Array(), OK)).toEqual([]);
    expect(
      pcrChanges(TPM2_PCR_Extend(9, [{ algorithm: "sha1", digest: sha1(1).digest }]).slice(0, 30), OK),
    ).toEqual([]);
  });

  it("is read from the answer where the TPM makes the digests", () => {
    const session = "00000009 40000009 0000 00 0000";
    const event = fromHex(`8002 00000000 0000013c 00000010 ${session} 0001 61`);
    const results = new ByteWriter()
      .u16be(0x8002)
      .u32be(0)
      .u32be(0)
      .u32be(26)
      .u32be(1)
      .u16be(4)
      .bytes(sha1(3).digest);
    expect(pcrChanges(event, results.finish())).toEqual([{ kind: "extend", pcr: 16, digests: [sha1(3)] }]);
    const complete = fromHex(`8002 00000000 00000185 40000007 80000000 ${session} ${session}`);
    expect(pcrChanges(complete, results.finish())).toEqual([]);
    const complete12 = fromHex("00c1 0000000c 000000a3 0000000e 00000000");
    expect(pcrChanges(complete12, new ByteWriter().bytes(OK12).bytes(sha1(4).digest).finish())).toEqual([
      { kind: "extend", pcr: 14, digests: [sha1(4)] },
    ]);
  });

  it("may be a reset", () => {
    expect(pcrChanges(fromHex("8002 00000000 0000013d 00000017"), OK)).toEqual([{ kind: "reset", pcr: 23 }]);
    expect(pcrChanges(fromHex("00c1 00000000 000000c8 0003 000081"), OK12)).toEqual([
      { kind: "reset", pcr: 16 },
      { kind: "reset", pcr: 23 },
    ]);
  });
});

describe("the chain of extends", () => {
  const log = parseEventLog(testdata("linux-sig.tcg"));
  const ima = parseImaBinary(testdata("linux-sig.bin"));
  const boot: PcrChange[] = log.events.slice(1).map(({ pcr, digests }) => ({ kind: "extend", pcr, digests }));
  const measured: PcrChange[] = ima.entries.map((entry) => ({
    kind: "extend",
    pcr: 10,
    digests: [{ algorithm: 11, digest: entryDigest(entry, "sha256", "own hash", 32) as Uint8Array }],
  }));

  it("of a boot is explained by the log and the IMA list, one by one", () => {
    const rows = explainChanges([...boot, ...measured], log, ima);
    expect(rows.slice(0, boot.length).map(({ event }) => event?.index)).toEqual(
      log.events.slice(1).map(({ index }) => index),
    );
    expect(rows.slice(boot.length).map((row) => row.ima?.index)).toEqual(
      ima.entries.map(({ index }) => index),
    );
    expect(rows[0]).toMatchObject({ maker: "firmware", text: "SMBIOS structures" });
    expect(rows.at(-1)).toMatchObject({ maker: "IMA" });
    expect(rows.find((row) => row.ima?.violation)?.text).toBe(
      "/x: changed while it was measured (violation)",
    );
  });

  it("names what no list has, and passes over events that were never extended", () => {
    const strange: PcrChange = { kind: "extend", pcr: 0, digests: [sha1(9)] };
    const rows = explainChanges([strange, ...boot.slice(3), { kind: "reset", pcr: 16 }], log);
    expect(rows[0]).toMatchObject({ maker: "unknown", text: "no list has this extend" });
    expect(rows[1]?.event?.index).toBe(4);
    expect(rows.at(-1)?.text).toBe("set back to its starting value");
    expect(explainChanges([measured[0]!], log)[0]).toMatchObject({
      maker: "IMA",
      text: "no list has this extend",
    });
  });
});
