import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compareLogs } from "./compare-logs.ts";
import { parseEventLog } from "./parse.ts";
import { ascii, log20, type MadeEvent } from "./testing.ts";

const testdata = (name: string) => new Uint8Array(readFileSync(new URL(`testdata/${name}`, import.meta.url)));
const action = (pcr: number, text: string): MadeEvent => ({ pcr, type: "EV_ACTION", data: ascii(text) });
const text = (pcr: number, data: string, measured?: string): MadeEvent => ({
  pcr,
  type: "EV_IPL",
  data: ascii(data),
  ...(measured !== undefined && { measured: ascii(measured) }),
});
const compare = (a: MadeEvent[], b: MadeEvent[]) =>
  compareLogs(parseEventLog(log20(["sha256"], a)), parseEventLog(log20(["sha256"], b))).slice(1);

describe("two boots side by side", () => {
  it("of the same kind are the same", () => {
    const log = parseEventLog(testdata("seabios-2.0.bin"));
    const rows = compareLogs(log, parseEventLog(testdata("seabios-2.0.bin")));
    expect(rows.map(({ kind, a, b }) => [kind, a?.index, b?.index])).toEqual(
      log.events.map(({ index }) => ["same", index, index]),
    );
  });

  it("with another command line and kernel say what became of them", () => {
    const boot = (cmdline: string, kernel: string) => [
      action(4, "Calling INT 19h"),
      text(9, "(direct)/vmlinuz\0", kernel),
      text(8, `kernel_cmdline: ${cmdline}\0`, cmdline),
      text(9, "(direct)/initrd\0", "initrd"),
    ];
    expect(
      compare(boot("quiet", "one"), boot("debug", "two")).map(({ kind, reason }) => [kind, reason]),
    ).toEqual([
      ["same", ""],
      ["changed", 'PCR 9: "(direct)/vmlinuz": what was measured changed, its description did not'],
      ["changed", 'PCR 8: "kernel_cmdline: quiet" became "kernel_cmdline: debug"'],
      ["same", ""],
    ]);
  });

  it("tell added and removed events", () => {
    const rows = compare(
      [action(2, "a"), action(2, "b"), action(4, "last")],
      [action(2, "a"), action(4, "new"), action(4, "last")],
    );
    expect(rows.map(({ kind, a, b }) => [kind, a?.index, b?.index])).toEqual([
      ["same", 1, 1],
      ["removed", 2, undefined],
      ["added", undefined, 2],
      ["same", 3, 3],
    ]);
    expect(rows.map(({ reason }) => reason).filter(Boolean)).toEqual([
      'PCR 2: "b": only in the first boot',
      'PCR 4: "new": only in the second boot',
    ]);
  });

  it("with other banks say that", () => {
    const a = parseEventLog(log20(["sha1"], [action(4, "x")]));
    const b = parseEventLog(log20(["sha256"], [action(4, "x")]));
    expect(compareLogs(a, b).at(-1)?.reason).toBe('PCR 4: "x": the same event, but other banks are in use');
  });

  it("keep each event once and in order, whatever the logs", () => {
    const a = parseEventLog(testdata("efi-grub.bin"));
    const b = parseEventLog(testdata("efi-secure-boot.bin"));
    const rows = compareLogs(a, b);
    expect(rows.flatMap((row) => (row.a ? [row.a.index] : []))).toEqual(a.events.map(({ index }) => index));
    expect(rows.flatMap((row) => (row.b ? [row.b.index] : []))).toEqual(b.events.map(({ index }) => index));
    const reasons = rows.map(({ reason }) => reason);
    expect(reasons).toContain("PCR 7: SecureBoot = off became SecureBoot = on");
    expect(compareLogs(a, parseEventLog(new Uint8Array())).every(({ kind }) => kind === "removed")).toBe(
      true,
    );
  });
});
