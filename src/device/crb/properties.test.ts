/** What holds for every sequence of accesses. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CrbDevice } from "./device.ts";
import { mapMemory } from "./layout.ts";
import { type AccessSize, CRB_BASE, CRB_DATA_BYTES, LOCALITIES, LOCALITY_SIZE } from "./ports.ts";
import { CTRL_REQ, CTRL_START, LOC_CTRL, REGISTERS } from "./registers.ts";
import { type Action, act, Bench, packet, RecordingSink, STARTUP, SUCCESS } from "./testing.ts";
import { validate } from "./validate.ts";
import { CrbView } from "./view.ts";

const offsets = Object.values(REGISTERS).map(({ offset }) => offset);
const size = fc.constantFrom<AccessSize>(1, 2, 4);
const locality = fc.nat({ max: LOCALITIES - 1 });
const at = (number: number, offset: number) => CRB_BASE + number * LOCALITY_SIZE + offset;

const anyAddress = fc
  .tuple(locality, fc.constantFrom(...offsets, 0xffc), fc.nat({ max: 3 }))
  .map(([number, offset, lane]) => at(number, offset) + lane);
const read = fc.record({ kind: fc.constant("read" as const), address: anyAddress, size });
const write = fc.record({ kind: fc.constant("write" as const), address: anyAddress, size, value: fc.nat() });
const writeWord = (offset: number, values: number[]) =>
  fc.record({
    kind: fc.constant("write" as const),
    address: locality.map((number) => at(number, offset)),
    size: fc.constant<AccessSize>(4),
    value: fc.constantFrom(...values),
  });
const response = fc.constantFrom(
  SUCCESS,
  packet(30, 0),
  packet(CRB_DATA_BYTES, 0),
  packet(8000, 0),
  new Uint8Array(3),
);

/** A whole command at the locality 0 to 3, from asking for the TPM to Start; in two chunks now and then. */
const command = fc.tuple(fc.nat({ max: 3 }), fc.boolean()).map(([number, chunked]): Action[] => {
  const word = (register: { offset: number }, value: number): Action => ({
    kind: "write",
    address: at(number, register.offset),
    size: 4,
    value,
  });
  const bytes = Array.from(
    chunked ? packet(CRB_DATA_BYTES + 4).subarray(0, 10) : STARTUP,
    (value, i): Action => ({
      kind: "write",
      address: at(number, REGISTERS.DATA_BUFFER.offset + i),
      size: 1,
      value,
    }),
  );
  return [
    word(REGISTERS.LOC_CTRL, LOC_CTRL.REQUEST_ACCESS),
    word(REGISTERS.CTRL_REQ, CTRL_REQ.CMD_READY),
    ...bytes,
    ...(chunked ? [word(REGISTERS.CTRL_START, CTRL_START.NEXT_CHUNK)] : []),
    word(REGISTERS.CTRL_START, CTRL_START.START),
  ];
});

const single: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: read },
  { weight: 4, arbitrary: write },
  { weight: 6, arbitrary: writeWord(REGISTERS.LOC_CTRL.offset, [1, 2, 4, 3, 8]) },
  { weight: 6, arbitrary: writeWord(REGISTERS.CTRL_REQ.offset, [1, 2, 3]) },
  { weight: 6, arbitrary: writeWord(REGISTERS.CTRL_START.offset, [1, 2, 4, 5]) },
  { weight: 2, arbitrary: writeWord(REGISTERS.CTRL_CANCEL.offset, [0, 1]) },
  { weight: 2, arbitrary: writeWord(REGISTERS.INT_ENABLE.offset, [0x8000_000f, 0x8000_0001, 0]) },
  { weight: 2, arbitrary: writeWord(REGISTERS.INT_STS.offset, [0x0f, 1]) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("answer" as const), response }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reset" as const }) },
);
const actions = fc
  .array(fc.oneof({ weight: 5, arbitrary: single.map((one) => [one]) }, { weight: 2, arbitrary: command }), {
    maxLength: 60,
  })
  .map((groups) => groups.flat());
const kind = fc.constantFrom(
  {},
  { chunks: true },
  { localities: 1 as const },
  { chunks: true, localities: 1 as const },
);

const bytesOf = ({ memory }: CrbDevice) => Buffer.from(new Uint8Array(memory));

describe("any sequence", () => {
  it("goes on after snapshot and restore as if nothing had happened, wherever it is cut", () => {
    fc.assert(
      fc.property(kind, actions, fc.array(fc.nat({ max: 100 }), { maxLength: 4 }), (options, all, cuts) => {
        const whole = new Bench(options);
        const sink = new RecordingSink();
        let device = new CrbDevice({ version: "2.0", sink, ...options });
        for (const [i, action] of all.entries()) {
          if (cuts.includes(i)) {
            const snapshot = structuredClone(device.snapshot());
            // Another kind of device, so that nothing of it may show through.
            device = new CrbDevice({ version: "unspecified", bufferSize: 1000, sink });
            const level = sink.irqs.at(-1) ?? false;
            device.restore(snapshot);
            // The new device's line starts low and is told of when it is raised: not an edge to the guest.
            if (level) sink.irqs.pop();
          }
          expect(act(device, action)).toEqual(act(whole.device, action));
        }
        const [there, here] = [device.snapshot(), whole.device.snapshot()];
        expect(Buffer.compare(there.data, here.data)).toBe(0);
        expect(Buffer.compare(there.packet, here.packet)).toBe(0);
        const nothing = new Uint8Array();
        expect({ ...there, data: nothing, packet: nothing }).toEqual({
          ...here,
          data: nothing,
          packet: nothing,
        });
        expect(sink).toEqual(whole.sink);
      }),
      { numRuns: 500 },
    );
  });

  it("leaves a valid state, and no read changes it", () => {
    let commands = 0;
    fc.assert(
      fc.property(kind, actions, (options, all) => {
        const { device, sink } = new Bench(options);
        for (const action of all) {
          const before = bytesOf(device);
          const peeked = action.kind === "read" ? device.peek(action.address, action.size) : undefined;
          expect(act(device, action)).toBe(peeked);
          expect(validate(mapMemory(device.memory))).toBeUndefined();
          if (action.kind === "read") expect(Buffer.compare(bytesOf(device), before)).toBe(0);
        }
        commands += sink.executed.length;
      }),
      { numRuns: 400 },
    );
    expect(commands).toBeGreaterThan(100);
  });

  it("reads the same through a view of shared memory", () => {
    fc.assert(
      fc.property(kind, actions, (options, all) => {
        const memory = new SharedArrayBuffer(16384);
        const { device } = new Bench({ ...options, memory });
        const view = new CrbView(memory);
        for (const action of all) {
          if (action.kind !== "read") act(device, action);
          else expect(view.peek(action.address, action.size)).toBe(act(device, action));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("reads a wide access as its bytes", () => {
    fc.assert(
      fc.property(actions, anyAddress, size, (all, address, width) => {
        const { device } = new Bench();
        for (const action of all) act(device, action);
        const bytes = Array.from({ length: width }, (_, i) => device.read((address + i) >>> 0, 1));
        const value = bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
        expect(device.read(address, width)).toBe(value);
      }),
      { numRuns: 200 },
    );
  });

  it("hands out commands that are as long as they say, at the locality that has the TPM", () => {
    fc.assert(
      fc.property(kind, actions, (options, all) => {
        const { device, sink } = new Bench(options);
        sink.execute = (number, bytes) => {
          expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(2)).toBe(bytes.length);
          expect(device.view.activeLocality).toBe(number);
          expect(device.executing).toBe(true);
        };
        for (const action of all) act(device, action);
      }),
      { numRuns: 200 },
    );
  });
});

it("mirrors another device's state, tells nobody, and goes on as that one does", () => {
  fc.assert(
    fc.property(kind, actions, actions, (options, before, after) => {
      const original = new Bench(options).device;
      const sink = new RecordingSink();
      const copy = new CrbDevice({ version: "unspecified", sink });
      for (const action of before) act(original, action);
      copy.mirror(original.memory);
      expect(sink).toEqual(new RecordingSink());
      for (const action of after) expect(act(copy, action)).toEqual(act(original, action));
      expect(Buffer.compare(bytesOf(copy), bytesOf(original))).toBe(0);
    }),
    { numRuns: 200 },
  );
});
