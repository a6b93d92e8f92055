/** A million random accesses: nothing throws, nothing hangs, and the state is valid after each of them. */
import { expect, it } from "vitest";
import { mapMemory, WORD } from "./layout.ts";
import { type AccessSize, TIS_BASE, TIS_SIZE } from "./ports.ts";
import { ACCESS, REGISTERS, STS } from "./registers.ts";
import { Bench, packet, SUCCESS } from "./testing.ts";
import { validate } from "./validate.ts";

const ACCESSES = 1_000_000;
const OFFSETS = Object.values(REGISTERS).map(({ offset }) => offset);
const ACCESS_BITS = [ACCESS.REQUEST_USE, ACCESS.ACTIVE_LOCALITY, ACCESS.SEIZE, ACCESS.BEEN_SEIZED];
const STS_BITS = [
  STS.COMMAND_READY,
  STS.TPM_GO,
  STS.RESPONSE_RETRY,
  STS.COMMAND_CANCEL,
  STS.RESET_ESTABLISHMENT,
];
const SIZES: AccessSize[] = [1, 2, 4];

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

it(`survives ${ACCESSES} random accesses`, { timeout: 120_000 }, () => {
  const below = numbers(0x2545f491);
  const pick = <T>(from: readonly T[]) => from[below(from.length)]!;
  const bench = new Bench();
  const { device, sink } = bench;
  const { words } = mapMemory(device.memory);
  let commands = 0;
  sink.execute = () => {
    commands++;
    if (below(4) === 0) device.complete(SUCCESS);
  };
  const answers = [
    SUCCESS,
    packet(40, 0),
    packet(4096, 0),
    packet(4097, 0),
    packet(9),
    new Uint8Array(),
    packet(300, 0),
  ];
  const command = packet(12);

  const address = () => {
    if (below(50) === 0) return TIS_BASE - 8 + below(TIS_SIZE + 16);
    return (
      TIS_BASE + below(5) * 0x1000 + (below(8) ? pick(OFFSETS) : below(0x1000)) + (below(3) ? 0 : below(4))
    );
  };
  const active = () => (words[WORD.ACTIVE]! < 0 ? below(5) : words[WORD.ACTIVE]!);
  const step = () => {
    const size = pick(SIZES);
    const kind = below(100);
    if (kind < 30) device.read(address(), size);
    else if (kind < 50) device.write(address(), size, below(2) ? below(2 ** 32) : 1 << below(32));
    else if (kind < 62) bench.access(below(5), pick(ACCESS_BITS) | (below(3) ? 0 : pick(ACCESS_BITS)));
    else if (kind < 72) bench.write(active(), REGISTERS.STS.offset, pick(STS_BITS), 4);
    else if (kind < 84)
      bench.write(active(), REGISTERS.DATA_FIFO.offset, command[words[WORD.OFFSET]! % command.length]!, 1);
    else if (kind < 92) bench.read(active(), REGISTERS.DATA_FIFO.offset, size);
    else if (kind < 97) device.complete(pick(answers));
    else if (kind === 99 && below(10) === 0) bench.send(command, active());
    else if (kind === 97 && below(100) === 0) device.setVersion(pick(["2.0", "1.2", "2.0", "unspecified"]));
    else if (kind === 98 && below(100) === 0) device.setBufferSize(10 + below(5000));
    else if (below(20) === 0) device.reset();
  };

  for (let i = 0; i < ACCESSES; i++) {
    step();
    const wrong = validate({ words });
    if (wrong) throw new Error(`after access ${i}: ${wrong}`);
    if (device.version === "unspecified" && below(200) === 0) device.setVersion("2.0");
  }
  expect(commands).toBeGreaterThan(ACCESSES / 1000);
  expect(sink.cancels).toBeGreaterThan(0);
  expect(sink.irqs.length).toBeGreaterThan(0);
});
