/**
 * The flash chips of a machine with UEFI beside QEMU's own (pflash, Intel command set): random commands, programs,
 * erasures and reads of all sizes, which both answer the same, also where firmware would not do so.
 */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BLOCK_SIZE, Flash } from "../../../src/machine/uefi/flash.ts";
import { listenOnce, QtestPeer } from "../peer.ts";
import { Processes } from "../processes.ts";
import { Random } from "../random.ts";

const SEQUENCES = Number(process.env.WEBTPM_SEQUENCES ?? 100);
const ACCESSES = 200;
const SEED = 20_261_127;
/** Of both chips, in bytes. */
const VARIABLES = 12 * BLOCK_SIZE;
const CODE = 16 * BLOCK_SIZE;
const TOP = 2 ** 32;

/** Where accesses go: few places, so that they meet. */
const SPREAD = 24;
const SIZES = [
  ["b", 1],
  ["w", 2],
  ["l", 4],
] as const;
/** A buffered write, which ours does not know: no command here, a value all the same. */
const BUFFERED = 0xe8;
/** Commands by how often they are tried here. */
const COMMANDS: readonly (readonly [weight: number, command: number])[] = [
  [8, 0x40],
  [3, 0x10],
  [4, 0x20],
  [8, 0xff],
  [3, 0xf0],
  [2, 0x00],
  [5, 0x70],
  [4, 0x50],
  [3, 0xd0],
  [2, 0x90],
  [1, 0x98],
  [2, 0x60],
  [1, 0x28],
  [1, 0x01],
];

const processes = new Processes();
let qemu: QtestPeer;
const random = new Random(SEED);
const content = (length: number) => Uint8Array.from({ length }, () => random.below(256));
const chips = {
  variables: new Flash(content(VARIABLES), { base: TOP - CODE - VARIABLES }),
  code: new Flash(content(CODE), { base: TOP - CODE, readOnly: true }),
};

beforeAll(async () => {
  const qtest = listenOnce(processes.path("qtest"));
  await qtest.ready;
  for (const [name, chip] of Object.entries(chips)) writeFileSync(processes.path(name), chip.content());
  processes.start("qemu-system-i386", [
    ...["-S", "-accel", "tcg", "-machine", "pc", "-display", "none", "-nodefaults", "-m", "16"],
    ...["-qtest", `unix:${processes.path("qtest")}`, "-qtest-log", "/dev/null"],
    ...["-drive", `if=pflash,format=raw,unit=0,readonly=on,file=${processes.path("code")}`],
    ...["-drive", `if=pflash,format=raw,unit=1,file=${processes.path("variables")}`],
  ]);
  qemu = new QtestPeer("QEMU", await qtest.connection);
});
afterAll(() => processes.close());

/** One access of both. @returns what it was, and what came of it. */
async function access(chip: Flash): Promise<{ text: string; ours: string; theirs: string }> {
  const [letter, size] = random.pick(SIZES);
  const block = BLOCK_SIZE * random.below(chip.size / BLOCK_SIZE);
  const address = chip.base + block + random.below(SPREAD) * size;
  if (random.chance(45)) {
    const text = `read${letter} ${address}`;
    const ours = chip.read(address, size) >>> 0;
    return { text, ours: String(ours), theirs: String(Number(await qemu.ask(text))) };
  }
  const any = random.bits() >>> (32 - 8 * size);
  const value = random.chance(70) || (any & 0xff) === BUFFERED ? random.weighted(COMMANDS) : any;
  const text = `write${letter} ${address} ${value}`;
  chip.write(address, size, value);
  return { text, ours: "", theirs: await qemu.ask(text) };
}

it(`answers ${SEQUENCES} random sequences of accesses as QEMU's chips do`, async () => {
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const chip = sequence % 4 ? chips.variables : chips.code;
    const taken: string[] = [];
    for (let count = 0; count < ACCESSES; count++) {
      const { text, ours, theirs } = await access(chip);
      taken.push(`${text}${ours && ` -> ${ours}`}`);
      expect(ours, `sequence ${sequence}, ${chip.base.toString(16)}:\n${taken.slice(-12).join("\n")}`).toBe(
        theirs,
      );
    }
    // What is stored must be the same, too.
    for (const command of [0xd0, 0xff, 0xff]) {
      chip.write(chip.base, 1, command);
      await qemu.ask(`writeb ${chip.base} ${command}`);
    }
    const theirs = await qemu.ask(`read ${chip.base} ${chip.size}`);
    expect(theirs === `0x${Buffer.from(chip.content()).toString("hex")}`, `sequence ${sequence}`).toBe(true);
  }
});
