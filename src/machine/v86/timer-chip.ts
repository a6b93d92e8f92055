/**
 * The PC's timer (8254) and the port of its speaker, where v86 leaves something out: the timer's read-back command, with
 * which a program asks how a counter was set up, and what was written to the speaker's port, which v86 forgets. Programs
 * that measure time with the timer's third counter change bits of that port, and put them back.
 */
import type { V86Cpu } from "./v86-internals.ts";

const COUNTER_PORT = 0x40;
const COMMAND_PORT = 0x43;
const SPEAKER_PORT = 0x61;
/** The counters that v86 has; the one between them once refreshed memory. */
const COUNTERS = [0, 2] as const;
/** Command byte: whose; for a read-back, what is not wanted (a zero asks for it). */
const READ_BACK = 3;
const NOT_COUNT = 0x20;
const NOT_STATUS = 0x10;
/** Status byte: the output's level; bytes and mode as they were written. */
const OUTPUT = 0x80;
const MODE = { ON_TERMINAL_COUNT: 0, SQUARE_WAVE: 3 } as const;
/** Of the speaker's port: what a program can write, gate and speaker, and what only the machine does. */
const SPEAKER_WRITTEN = 0x03;
const SPEAKER_READ = 0x30;

/** `emulator.v86.cpu.devices.pit`. */
export interface TimerChip {
  counter_mode: Uint8Array;
  counter_read_mode: Uint8Array;
  counter_reload: Uint16Array;
  get_counter_value(counter: number, now: number): number;
  did_rollover(counter: number, now: number): boolean | number;
}

/** Once per machine, before it runs. @param now the guest's time, in milliseconds */
export function repairTimer(
  { io, devices: { pit } }: Pick<V86Cpu, "io" | "devices">,
  now: () => number,
): void {
  const command = io.ports[COMMAND_PORT]?.write8;
  const speaker = io.ports[SPEAKER_PORT];
  if (!pit || !command || !speaker) return;
  /** Status bytes that wait to be read, by counter. */
  const latched = new Map<number, number>();
  io.register_write(COMMAND_PORT, pit, (value) => {
    if (value >> 6 !== READ_BACK) {
      command.call(pit, value);
      return;
    }
    for (const counter of COUNTERS) {
      if (!(value & (2 << counter))) continue;
      if (!(value & NOT_COUNT)) command.call(pit, counter << 6); // the older command that latches a count
      if (!(value & NOT_STATUS) && !latched.has(counter)) latched.set(counter, statusOf(pit, counter, now()));
    }
  });
  for (const counter of COUNTERS) {
    const port = COUNTER_PORT + counter;
    const read = io.ports[port]?.read8;
    if (!read) continue;
    io.register_read(port, pit, () => {
      const status = latched.get(counter);
      latched.delete(counter);
      return status ?? read.call(pit);
    });
  }
  let written = 0;
  const { read8, write8 } = speaker;
  io.register_read(SPEAKER_PORT, pit, () => (read8.call(pit) & SPEAKER_READ) | written);
  io.register_write(SPEAKER_PORT, pit, (value) => {
    written = value & SPEAKER_WRITTEN;
    write8.call(pit, value);
  });
}

function statusOf(pit: TimerChip, counter: number, now: number): number {
  const mode = pit.counter_mode[counter] as number;
  const setUp = ((pit.counter_read_mode[counter] as number) << 4) | (mode << 1);
  return setUp | (isHigh(pit, counter, mode, now) ? OUTPUT : 0);
}

function isHigh(pit: TimerChip, counter: number, mode: number, now: number): boolean {
  if (mode === MODE.ON_TERMINAL_COUNT) return Boolean(pit.did_rollover(counter, now));
  if (mode !== MODE.SQUARE_WAVE) return true;
  return pit.get_counter_value(counter, now) > (pit.counter_reload[counter] as number) / 2;
}
