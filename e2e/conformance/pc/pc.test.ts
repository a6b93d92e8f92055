/**
 * The machine around the TPM beside QEMU's: general-purpose events, PCI hotplug, timer and IDE, port by port. QEMU is
 * asked over qtest, the emulator by a guest of a few bytes; each difference is told and has a reason.
 */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asm, type Code, RESULTS, tinyMachine } from "../../../src/machine/testing/tiny-guest.ts";
import { listenOnce, QtestPeer } from "../peer.ts";
import { Processes } from "../processes.ts";
import { DIFFERENCES } from "./differences.ts";
import { DISK_SECTORS, type PortStep, SUBJECTS } from "./steps.ts";

const SECTOR = 512;
type Reads = Record<string, number>;

/** Each sector says its number. */
function disk(): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(DISK_SECTORS * SECTOR);
  const words = new Uint32Array(bytes.buffer);
  for (let at = 0; at < words.length; at++) words[at] = (Math.floor((4 * at) / SECTOR) << 8) | (at & 0x7f);
  return bytes;
}

let processes: Processes;
let qemu: QtestPeer | undefined;
beforeAll(async () => {
  processes = new Processes();
  writeFileSync(processes.path("disk.img"), disk());
  const listening = listenOnce(processes.path("qtest"));
  await listening.ready;
  processes.start("qemu-system-i386", [
    ..."-machine pc -display none -nodefaults -no-user-config -S".split(" "),
    ...["-qtest", `unix:${processes.path("qtest")}`, "-qtest-log", "/dev/null"],
    ...["-drive", `if=ide,format=raw,file=${processes.path("disk.img")}`],
  ]);
  qemu = new QtestPeer("QEMU", await listening.connection);
});
afterAll(async () => {
  qemu?.close();
  await processes.close();
});

const bitsOf = (step: { in: number; bits?: number }) => step.bits ?? 2 ** step.in - 1;
const LETTER = { 8: "b", 16: "w", 32: "l" } as const;
const hex = (value: number) => `0x${value.toString(16)}`;

async function readQemu(steps: readonly PortStep[]): Promise<Reads> {
  const reads: Reads = {};
  for (const step of steps) {
    if ("until" in step) while (Number(await qemu!.ask(`inb ${hex(step.port)}`)) & step.until);
    else if ("out" in step) await qemu!.ask(`out${LETTER[step.out]} ${hex(step.port)} ${hex(step.value)}`);
    else reads[step.as] = Number(await qemu!.ask(`in${LETTER[step.in]} ${hex(step.port)}`)) & bitsOf(step);
  }
  return reads;
}

const OUT = { 8: asm.out8, 16: asm.out16, 32: asm.out32 } as const;
const IN = { 8: asm.in8, 16: asm.in16, 32: asm.in32 } as const;

async function readOurs(steps: readonly PortStep[]): Promise<Reads> {
  let results = 0;
  const code: Code = steps.flatMap((step) => {
    // What ours does, it does at once.
    if ("until" in step) return [];
    if ("out" in step) return OUT[step.out](step.port, step.value);
    return [...IN[step.in](step.port), ...asm.store(RESULTS + 4 * results++, 4)];
  });
  const machine = await tinyMachine([...code, ...asm.say("!")], { hda: { buffer: disk().buffer } });
  try {
    machine.bus.resume();
    await machine.hears("!");
    const reads = steps.filter((step) => "in" in step);
    return Object.fromEntries(
      reads.map((step, index) => [step.as, (machine.result(index) & bitsOf(step)) >>> 0]),
    );
  } finally {
    await machine.emulator.destroy();
  }
}

for (const [subject, steps] of Object.entries(SUBJECTS)) {
  test(`${subject}: as QEMU's, but for what is told`, async () => {
    const [ours, theirs] = [await readOurs(steps), await readQemu(steps)];
    const differing = Object.keys(theirs).filter((name) => ours[name] !== theirs[name]);
    const unexplained = differing.filter((name) => !DIFFERENCES.some(({ reads }) => reads.test(name)));
    const told = unexplained.map((name) => `${name}: ours ${hex(ours[name]!)}, QEMU's ${hex(theirs[name]!)}`);
    expect(told).toEqual([]);
    console.log(`${subject}: ${Object.keys(theirs).length} reads, ${differing.length} differ as told`);
  });
}
