/**
 * Measured direct boots of the real guest on v86 in Node, through SeaBIOS, with a real swtpm: what the option ROM
 * puts into PCR 8 and 9, and whether the event log tells the same.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HASH_ENGINE_WINDOW } from "../../src/machine/rom/hash-engine.ts";
import { toHex } from "../../src/protocol/bytes/hex.ts";
import {
  checkBootAggregate,
  checkDigests,
  compareImaWithPcrs,
  compareLogs,
  compareWithPcrs,
  describeEvent,
  eventLogYaml,
  parseImaAscii,
  parseImaBinary,
} from "../../src/protocol/eventlog/index.ts";
import { IMAGES, type Measured, MeasuredMachine } from "./measured-machine.ts";

const KNOWN = [
  { name: "the kernel", bytes: IMAGES.kernel },
  { name: "the initrd", bytes: IMAGES.initrd },
];
const pcr = ({ pcrs }: Measured, index: number, algorithm = pcrs[0]?.algorithm) =>
  toHex(pcrs.find((bank) => bank.algorithm === algorithm)?.values[index] as Uint8Array);
const allPcrs = (measured: Measured, ...indices: number[]) =>
  measured.pcrs.flatMap(({ algorithm }) => indices.map((index) => pcr(measured, index, algorithm)));
const FIRMWARE = [0, 1, 2, 3, 4, 5, 6, 7];

/** A PCR after the extends of these contents' hashes: what anyone can compute from the images alone. */
function extended(algorithm: string, ...contents: (Uint8Array | string)[]): string {
  const hash = (...parts: (Uint8Array | string)[]) =>
    parts.reduce((h, part) => h.update(part), createHash(algorithm)).digest();
  const start = Buffer.alloc(hash("").length);
  return contents.reduce<Buffer>((value, content) => hash(value, hash(content)), start).toString("hex");
}

function expectMeasured(measured: Measured, cmdline: string, initrd = IMAGES.initrd): void {
  for (const { algorithm } of measured.pcrs) {
    expect(pcr(measured, 8, algorithm)).toBe(extended(algorithm, cmdline));
    expect(pcr(measured, 9, algorithm)).toBe(extended(algorithm, IMAGES.kernel, initrd));
  }
}

/** The log is whole and leads to the TPM's PCRs, but for PCR 10, which Linux extends. */
function expectExplained({ log, replayed, pcrs }: Measured): void {
  expect(log.problems).toEqual([]);
  const rows = compareWithPcrs(replayed, pcrs);
  const wrong = rows.filter(({ result, pcr }) => result !== "explained" && result !== "unused" && pcr !== 10);
  expect(wrong).toEqual([]);
  const explained = rows.filter(({ result }) => result === "explained").map((row) => row.pcr);
  expect([...new Set(explained)]).toEqual([...FIRMWARE, 8, 9]);
}

describe("a measured direct boot with TPM 2.0", () => {
  let machine: MeasuredMachine;
  let first: Measured;
  beforeAll(async () => {
    machine = await MeasuredMachine.start("2.0");
    first = await machine.measured();
  });
  afterAll(() => machine?.close());

  it("measures kernel, command line and initrd into every bank", () => {
    expect(first.log.format).toBe("2.0");
    expect(first.pcrs.map(({ algorithm }) => algorithm)).toContain("sha256");
    expectExplained(first);
    expectMeasured(first, IMAGES.cmdline);
  });

  it("has the hash engine do the work", () => {
    const { engine } = machine.boot;
    const last = first.pcrs.at(-1)?.algorithm as string;
    const digest = createHash(last).update(IMAGES.initrd).digest();
    const shown = Array.from(digest, (_, i) => engine?.read(HASH_ENGINE_WINDOW.base + 0x40 + i, 1));
    expect(shown).toEqual([...digest]);
  });

  it("says so in the event log, as boot loaders do", () => {
    const events = first.log.events.slice(-3).map((event) => ({
      pcr: event.pcr,
      ...describeEvent(event, first.log),
      checks: checkDigests(event, KNOWN).map(
        ({ result, reason }) => `${result}: ${reason.replace(/^the \w+ /, "")}`,
      ),
    }));
    const banks = first.pcrs.length;
    const matches = (what: string) => Array(banks).fill(`matches: hash of ${what}`);
    expect(events).toMatchObject([
      {
        pcr: 9,
        name: "EV_IPL",
        text: '"(direct)/vmlinuz"',
        maker: "direct boot",
        checks: matches("the kernel"),
      },
      {
        pcr: 8,
        name: "EV_IPL",
        text: `"kernel_cmdline: ${IMAGES.cmdline}"`,
        checks: matches("the text after the colon in the event's data"),
      },
      { pcr: 9, name: "EV_IPL", text: '"(direct)/initrd"', checks: matches("the initrd") },
    ]);
  });

  it("gives Linux a log that it reads to the end, and tpm2_eventlog prints as we do", async () => {
    const bytes = await machine.file("/sys/kernel/security/tpm0/binary_bios_measurements");
    expect(toHex(bytes)).toBe(toHex(machine.native.tpm.eventLog()));
    const folder = mkdtempSync(join(tmpdir(), "webtpm-log-"));
    writeFileSync(join(folder, "log"), bytes);
    const { stdout } = spawnSync("tpm2_eventlog", [join(folder, "log")], { encoding: "utf8" });
    rmSync(folder, { recursive: true });
    expect(stdout).toContain("kernel_cmdline: ");
    expect(eventLogYaml(first.log)).toBe(stdout);
  });

  it("is what Linux's own measurements begin with", async () => {
    const folder = "/sys/kernel/security/ima";
    const lists = [
      parseImaAscii(await machine.file(`${folder}/ascii_runtime_measurements`)),
      parseImaBinary(await machine.file(`${folder}/binary_runtime_measurements`)),
    ];
    for (const list of lists) {
      expect(list.problems).toEqual([]);
      expect(checkBootAggregate(list, first.pcrs)).toBe(true);
      const rows = compareImaWithPcrs(list, first.pcrs);
      expect(rows.map(({ result }) => result)).toEqual(first.pcrs.map(() => "explained"));
    }
  });

  it("shows another command line in PCR 8 and nowhere else", async () => {
    const cmdline = `${IMAGES.cmdline} webtpm.changed`;
    machine.boot.setImages({ ...IMAGES, cmdline });
    const changed = await machine.rebooted("reboot");
    expectExplained(changed);
    expectMeasured(changed, cmdline);
    expect(allPcrs(changed, ...FIRMWARE, 9)).toEqual(allPcrs(first, ...FIRMWARE, 9));
    const differences = compareLogs(first.log, changed.log).filter(({ kind }) => kind !== "same");
    expect(differences.map(({ reason }) => reason)).toEqual([
      `PCR 8: "kernel_cmdline: ${IMAGES.cmdline}" became "kernel_cmdline: ${cmdline}"`,
    ]);
    expect((await machine.machine.serial.run("cat /proc/cmdline")).output.trim()).toBe(cmdline);
  });

  it("shows another initrd in PCR 9 and nowhere else", async () => {
    const initrd = new Uint8Array(IMAGES.initrd.length + 512);
    initrd.set(IMAGES.initrd);
    machine.boot.setImages({ ...IMAGES, initrd });
    const changed = await machine.rebooted("reset");
    expectExplained(changed);
    expectMeasured(changed, IMAGES.cmdline, initrd);
    expect(allPcrs(changed, ...FIRMWARE, 8)).toEqual(allPcrs(first, ...FIRMWARE, 8));
    expect(pcr(changed, 9)).not.toBe(pcr(first, 9));
  });

  it("gives the same PCRs when the emulated CPU hashes", async () => {
    const slow = await MeasuredMachine.start("2.0", { engine: false });
    try {
      const measured = await slow.measured();
      expectExplained(measured);
      expect(allPcrs(measured, ...FIRMWARE, 8, 9)).toEqual(allPcrs(first, ...FIRMWARE, 8, 9));
    } finally {
      await slow.close();
    }
  });
});

describe("a measured direct boot with TPM 1.2", () => {
  let machine: MeasuredMachine;
  afterAll(() => machine?.close());

  it("measures the same into the same PCRs, and again after a reset", async () => {
    machine = await MeasuredMachine.start("1.2");
    const first = await machine.measured();
    expect(first.log.format).toBe("1.2");
    expectExplained(first);
    expectMeasured(first, IMAGES.cmdline);
    const events = first.log.events
      .slice(-3)
      .map((event) => [event.pcr, describeEvent(event, first.log).text]);
    expect(events).toEqual([
      [9, '"(direct)/vmlinuz"'],
      [8, `"kernel_cmdline: ${IMAGES.cmdline}"`],
      [9, '"(direct)/initrd"'],
    ]);
    const second = await machine.rebooted("reset");
    expect(allPcrs(second, ...FIRMWARE, 8, 9)).toEqual(allPcrs(first, ...FIRMWARE, 8, 9));
  });
});
