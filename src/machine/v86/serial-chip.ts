/**
 * The serial port over a reset of the machine. v86 leaves it as it is: what was typed, or answered by the terminal, to a
 * system that has ended is then the first thing that the next one's shell reads. A reset (16550D, "Master Reset") empties
 * the FIFOs and forbids all interrupts.
 */
import type { V86Cpu } from "./v86-internals.ts";

/** Line status after a reset: both transmitter bits, and no data ready (16550D, table II). */
const LSR_AT_RESET = 0x60;

/** Does to the chip what the machine's reset does. Nothing where this v86 has no such device. */
export function resetSerialChip({ devices }: Pick<V86Cpu, "devices">): void {
  const { uart0 } = devices;
  if (!Array.isArray(uart0?.input)) return;
  uart0.input.length = 0;
  uart0.lsr = LSR_AT_RESET;
  uart0.ier = 0;
}
