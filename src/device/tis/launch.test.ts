import { describe, expect, it } from "vitest";
import type { LaunchStep } from "../frontend/port.ts";
import { HARDWARE_LOCALITY, launch } from "./launch.ts";
import { ACCESS, LAUNCH_REGISTERS, REGISTERS, STS } from "./registers.ts";
import { Bench, STARTUP, SUCCESS } from "./testing.ts";

const { HASH_START, HASH_DATA, HASH_END } = LAUNCH_REGISTERS;

function launched(options: ConstructorParameters<typeof Bench>[0] = {}) {
  const bench = new Bench(options);
  const steps = bench.sink.launchSteps;
  const write = (
    { offset }: { offset: number },
    value = 1,
    size: 1 | 2 | 4 = 1,
    locality = HARDWARE_LOCALITY,
  ) => bench.write(locality, offset, value, size);
  return { bench, steps, write };
}
const bytes = (...values: number[]): LaunchStep => ({ kind: "data", bytes: Uint8Array.from(values) });

describe.each(["2.0", "1.2"] as const)("a dynamic launch with a TPM %s", (version) => {
  it("tells its steps, and has the TPM meanwhile", () => {
    const { bench, steps, write } = launched({ version });
    write(HASH_START);
    expect(bench.accessBits(HARDWARE_LOCALITY)).toBe(ACCESS.ACTIVE_LOCALITY);
    bench.access(0, ACCESS.REQUEST_USE);
    expect(bench.accessBits(0) & ACCESS.ACTIVE_LOCALITY).toBe(0);
    write(HASH_DATA, 0x11);
    write(HASH_DATA, 0x3322, 2);
    write(HASH_DATA, 0x7766_5544, 4);
    write(HASH_END);
    expect(steps).toEqual([
      { kind: "start" },
      bytes(0x11),
      bytes(0x22, 0x33),
      bytes(0x44, 0x55, 0x66, 0x77),
      { kind: "end" },
    ]);
    // Who waited, has it now.
    expect(bench.accessBits(0)).toBe(ACCESS.ACTIVE_LOCALITY);
    expect(bench.accessBits(HARDWARE_LOCALITY)).toBe(0);
  });

  it("changes nothing at another locality, and without a start", () => {
    const { bench, steps, write } = launched({ version });
    const before = bench.device.snapshot();
    for (const locality of [0, 1, 2, 3]) {
      write(HASH_START, 1, 1, locality);
      write(HASH_DATA, 1, 1, locality);
      write(HASH_END, 1, 1, locality);
    }
    write(HASH_DATA);
    write(HASH_END);
    write(REGISTERS.STS, STS.COMMAND_READY);
    write(REGISTERS.ACCESS, ACCESS.REQUEST_USE);
    expect(steps).toEqual([]);
    expect(bench.device.snapshot()).toEqual(before);
  });

  it("does not begin while another locality has the TPM, or its command runs", () => {
    const { bench, steps } = launched({ version });
    bench.ready();
    launch(bench.device, Uint8Array.of(1));
    expect(steps).toEqual([]);
    bench.send(STARTUP);
    bench.access(0, ACCESS.ACTIVE_LOCALITY);
    launch(bench.device, Uint8Array.of(1));
    expect(steps).toEqual([]);
    bench.device.complete(SUCCESS);
    launch(bench.device, Uint8Array.of(1));
    expect(steps).toEqual([{ kind: "start" }, bytes(1), { kind: "end" }]);
  });

  it("begins anew with another start, and is over with a reset", () => {
    const { bench, steps, write } = launched({ version });
    write(HASH_START);
    write(HASH_START);
    expect(steps).toEqual([{ kind: "start" }, { kind: "start" }]);
    bench.device.reset();
    write(HASH_END);
    expect(steps).toHaveLength(2);
    expect(bench.accessBits(HARDWARE_LOCALITY)).toBe(0);
  });

  it("goes on from a snapshot", () => {
    const { bench, write } = launched({ version });
    write(HASH_START);
    const other = launched({ version });
    other.bench.device.restore(structuredClone(bench.device.snapshot()));
    other.write(HASH_DATA, 5);
    other.write(HASH_END);
    expect(other.steps).toEqual([bytes(5), { kind: "end" }]);
  });
});

describe("the establishment flag", () => {
  it("is reset from locality 4 during a launch, for a TPM 2.0", () => {
    const { bench, write } = launched();
    bench.write(HARDWARE_LOCALITY, 0x1b, 0x02);
    expect(bench.sink.establishmentResets).toEqual([]);
    write(HASH_START);
    bench.write(HARDWARE_LOCALITY, 0x1b, 0x02);
    bench.write(HARDWARE_LOCALITY, REGISTERS.STS.offset, STS.RESET_ESTABLISHMENT, 4);
    expect(bench.sink.establishmentResets).toEqual([4, 4]);
  });
});
