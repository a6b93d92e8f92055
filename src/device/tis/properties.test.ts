/** What holds for every sequence of accesses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TisDevice } from "./device.ts";
import { mapMemory } from "./layout.ts";
import { type AccessSize, LOCALITIES, TIS_BASE } from "./ports.ts";
import { ACCESS, REGISTERS, STS } from "./registers.ts";
import { type Action, act, Bench, packet, RecordingSink, STARTUP, SUCCESS } from "./testing.ts";
import { validate } from "./validate.ts";
import { isPureRead, TisView } from "./view.ts";

const offsets = Object.values(REGISTERS).map(({ offset }) => offset);
const size = fc.constantFrom<AccessSize>(1, 2, 4);
const locality = fc.nat({ max: LOCALITIES - 1 });
const at = (number: number, offset: number) => TIS_BASE + number * 0x1000 + offset;

const anyAddress = fc
  .tuple(locality, fc.constantFrom(...offsets), fc.nat({ max: 3 }))
  .map(([number, offset, lane]) => at(number, offset) + lane);
const read = fc.record({ kind: fc.constant("read" as const), address: anyAddress, size });
const write = fc.record({ kind: fc.constant("write" as const), address: anyAddress, size, value: fc.nat() });
const writeByte = (offset: number, values: number[]) =>
  fc.record({
    kind: fc.constant("write" as const),
    address: locality.map((number) => at(number, offset)),
    size: fc.constant<AccessSize>(1),
    value: fc.constantFrom(...values),
  });
const response = fc.constantFrom(SUCCESS, packet(30, 0), packet(4096, 0), new Uint8Array(3));

/** A whole command at the locality 0 to 3, from asking for the TPM to tpmGo. */
const command = fc.nat({ max: 3 }).map((number): Action[] => {
  const byte = (offset: number, value: number): Action => ({
    kind: "write",
    address: at(number, offset),
    size: 1,
    value,
  });
  const fifo = Array.from(STARTUP, (value) => byte(REGISTERS.DATA_FIFO.offset, value));
  const { ACCESS: access, STS: sts } = REGISTERS;
  return [
    byte(access.offset, ACCESS.REQUEST_USE),
    byte(sts.offset, STS.COMMAND_READY),
    ...fifo,
    byte(sts.offset, STS.TPM_GO),
  ];
});

const single: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: read },
  { weight: 4, arbitrary: write },
  { weight: 6, arbitrary: writeByte(REGISTERS.ACCESS.offset, [0x02, 0x20, 0x08, 0x10, 0x22]) },
  { weight: 6, arbitrary: writeByte(REGISTERS.STS.offset, [0x40, 0x20, 0x02]) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("answer" as const), response }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reset" as const }) },
);
const actions = fc
  .array(fc.oneof({ weight: 5, arbitrary: single.map((one) => [one]) }, { weight: 1, arbitrary: command }), {
    maxLength: 60,
  })
  .map((groups) => groups.flat());
const version = fc.constantFrom("2.0" as const, "1.2" as const);

const bytesOf = ({ memory }: TisDevice) => Buffer.from(new Uint8Array(memory));

describe("any sequence", () => {
  it("goes on after snapshot and restore as if nothing had happened, wherever it is cut", () => {
    fc.assert(
      fc.property(version, actions, fc.array(fc.nat({ max: 100 }), { maxLength: 4 }), (family, all, cuts) => {
        const whole = new Bench({ version: family });
        const sink = new RecordingSink();
        let device = new TisDevice({ version: family, sink });
        for (const [i, action] of all.entries()) {
          if (cuts.includes(i)) {
            const snapshot = structuredClone(device.snapshot());
            // Another kind of device, so that nothing of it may show through.
            device = new TisDevice({ version: "1.2", irq: 9, bufferSize: 1000, sink });
            const level = sink.irqs.at(-1) ?? false;
            device.restore(snapshot);
            // The new device's line starts low and is told of when it is raised: not an edge to the guest.
            if (level) sink.irqs.pop();
          }
          expect(act(device, action)).toEqual(act(whole.device, action));
        }
        expect(Buffer.compare(bytesOf(device), bytesOf(whole.device))).toBe(0);
        expect(sink).toEqual(whole.sink);
      }),
      { numRuns: 500 },
    );
  });

  it("leaves a valid state, and only FIFO reads change it", () => {
    fc.assert(
      fc.property(version, actions, (family, all) => {
        const { device } = new Bench({ version: family });
        for (const action of all) {
          const before = bytesOf(device);
          const peeked = action.kind === "read" ? device.peek(action.address, action.size) : undefined;
          expect(act(device, action)).toBe(peeked);
          expect(validate(mapMemory(device.memory))).toBeUndefined();
          if (action.kind === "read" && isPureRead(action.address, action.size)) {
            expect(Buffer.compare(bytesOf(device), before)).toBe(0);
          }
        }
      }),
      { numRuns: 400 },
    );
  });

  it("reads the same through a view of shared memory", () => {
    fc.assert(
      fc.property(version, actions, (family, all) => {
        const memory = new SharedArrayBuffer(8192);
        const { device } = new Bench({ version: family, memory });
        const view = new TisView(memory);
        for (const action of all) {
          if (action.kind !== "read") act(device, action);
          else expect(view.peek(action.address, action.size)).toBe(act(device, action));
        }
      }),
      { numRuns: 200 },
    );
  });
});

it("mirrors another device's state, tells nobody, and goes on as that one does", () => {
  fc.assert(
    fc.property(version, actions, actions, (family, before, after) => {
      const original = new Bench({ version: family }).device;
      const sink = new RecordingSink();
      const copy = new TisDevice({ version: "unspecified", sink });
      for (const action of before) act(original, action);
      copy.mirror(original.memory);
      expect(sink).toEqual(new RecordingSink());
      for (const action of after) expect(act(copy, action)).toEqual(act(original, action));
      expect(new Uint8Array(copy.memory)).toEqual(new Uint8Array(original.memory));
    }),
    { numRuns: 200 },
  );
});
