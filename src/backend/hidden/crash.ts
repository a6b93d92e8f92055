/** Notices when the hidden machine cannot go on: its kernel gives up and resets it, or v86 itself fails. */
import { type V86Emulator, v86Machine } from "../../machine/v86/v86-internals.ts";
import { HiddenMachineCrashError } from "./errors.ts";

/** How much of what the kernel printed last is kept, in characters. */
const TAIL = 4096;
/** The line in which Linux says why it gives up. */
const REASON = /(?:Kernel panic|BUG:|Oops)[^\r\n]*/g;
/** What v86 is told to sleep after it has failed; it is stopped meanwhile. In milliseconds. */
const REST_MS = 1000;

/** Calls `crashed`, more than once perhaps, when the machine cannot go on. A machine that has crashed does nothing. */
export function watchForCrash(
  emulator: V86Emulator,
  crashed: (error: HiddenMachineCrashError) => void,
): void {
  const { cpu } = v86Machine(emulator);
  let tail = "";
  emulator.add_listener("serial0-output-byte", (byte: number) => {
    tail = (tail + String.fromCharCode(byte)).slice(-TAIL);
  });
  cpu.reboot_internal = () => {
    const said = tail.match(REASON)?.[0];
    crashed(new HiddenMachineCrashError(`the hidden machine crashed${said ? ` (${said})` : ""}`));
  };
  const run = cpu.main_loop.bind(cpu);
  let dead = false;
  cpu.main_loop = () => {
    if (dead) return REST_MS;
    try {
      return run();
    } catch (cause) {
      dead = true;
      const reason = cause instanceof Error ? cause.message : String(cause);
      crashed(new HiddenMachineCrashError(`the hidden machine crashed: v86 failed (${reason})`, { cause }));
      return REST_MS;
    }
  };
}
