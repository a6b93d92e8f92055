/**
 * A million random accesses: nothing throws, nothing hangs, and the state is valid after each of them. Now and then the
 * device is put away as a snapshot, and another one goes on.
 */
import { expect, it } from "vitest";
import { CrbDevice } from "./device.ts";
import { mapMemory, WORD } from "./layout.ts";
import { type AccessSize, CRB_BASE, CRB_DATA_BYTES, CRB_SIZE, LOCALITY_SIZE } from "./ports.ts";
import { LOC_CTRL, REGISTERS, type RegisterKey } from "./registers.ts";
import { packet, RecordingSink, SUCCESS } from "./testing.ts";
import { validate } from "./validate.ts";

const ACCESSES = 1_000_000;
const OFFSETS = Object.values(REGISTERS).map(({ offset }) => offset);
const SIZES: AccessSize[] = [1, 2, 4];
const CONTROLS: [RegisterKey, number[]][] = [
  ["CTRL_REQ", [1, 1, 1, 2, 3]],
  ["CTRL_START", [1, 1, 1, 2, 4, 5]],
  ["CTRL_CANCEL", [0, 1]],
  ["INT_ENABLE", [0, 0x8000_000f, 0x8000_0001]],
  ["INT_STS", [1, 0x0f]],
];

/** Whole numbers below `end`, the same ones in every run (xorshift32). */
function numbers(seed: number): (end: number) => number {
  let state = seed;
  return (end) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % end;
  };
}

it.each([
  { seed: 0x2545f491, options: {} },
  { seed: 0x1d872b41, options: { chunks: true } },
])(`survives ${ACCESSES} random accesses with $options`, { timeout: 240_000 }, ({ seed, options }) => {
  const below = numbers(seed);
  const pick = <T>(from: readonly T[]) => from[below(from.length)]!;
  const counts = { commands: 0, cancels: 0, irqs: 0, cuts: 0 };
  const sink = new RecordingSink();
  sink.execute = (_locality, command) => {
    counts.commands++;
    expect(new DataView(command.buffer).getUint32(2)).toBe(command.length);
    if (below(4) === 0) device.complete(SUCCESS);
  };
  sink.cancel = () => void counts.cancels++;
  sink.irq = () => void counts.irqs++;
  sink.resetEstablishment = () => {
    if (below(2)) device.setEstablishment(below(2) === 0);
  };
  const fresh = () => new CrbDevice({ version: "2.0", sink, ...options });
  let device = fresh();
  let { words } = mapMemory(device.memory);
  const answers = [
    SUCCESS,
    packet(40, 0),
    packet(CRB_DATA_BYTES, 0),
    packet(CRB_DATA_BYTES + 1, 0),
    packet(8192, 0),
    packet(9),
    new Uint8Array(),
  ];
  const command = packet(12);

  const at = (locality: number, offset: number) => CRB_BASE + locality * LOCALITY_SIZE + offset;
  const address = () => {
    if (below(50) === 0) return CRB_BASE - 8 + below(CRB_SIZE + 16);
    return at(below(5), (below(8) ? pick(OFFSETS) : below(LOCALITY_SIZE)) + (below(3) ? 0 : below(4)));
  };
  const active = () => (words[WORD.ACTIVE]! < 0 ? below(5) : words[WORD.ACTIVE]!);
  const fill = (bytes: Uint8Array, locality: number) => {
    for (const [i, byte] of bytes.entries())
      device.write(at(locality, REGISTERS.DATA_BUFFER.offset + i), 1, byte);
  };
  const cut = () => {
    const snapshot = structuredClone(device.snapshot());
    device = new CrbDevice({ version: "unspecified", sink });
    device.restore(snapshot);
    ({ words } = mapMemory(device.memory));
    counts.cuts++;
  };
  const step = () => {
    const size = pick(SIZES);
    const kind = below(100);
    if (kind < 25) device.read(address(), size);
    else if (kind < 45) device.write(address(), size, below(2) ? below(2 ** 32) : 1 << below(32));
    else if (kind < 57)
      device.write(at(below(5), REGISTERS.LOC_CTRL.offset), 4, pick(Object.values(LOC_CTRL)) | below(2));
    else if (kind < 77) {
      const [register, values] = pick(CONTROLS);
      device.write(at(active(), REGISTERS[register].offset), pick([1, 4]), pick(values));
    } else if (kind < 87) fill(below(2) ? command : packet(12 + below(4000)).subarray(0, 12), active());
    else if (kind < 96) device.complete(pick(answers));
    else if (kind === 96 && below(100) === 0) device.setVersion(pick(["2.0", "2.0", "unspecified"]));
    else if (kind === 97 && below(100) === 0) device.setBufferSize(10 + below(9000));
    else if (kind === 98 && below(10) === 0) cut();
    else if (below(20) === 0) device.reset();
  };

  for (let i = 0; i < ACCESSES; i++) {
    step();
    const wrong = validate({ words });
    if (wrong) throw new Error(`after access ${i}: ${wrong}`);
    if (device.version === "unspecified" && below(200) === 0) device.setVersion("2.0");
  }
  console.log(`fuzz: ${ACCESSES} accesses, ${JSON.stringify(counts)}`);
  expect(counts.commands).toBeGreaterThan(ACCESSES / 1000);
  expect(counts.cancels).toBeGreaterThan(100);
  expect(counts.irqs).toBeGreaterThan(100);
  expect(counts.cuts).toBeGreaterThan(100);
});
