/**
 * The TPM device's `_DSM` method as an operating system runs it, by ACPICA's own interpreter (`acpiexec`; Debian:
 * acpica-tools), over a memory of its own. presence.machine.test.ts has Linux and the real memory.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { ssdt } from "./acpi.ts";

const scratch = mkdtempSync(join(tmpdir(), "webtpm-dsm-"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** 3DDDFAA6-361B-4EB4-A424-8D10089D1653 and 376054ED-CC13-4675-901C-4756D7F2D45D, as ToUUID puts them in a buffer. */
const PRESENCE = "(A6 FA DD 3D 1B 36 B4 4E A4 24 8D 10 08 9D 16 53)";
const MEMORY_CLEAR = "(ED 54 60 37 13 CC 75 46 90 1C 47 56 D7 F2 D4 5D)";
const NOBODY = "(00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F)";

/** A call: who, revision, function, arguments. */
type Call = [uuid: string, revision: number, index: number, ...packed: number[]];
const call = ([uuid, revision, index, ...packed]: Call) =>
  `execute \\_SB.TPM0._DSM ${uuid} ${revision} ${index} [${(packed.length ? packed : [0]).join(" ")}]`;
const field = (name: string) => `execute \\_SB.TPM0.${name}`;

/**
 * Runs commands one after the other.
 * @param fill what each byte of the memory is at first: also what each operation's byte in FUNC says.
 * @returns what each gave: numbers, a list of them for a package, text.
 */
function run(version: "1.2" | "2.0", fill: number, commands: readonly string[]): unknown[] {
  const file = join(scratch, "ssdt.aml");
  writeFileSync(file, ssdt(version));
  const output = execFileSync("acpiexec", ["-fv", String(fill), file], {
    input: [...commands, "quit", ""].join("\n"),
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  });
  const answers = output.split(/^Evaluation of /m).slice(1);
  expect(`${answers.length} answers: ${output}`).toMatch(new RegExp(`^${commands.length} answers`));
  return answers.map(value);
}

function value(answer: string): unknown {
  const text = /\[String\] Length \w+ = "(.*)"/.exec(answer);
  if (text) return text[1];
  const buffer = /\[Buffer\] Length \w+ =\s+0000: ((?:[0-9A-F]{2} )+)/.exec(answer);
  if (buffer) return (buffer[1] as string).trim();
  const integers = Array.from(answer.matchAll(/\[Integer\] = (\w+)/g), (match) =>
    Number.parseInt(match[1]!, 16),
  );
  return answer.includes("[Package]") ? integers : integers[0];
}

const ALLOWED = 4;

describe.each(["2.0", "1.2"] as const)("_DSM of a TPM %s", (version) => {
  it("says which functions there are, its version and what is needed to change", () => {
    const calls: Call[] = [
      [PRESENCE, 1, 0],
      [PRESENCE, 1, 1],
      [PRESENCE, 1, 4],
      [PRESENCE, 1, 6],
      [MEMORY_CLEAR, 1, 0],
      [NOBODY, 1, 0],
    ];
    expect(run(version, 0, calls.map(call))).toEqual(["FF 01", "1.3", 2, 3, "03", "00"]);
  });

  it("takes a request that the firmware carries out, in both its forms, and shows what is pending", () => {
    const commands = [
      call([PRESENCE, 1, 2, 14]),
      call([PRESENCE, 1, 3]),
      call([PRESENCE, 2, 7, 23, 6]),
      call([PRESENCE, 1, 3]),
      call([PRESENCE, 2, 3]),
      call([PRESENCE, 2, 7, 5]),
      call([PRESENCE, 2, 3]),
      call([PRESENCE, 1, 7, 0]),
      call([PRESENCE, 2, 3]),
    ];
    expect(run(version, ALLOWED, commands)).toEqual([
      0,
      [0, 14],
      0,
      [0, 23],
      [0, 23, 6],
      0,
      [0, 5, 0],
      0,
      [0, 0, 0],
    ]);
  });

  it("refuses a request that the firmware does not carry out, or keeps from others", () => {
    const refusals = (fill: number) =>
      run(version, fill, [
        call([PRESENCE, 1, 2, 5]),
        call([PRESENCE, 2, 7, 5]),
        call([PRESENCE, 1, 8, 5]),
        field("PPRQ"),
      ]);
    expect(refusals(0)).toEqual([1, 1, 0, 0]);
    expect(refusals(1)).toEqual([2, 3, 1, 0x0101_0101]);
    expect(refusals(2)).toEqual([2, 3, 2, 0x0202_0202]);
    // Beyond the list there is nothing.
    expect(run(version, ALLOWED, [call([PRESENCE, 1, 8, 255]), call([PRESENCE, 1, 8, 256])])).toEqual([4, 0]);
  });

  it("shows the last operation and what came of it", () => {
    expect(run(version, 0x11, [call([PRESENCE, 1, 5])])).toEqual([[0, 0x1111_1111, 0x1111_1111]]);
  });

  it("notes a memory overwrite request", () => {
    const commands = [
      call([MEMORY_CLEAR, 1, 1, 1]),
      field("MOVV"),
      call([MEMORY_CLEAR, 1, 1, 0]),
      field("MOVV"),
    ];
    expect(run(version, ALLOWED, commands)).toEqual([0, 1, 0, 0]);
  });
});
