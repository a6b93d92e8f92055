import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseEventLog } from "../../protocol/eventlog/index.ts";
import { FAILURE, ToldBoot } from "./testing.ts";
import type { BootVerdict } from "./verdict.ts";

const testdata = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../protocol/eventlog/testdata/${name}`, import.meta.url)));
const LOGS = { "2.0": testdata("seabios-2.0.bin"), "1.2": testdata("seabios-1.2.bin") };
/** Of both logs: extends before the platform is locked, and after them the separators. */
const BEFORE_LOCK = 4;
const VERSIONS = ["2.0", "1.2"] as const;

const told = (version: "2.0" | "1.2", expected = {}) => new ToldBoot(LOGS[version], version, expected);
const good = (version: "2.0" | "1.2" = "2.0", expected = {}) =>
  told(version, expected).start().measure(BEFORE_LOCK).lock().measure().read().linux();

function gaveUp(verdict: BootVerdict) {
  if (verdict.kind !== "firmware gave up") throw new Error(`not given up: ${JSON.stringify(verdict)}`);
  return verdict;
}

describe.each(VERSIONS)("a boot that is fine, with TPM %s", (version) => {
  it("is nothing, then being checked, and measured only when log and PCRs were seen to agree", () => {
    const boot = told(version);
    expect(boot.check.verdict).toEqual({
      kind: "checking",
      missing: "the firmware has not used the TPM yet",
    });
    boot.start();
    expect(boot.check.verdict).toMatchObject({
      missing: expect.stringContaining("has measured nothing yet"),
    });
    boot.measure(BEFORE_LOCK).lock();
    expect(boot.check.verdict).toMatchObject({
      missing: expect.stringMatching(/^the firmware has measured into PCR/),
    });
    boot.measure();
    expect(boot.check.verdict).toMatchObject({ missing: expect.stringContaining("have not been read") });
    boot.read();
    expect(boot.kind).toBe("measured");
    boot.linux();
    expect(boot.check.verdict).toMatchObject({
      kind: "measured",
      checks: [
        expect.stringContaining("nothing was switched off"),
        "The firmware has measured into all of PCR 0–7.",
        expect.stringContaining("PCR 0–7"),
        "The operating system uses the TPM.",
      ],
    });
    expect(boot.check.wantsAllTold).toBe(false);
  });

  it("is not looked for with a TPM that somebody else has started, and that goes on", () => {
    const startedBefore = version === "2.0" ? "80010000000a00000100" : "00c40000000a00000026";
    const startup = version === "2.0" ? "80010000000c000001440000" : "00c10000000c000000990001";
    const refused = (expected: object) =>
      told(version, expected).send([startup], startedBefore).switchOff().linux().read();
    const boot = refused({ tpmGoesOn: () => true });
    expect(boot.check.verdict).toMatchObject({
      kind: "unchecked",
      why: expect.stringMatching(/^somebody else had started this TPM before/),
    });
    expect(boot.check.troubles).toEqual([]);
    // One that was power-cycled for this boot has to be as new.
    expect(gaveUp(refused({ tpmGoesOn: () => false }).check.verdict).how).toBe("disabled");
  });

  it("stays measured whatever is extended by hand later, and by whom", () => {
    const boot = good(version);
    boot.send([boot.extendOf(0)]).read(told(version).banks());
    expect(boot.kind).toBe("measured");
  });

  it("is not measured any more when the log is changed afterwards", () => {
    const boot = good(version);
    const changed = boot.log.slice();
    changed[changed.length - 1] = (changed.at(-1) as number) ^ 1;
    expect(boot.write(changed).check.verdict).toMatchObject({
      kind: "log does not replay",
      reason: expect.stringContaining("changed after"),
    });
    expect(boot.write(boot.log).kind).toBe("measured");
  });
});

describe.each(VERSIONS)("firmware that gives TPM %s up", (version) => {
  const failing = (boot: ToldBoot, command: Uint8Array | string) =>
    boot.send([command], FAILURE[version]).switchOff().lock();

  it("at its first command", () => {
    const [startup] = [version === "2.0" ? "80010000000c000001440000" : "00c10000000c000000990001"];
    const verdict = gaveUp(failing(told(version), startup).check.verdict);
    const name = version === "2.0" ? "TPM2_Startup" : "TPM_Startup";
    expect(verdict).toMatchObject({ how: "disabled", at: { name, number: 1 }, extended: [] });
    expect(verdict.cause).toMatch(/^the TPM answered TPM/);
  });

  it("in the middle of measuring: the command counts, and what was extended is said", () => {
    const boot = told(version).start().measure(2);
    const at = {
      name: version === "2.0" ? "TPM2_PCR_Extend" : "TPM_Extend",
      number: version === "2.0" ? 6 : 12,
    };
    failing(boot, boot.extendOf(2));
    expect(gaveUp(boot.check.verdict)).toMatchObject({ how: "disabled", at, extended: [1, 2] });
  });

  it("after its separators", () => {
    const boot = told(version).start().measure(BEFORE_LOCK).lock().measure().read();
    expect(boot.kind).toBe("measured");
    failing(boot, boot.extendOf(0));
    expect(gaveUp(boot.check.verdict).extended).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("because an answer came too late, without being able to switch anything off", () => {
    const boot = told(version).start().measure(1);
    const late = boot.begin(boot.extendOf(1));
    boot.firmware("WARNING - Timeout at wait_reg8:81!");
    const now = gaveUp(boot.check.verdict);
    expect(now).toMatchObject({ how: "timed out", at: { name: late.name } });
    expect(now.cause).toContain("within the time");
    // The late answer changes nothing, nor does what the firmware sends at its end.
    boot.answer(late);
    expect(gaveUp(boot.lock().read().linux().check.verdict)).toEqual({ ...now, extended: [1, 2] });
  });

  it("but not when it has tried again, and has measured all", () => {
    const boot = told(version).start();
    boot.firmware("WARNING - Timeout at wait_reg8:81!");
    expect(boot.kind).toBe("firmware gave up");
    expect(boot.measure(BEFORE_LOCK).lock().measure().read().linux().kind).toBe("measured");
  });

  it("in silence: what is missing is missed when the system begins", () => {
    const boot = told(version).start().measure(BEFORE_LOCK);
    expect(boot.lock().kind).toBe("checking");
    boot.linux();
    expect(gaveUp(boot.check.verdict)).toMatchObject({ how: "stopped" });
  });

  it("and never begins at all: known once all commands have been told", () => {
    const boot = told(version).say("[    0.000000] Linux version 6.1\n");
    expect(boot.kind).toBe("checking");
    expect(boot.check.wantsAllTold).toBe(true);
    boot.check.take({ type: "all told" });
    expect(gaveUp(boot.check.verdict)).toMatchObject({ how: "absent", extended: [] });
    expect(boot.check.wantsAllTold).toBe(false);
    expect(gaveUp(told(version).linux().check.verdict).how).toBe("absent");
  });
});

describe("news that comes late", () => {
  it("is not taken for something that is missing", () => {
    const boot = told("2.0").start().measure(BEFORE_LOCK).lock();
    // The console is heard at once; the last extends are told after it.
    boot.say("[    0.000000] Linux version 6.1\n");
    expect(boot.kind).toBe("checking");
    expect(boot.check.wantsAllTold).toBe(true);
    expect(boot.measure().read().linux().kind).toBe("measured");
  });

  it("nor are PCRs wrong that were read while the firmware extended one", () => {
    const boot = told("2.0").start().measure(BEFORE_LOCK).lock();
    const page = { ...boot.begin(boot.extendOf(0)), origin: "page" as const };
    const half = told("2.0").start().measure(2).banks();
    const again = told("2.0").start().measure(BEFORE_LOCK).lock().measure(5);
    again.check.take({ type: "command", command: page });
    again.measure().read(half).linux();
    expect(again.kind).toBe("checking");
    expect(again.read().kind).toBe("measured");
  });
});

describe("other firmware", () => {
  it("may switch the platform hierarchy off, and that one alone: it is no failure", () => {
    const platform = "800200000020000001214000000c00000009400000090000010000" + "4000000c00";
    const boot = told("2.0").start().measure(BEFORE_LOCK).send([platform]).measure().read().linux();
    expect(boot.kind).toBe("measured");
  });

  it("may let the system's user switch hierarchies off later", () => {
    expect(good().switchOff().kind).toBe("measured");
  });
});

describe("an event log that is not what the TPM was given", () => {
  /** The boot's PCRs, and another log. */
  const withLog = (log: Uint8Array) => good12(log);
  const good12 = (log: Uint8Array) => {
    const boot = told("2.0").start().measure(BEFORE_LOCK).lock().measure();
    const banks = boot.banks();
    return boot.write(log).read(banks).linux();
  };
  const { events } = parseEventLog(LOGS["2.0"]);

  it("names PCR and event of a digest that was changed", () => {
    const log = LOGS["2.0"].slice();
    const event = events.findLast(({ pcr }) => pcr === 4) as (typeof events)[number];
    const digest = event.offset + 12 + 2;
    log[digest] = (log[digest] as number) ^ 1;
    expect(withLog(log).check.verdict).toMatchObject({
      kind: "log does not replay",
      pcr: 4,
      event: event.index,
      reason: expect.stringContaining("another digest"),
    });
  });

  it("names the PCR of an event that was left out", () => {
    const last = events.at(-1) as (typeof events)[number];
    const verdict = withLog(LOGS["2.0"].subarray(0, last.offset)).check.verdict;
    expect(verdict).toMatchObject({
      kind: "log does not replay",
      pcr: last.pcr,
      reason: "one extend has no event in the log",
    });
  });

  it("says where a log that is cut off ends", () => {
    const verdict = withLog(LOGS["2.0"].subarray(0, LOGS["2.0"].length - 3)).check.verdict;
    expect(verdict).toMatchObject({ kind: "log does not replay" });
  });

  it("misses a log that is not there at all", () => {
    expect(withLog(new Uint8Array()).check.verdict).toMatchObject({ kind: "log does not replay" });
  });
});

describe("a kernel that says that its TPM does not work", () => {
  it("is believed beside a boot that was measured", () => {
    const boot = good().say("[    2.1] x\n[    2.450504] tpm_tis MSFT0101:00: TPM interface timeout\n");
    expect(boot.check.verdict).toEqual({
      kind: "kernel says",
      line: "tpm_tis MSFT0101:00: TPM interface timeout",
    });
  });

  it("comes after what the firmware did", () => {
    const boot = told("2.0").start().lock().linux().say("WebTPM guest, Linux 6.1.176-webtpm, no TPM\r\n");
    expect(boot.check.troubles.map(({ kind }) => kind)).toEqual(["firmware gave up", "kernel says"]);
  });
});

describe("a guest that dies", () => {
  const PANIC = "[    1.204113] Kernel panic - not syncing: IO-APIC + timer doesn't work!\r\n";

  it("is what is said first, and what was found of the TPM stays", () => {
    const boot = told("2.0").start().lock().linux().say(PANIC);
    expect(boot.check.verdict).toMatchObject({ kind: "guest died", how: "panic" });
    expect(boot.check.tpmTroubles.map(({ kind }) => kind)).toEqual(["firmware gave up"]);
  });

  it("is forgotten with the next boot", () => {
    const boot = good().say(PANIC);
    boot.check.take({ type: "reset", by: "user" });
    expect(boot.kind).toBe("checking");
  });

  it("is in a loop when it restarts again and again before its shell", () => {
    const boot = good("2.0", { shell: true });
    for (let i = 0; i < 2; i++) {
      boot.say(PANIC).check.take({ type: "reset", by: "guest" });
      expect(boot.kind).toBe("checking");
    }
    boot.say(PANIC).check.take({ type: "reset", by: "guest" });
    expect(boot.check.verdict).toMatchObject({
      kind: "guest died",
      how: "restarts",
      line: expect.stringContaining("IO-APIC"),
    });
    boot.say("webtpm# ");
    expect(boot.kind).toBe("checking");
  });

  it("may restart from its shell as often as it likes", () => {
    const boot = good("2.0", { shell: true });
    for (let i = 0; i < 5; i++) boot.say("\nwebtpm# ").check.take({ type: "reset", by: "guest" });
    expect(boot.kind).toBe("checking");
  });

  it("had nothing to boot", () => {
    const boot = good().firmware("No bootable device.  Retrying in 60 seconds.");
    expect(boot.check.verdict).toMatchObject({ kind: "guest died", how: "nothing to boot" });
    boot.firmware("Booting from Hard Disk...");
    expect(boot.kind).toBe("measured");
  });

  it("goes silent before its shell, where one is expected, and comes back with the next word", () => {
    const boot = good("2.0", { shell: true }).say("hello\n");
    boot.check.take({ type: "silence", seconds: 179 });
    expect(boot.kind).toBe("measured");
    boot.check.take({ type: "silence", seconds: 180 });
    expect(boot.check.verdict).toEqual({ kind: "guest died", how: "silent", line: "hello" });
    expect(boot.say(".").kind).toBe("measured");
    boot.say("\nwebtpm# ").check.take({ type: "silence", seconds: 500 });
    expect(boot.kind).toBe("measured");
  });

  it("is ended by the emulator", () => {
    const boot = good();
    boot.check.take({ type: "crash", message: "unreachable" });
    expect(boot.check.verdict).toMatchObject({ kind: "guest died", how: "emulator", line: "unreachable" });
  });
});

it("a machine that goes on from a saved one is not called measured", () => {
  const boot = told("2.0");
  boot.check.take({ type: "start", from: "saved" });
  boot.say("\nwebtpm# ").linux();
  expect(boot.check.verdict).toMatchObject({ kind: "unchecked", why: expect.stringContaining("not seen") });
  expect(boot.check.wantsAllTold).toBe(false);
});
