/** What a reset of the machine leaves of the serial port, as the guest's code finds it. */
import { afterEach, expect, it } from "vitest";
import { asm, RESULTS, tinyMachine } from "../testing/tiny-guest.ts";

const LINE_STATUS = 0x3fd;
const DATA_READY = 1;

const machines: Awaited<ReturnType<typeof tinyMachine>>[] = [];
afterEach(async () => {
  await Promise.all(machines.splice(0).map(({ emulator }) => emulator.destroy()));
});

it("what was typed to a system that has ended is not read by the next one", async () => {
  const machine = await tinyMachine([
    ...asm.in8(LINE_STATUS),
    ...asm.store(RESULTS, 4),
    ...asm.say("!"),
    ...asm.halt(),
  ]);
  machines.push(machine);
  machine.bus.resume();
  await machine.hears("!");
  expect(machine.result(0) & DATA_READY).toBe(0);

  const again = machine.hears("!!");
  machine.emulator.serial_send_bytes(0, new TextEncoder().encode("\x1b[1;9R"));
  machine.bus.reset();
  await again;
  expect(machine.result(0) & DATA_READY).toBe(0);
});
