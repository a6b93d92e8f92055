/** What can go wrong with the hidden machine. */
import { describeWaitStatus } from "./management.ts";

/** The hidden machine, or the swtpm in it, could not be started or has ended. */
export class HiddenMachineError extends Error {
  override name = "HiddenMachineError";
}

/** The machine itself has failed: nothing can be started in it again. What ran in it is lost since it was saved last. */
export class HiddenMachineCrashError extends HiddenMachineError {
  override name = "HiddenMachineCrashError";
}

/** swtpm has ended, in a hidden machine that goes on. */
export class SwtpmEndedError extends HiddenMachineError {
  override name = "SwtpmEndedError";
  constructor(
    /** Its wait status (wait(2)); 0 after CMD_SHUTDOWN. */
    readonly status: number,
  ) {
    super(`swtpm in the hidden machine ${describeWaitStatus(status)}`);
  }
}
