/** The link carries a register interface that it does not know: other registers, another window, another state. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { BASE, DOORBELL, DOORBELL_REGISTERS, DoorbellDevice, RING } from "../frontend/testing/doorbell.ts";
import { createLinkMemory } from "./layout.ts";
import { MmioProxy } from "./proxy.ts";
import { LinkServer } from "./server.ts";
import { echo } from "./testing/echo-tpm.ts";

const { BELL, BUFFER, INT_ENABLE, INT_STATUS } = DOORBELL_REGISTERS;

/** A device that keeps what its TPM is to run, and says how its line moved. */
function device(memory?: ArrayBufferLike) {
  const irqs: boolean[] = [];
  const cancels = { count: 0 };
  let command: Uint8Array | undefined;
  const made = new DoorbellDevice({
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

it("shows what a device here shows, access by access, and its interrupts", () => {
  const offset = fc.oneof(
    fc.constantFrom(0, BELL, INT_ENABLE, INT_STATUS),
    fc.nat({ max: 12 }).map((i) => BUFFER + i),
    fc.nat({ max: 0x1000 }),
  );
  const value = fc.constantFrom(0, 1, RING.RUN, RING.DONE, RING.CANCEL, 10, 0x80);
  const size = fc.constantFrom(1 as const, 2 as const, 4 as const);
  const action = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(fc.constant("write" as const), offset, size, value) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("read" as const), offset, size, value) },
    { weight: 3, arbitrary: fc.tuple(fc.constant("command" as const), offset, size, value) },
    { weight: 2, arbitrary: fc.tuple(fc.constant("answer" as const), offset, size, value) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("reset" as const), offset, size, value) },
  );
  let commands = 0;
  let edges = 0;
  fc.assert(
    fc.property(fc.array(action, { minLength: 5, maxLength: 80 }), (actions) => {
      const here = device();
      const memory = createLinkMemory(DOORBELL.stateBytes);
      const there = device(memory.state);
      const server = new LinkServer({
        memory,
        device: there.device,
        base: BASE,
        waitAsync: false,
        onReset: () => there.device.reset(),
      });
      const irqs: boolean[] = [];
      const proxy = new MmioProxy({
        memory,
        frontEnd: DOORBELL,
        ring: () => server.serve(),
        onIrq: (raised) => irqs.push(raised),
      });
      const both = [here.device, proxy];
      proxy.look();
      for (const one of both) one.write(BASE + INT_ENABLE, 4, 1);
      for (const [kind, offset, size, value] of actions) {
        const address = BASE + offset;
        if (kind === "write") for (const one of both) one.write(address, size, value);
        else if (kind === "command") {
          for (const one of both)
            DOORBELL.driver.send(one, Uint8Array.of(0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8));
          if (here.device.executing) commands++;
        } else if (kind === "answer") {
          here.answer();
          proxy.settle();
          server.change(() => there.answer());
        } else if (kind === "reset") {
          here.device.reset();
          proxy.reset(1);
        }
        expect(proxy.read(address, size)).toBe(here.device.read(address, size));
        expect(proxy.view.state(0)).toBe(here.device.view.state());
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
