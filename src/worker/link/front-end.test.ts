/** The link carries register interfaces other than its default: other registers, another window, another state. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CRB, crbFrontEnd } from "../../device/crb/front-end.ts";
import { REGISTERS as CRB_REGISTERS } from "../../device/crb/registers.ts";
import type { AccessSize, FrontEnd, MmioDevice } from "../../device/frontend/port.ts";
import { DOORBELL, DOORBELL_REGISTERS, RING } from "../../device/frontend/testing/doorbell.ts";
import { createLinkMemory } from "./layout.ts";
import { MmioProxy } from "./proxy.ts";
import { LinkServer } from "./server.ts";
import { echo } from "./testing/echo-tpm.ts";

const COMMAND = Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8);

/** A device that keeps what its TPM is to run, and says how its line moved. */
function device(frontEnd: FrontEnd, memory?: ArrayBufferLike) {
  const irqs: boolean[] = [];
  const cancels = { count: 0 };
  let command: Uint8Array | undefined;
  const made = frontEnd.create({
    ...(memory && { memory }),
    sink: {
      execute: (_locality, bytes) => {
        command = bytes;
      },
      cancel: () => void cancels.count++,
      resetEstablishment: () => undefined,
      irq: (raised) => irqs.push(raised),
    },
  });
  made.setVersion("2.0");
  return { device: made, irqs, cancels, answer: () => command && made.complete(echo(command)) };
}

/** A device of its own on this side, and one behind the link whose worker runs whenever it is woken. */
function linked(frontEnd: FrontEnd) {
  const here = device(frontEnd);
  const memory = createLinkMemory(frontEnd.stateBytes);
  const there = device(frontEnd, memory.state);
  const server = new LinkServer({
    memory,
    device: there.device,
    base: frontEnd.window.base,
    waitAsync: false,
    onReset: () => there.device.reset(),
  });
  const irqs: boolean[] = [];
  const proxy = new MmioProxy({
    memory,
    frontEnd,
    ring: () => server.serve(),
    onIrq: (raised) => irqs.push(raised),
  });
  proxy.look();
  return { here, there, server, irqs, proxy };
}

it("waits for no worker that is still being loaded, and loses nothing that was done meanwhile", () => {
  const memory = createLinkMemory(DOORBELL.stateBytes);
  const broken: Error[] = [];
  const resets: number[] = [];
  const proxy = new MmioProxy({ memory, frontEnd: DOORBELL, limitMs: 1, onBroken: (e) => broken.push(e) });
  const { base } = DOORBELL.window;
  proxy.reset(7);
  proxy.write(base + DOORBELL_REGISTERS.INT_ENABLE, 4, 1);
  // Nobody knows of a TPM yet.
  expect(proxy.read(base + DOORBELL_REGISTERS.INT_ENABLE, 4)).toBe(0);
  expect(proxy.settle()).toBe(true);
  expect(broken).toEqual([]);

  const there = device(DOORBELL, memory.state);
  new LinkServer({
    memory,
    device: there.device,
    base,
    waitAsync: false,
    onReset: (number) => void resets.push(number),
  });
  expect(resets).toEqual([7]);
  expect(proxy.read(base + DOORBELL_REGISTERS.INT_ENABLE, 4)).toBe(1);
  expect(proxy.broken).toBe(false);
});

interface Interface {
  frontEnd: FrontEnd;
  /** Offsets in its window, and values, that mean something. */
  offsets: number[];
  values: number[];
  /** Allows interrupts. */
  enable(one: MmioDevice): void;
}

const { BELL, BUFFER, INT_ENABLE, INT_STATUS } = DOORBELL_REGISTERS;
const crbOffsets = Object.values(CRB_REGISTERS).map(({ offset }) => offset);
const enableCrb = (one: MmioDevice) => {
  for (const locality of [0, 1])
    one.write(CRB.window.base + 0x1000 * locality + CRB_REGISTERS.INT_ENABLE.offset, 4, 0x8000_000f);
};
const crb: Omit<Interface, "frontEnd"> = {
  offsets: crbOffsets.flatMap((offset) => [offset, offset, 0x1000 + offset]),
  values: [0, 1, 1, 2, 2, 4, 8, 0x0f, 0x8000_000f],
  enable: enableCrb,
};
const INTERFACES: Record<string, Interface> = {
  "a doorbell": {
    frontEnd: DOORBELL,
    offsets: [0, BELL, INT_ENABLE, INT_STATUS, ...Array.from({ length: 12 }, (_, i) => BUFFER + i)],
    values: [0, 1, RING.RUN, RING.DONE, RING.CANCEL, 10, 0x80],
    enable: (one) => one.write(DOORBELL.window.base + INT_ENABLE, 4, 1),
  },
  CRB: { frontEnd: CRB, ...crb },
  "CRB with chunks": { frontEnd: crbFrontEnd({ chunks: true }), ...crb },
};

describe.each(Object.entries(INTERFACES))("%s", (_, { frontEnd, offsets, values, enable }) => {
  it("shows what a device here shows, access by access, and its interrupts", () => {
    const offset = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(...offsets) },
      { weight: 1, arbitrary: fc.nat({ max: 0x1000 }) },
    );
    const value = fc.constantFrom(...values);
    const size = fc.constantFrom<AccessSize>(1, 2, 4);
    const kind = (name: "write" | "read" | "command" | "answer" | "reset", weight: number) => ({
      weight,
      arbitrary: fc.tuple(fc.constant(name), offset, size, value),
    });
    const action = fc.oneof(
      kind("write", 8),
      kind("read", 4),
      kind("command", 3),
      kind("answer", 2),
      kind("reset", 1),
    );
    let commands = 0;
    let edges = 0;
    fc.assert(
      fc.property(fc.array(action, { minLength: 5, maxLength: 80 }), (actions) => {
        const { here, there, server, irqs, proxy } = linked(frontEnd);
        const both = [here.device, proxy];
        for (const one of both) enable(one);
        for (const [name, at, width, written] of actions) {
          const address = frontEnd.window.base + at;
          if (name === "write") for (const one of both) one.write(address, width, written);
          else if (name === "command") {
            for (const one of both) frontEnd.driver.send(one, COMMAND);
            if (here.device.executing) commands++;
          } else if (name === "answer") {
            here.answer();
            proxy.settle();
            server.change(() => there.answer());
          } else if (name === "reset") {
            here.device.reset();
            proxy.reset(1);
          }
          expect(proxy.read(address, width)).toBe(here.device.read(address, width));
          expect(proxy.view.state(0)).toBe(here.device.view.state(0));
          expect(irqs).toEqual(here.irqs);
        }
        proxy.settle();
        expect(there.cancels).toEqual(here.cancels);
        edges += irqs.length;
        server.close();
      }),
      { numRuns: 200 },
    );
    expect(commands).toBeGreaterThan(100);
    expect(edges).toBeGreaterThan(20);
  });
});

describe("CRB's data buffer", () => {
  /** As firmware does, byte by byte; and as Linux does, four at a time. */
  it.each([1, 4] as const)(
    "costs no round trip: a command's worker is woken once (%i bytes at a time)",
    (size) => {
      const { there, server, proxy } = linked(CRB);
      const data = CRB.window.base + CRB_REGISTERS.DATA_BUFFER.offset;
      const bytes = new Uint8Array(3968).map((_, i) => i);
      bytes.set([0x80, 1, 0, 0, 0x0f, 0x80, 0, 0, 0x01, 0x7f]);
      const words = new DataView(bytes.buffer);
      const word = (i: number) => (size === 1 ? bytes[i]! : words.getUint32(i, true));
      const control = (register: { offset: number }, value: number) =>
        proxy.write(CRB.window.base + register.offset, 4, value);
      const turns = server.stats.turns;
      control(CRB_REGISTERS.LOC_CTRL, 1);
      control(CRB_REGISTERS.CTRL_REQ, 1);
      for (let i = 0; i < bytes.length; i += size) proxy.write(data + i, size, word(i));
      for (let i = 0; i < bytes.length; i += size) expect(proxy.read(data + i, size)).toBe(word(i));
      expect(server.stats.turns).toBe(turns);
      control(CRB_REGISTERS.CTRL_START, 1);
      expect(server.stats.turns).toBe(turns + 1);
      expect(proxy.read(CRB.window.base + CRB_REGISTERS.CTRL_START.offset, 4)).toBe(1);
      server.change(() => there.answer());
      expect(proxy.read(CRB.window.base + CRB_REGISTERS.CTRL_START.offset, 4)).toBe(0);
      const response = echo(bytes);
      for (let i = 0; i < response.length; i++) expect(proxy.read(data + i, 1)).toBe(response[i]);
      control(CRB_REGISTERS.CTRL_REQ, 2);
      control(CRB_REGISTERS.LOC_CTRL, 2);
      expect(server.stats.turns).toBe(turns + 1);
      server.close();
    },
  );
});
