/**
 * The interrupt line on the page's side: each edge of the worker's device, in order, and no other. The worker runs in
 * this thread, whenever it is woken, so that each answer comes at a chosen moment.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TisDevice } from "../../device/tis/device.ts";
import { type AccessSize, TIS_BASE } from "../../device/tis/ports.ts";
import { INT, INT_ENABLE, REGISTERS, STS } from "../../device/tis/registers.ts";
import { createLinkMemory } from "./layout.ts";
import { MmioProxy } from "./proxy.ts";
import { LinkServer } from "./server.ts";
import { echo } from "./testing/echo-tpm.ts";

const COMMAND = Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8);

function linked() {
  const memory = createLinkMemory();
  const theirs: boolean[] = [];
  const ours: boolean[] = [];
  let command: Uint8Array | undefined;
  const device = new TisDevice({
    version: "2.0",
    memory: memory.state,
    sink: {
      execute: (_locality, bytes) => {
        command = bytes;
      },
      cancel: () => undefined,
      resetEstablishment: () => undefined,
      irq: (raised) => theirs.push(raised),
    },
  });
  const server = new LinkServer({ memory, device, waitAsync: false, onReset: () => device.reset() });
  const proxy = new MmioProxy({ memory, ring: () => server.serve(), onIrq: (raised) => ours.push(raised) });
  // Drivers read before they write.
  proxy.look();
  return {
    proxy,
    ours,
    theirs,
    close: () => server.close(),
    write: (register: { offset: number }, value: number, size: AccessSize = 1) =>
      proxy.write(TIS_BASE + register.offset, size, value),
    read: (register: { offset: number }, size: AccessSize = 1) =>
      proxy.read(TIS_BASE + register.offset, size),
    /** The TPM answers, if it has a command; the page does not know of it yet. */
    answer() {
      server.serve();
      const bytes = command;
      if (bytes && device.executing) server.change(() => device.complete(echo(bytes)));
    },
  };
}

const ALL = INT.DATA_AVAIL | INT.STS_VALID | INT.LOCALITY_CHANGE | INT.COMMAND_READY;

describe("the interrupt line", () => {
  it("moves within the access that moves it, and with an answer as soon as it is looked for", () => {
    const { write, read, answer, ours, proxy, close } = linked();
    write(REGISTERS.ACCESS, 0x02);
    write(REGISTERS.INT_ENABLE, INT_ENABLE.GLOBAL | ALL, 4);
    expect(ours).toEqual([]);
    write(REGISTERS.STS, STS.COMMAND_READY);
    expect(ours).toEqual([true]);
    write(REGISTERS.INT_STATUS, ALL, 4);
    expect(ours).toEqual([true, false]);
    for (const byte of COMMAND) write(REGISTERS.DATA_FIFO, byte);
    write(REGISTERS.STS, STS.TPM_GO);
    answer();
    expect(ours).toEqual([true, false]);
    proxy.look();
    expect(ours).toEqual([true, false, true]);
    write(REGISTERS.INT_STATUS, ALL, 4);
    while (read(REGISTERS.STS) & STS.DATA_AVAIL) read(REGISTERS.DATA_FIFO);
    expect(ours).toEqual([true, false, true, false, true]);
    proxy.reset(1);
    proxy.look();
    expect(ours.at(-1)).toBe(false);
    close();
  });

  it("shows each edge of the device's, in order, and no other, whenever the TPM answers", () => {
    const register = fc.constantFrom(
      [REGISTERS.ACCESS, [0x02, 0x20, 0x08, 0x10]] as const,
      [REGISTERS.STS, [STS.COMMAND_READY, STS.TPM_GO, STS.RESPONSE_RETRY]] as const,
      [REGISTERS.INT_STATUS, [ALL, INT.DATA_AVAIL, INT.STS_VALID, INT.COMMAND_READY]] as const,
      [REGISTERS.INT_ENABLE, [0, INT_ENABLE.GLOBAL | ALL, INT_ENABLE.GLOBAL | INT.STS_VALID]] as const,
    );
    const action = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.tuple(fc.constant("write" as const), register, fc.nat({ max: 3 }), fc.nat({ max: 1 })),
      },
      { weight: 3, arbitrary: fc.constant(["command"] as const) },
      { weight: 3, arbitrary: fc.constant(["answer"] as const) },
      { weight: 2, arbitrary: fc.tuple(fc.constant("take" as const), fc.nat({ max: 60 })) },
      { weight: 1, arbitrary: fc.constant(["look"] as const) },
      { weight: 1, arbitrary: fc.constant(["reset"] as const) },
    );
    let edges = 0;
    let unseen = 0;
    fc.assert(
      fc.property(fc.array(action, { minLength: 10, maxLength: 60 }), (actions) => {
        const { proxy, write, read, answer, ours, theirs, close } = linked();
        write(REGISTERS.ACCESS, 0x02);
        write(REGISTERS.INT_ENABLE, INT_ENABLE.GLOBAL | ALL, 4);
        let resets = 0;
        for (const [kind, ...rest] of actions) {
          if (kind === "write") {
            const [[at, values], value, locality] = rest as [
              readonly [{ offset: number }, readonly number[]],
              number,
              number,
            ];
            write({ offset: at.offset + 0x1000 * locality }, values[value % values.length]!, 4);
          } else if (kind === "command") {
            write(REGISTERS.STS, STS.COMMAND_READY);
            for (const byte of COMMAND) write(REGISTERS.DATA_FIFO, byte);
            write(REGISTERS.STS, STS.TPM_GO);
          } else if (kind === "answer") answer();
          else if (kind === "take")
            for (let left = rest[0] as number; left > 0; left--) read(REGISTERS.DATA_FIFO);
          else if (kind === "reset") proxy.reset(++resets);
          // What is told is known here; what the worker did by itself, or with the last write, may still be to come.
          if (kind === "look") {
            proxy.look();
            expect(ours).toEqual(theirs);
          } else if (theirs.length > ours.length) unseen++;
        }
        proxy.look();
        expect(ours).toEqual(theirs);
        edges += ours.length;
        close();
      }),
      { numRuns: 300 },
    );
    expect(edges).toBeGreaterThan(300);
    expect(unseen).toBeGreaterThan(10);
  });
});
