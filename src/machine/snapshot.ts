/** The emulator's part of a snapshot: everything of the machine but the TPM, and the guest's time. */

/** What is used of npm `v86`'s public class. */
export interface SavableEmulator {
  save_state(): Promise<ArrayBuffer>;
  restore_state(state: ArrayBuffer): Promise<void>;
}

export interface EmulatorState {
  /** v86's own saved state. It holds no event log and nothing else that sits in a window of the bus. */
  emulator: Uint8Array<ArrayBuffer>;
  /** The guest's time, in the milliseconds of `MachineClock.microtick`. */
  clock: number;
}

/** v86 could not save or restore the machine. */
export class EmulatorStateError extends Error {
  override name = "EmulatorStateError";
}

/** What is needed of a machine's bus to save the machine. `V86Bus` has it. */
export interface SavableBus {
  /** True while the CPU stands still. */
  readonly stopped: boolean;
  /** Sets the guest's clock, in the milliseconds of `clock.microtick`. */
  setTime(microtick: number): void;
  readonly clock: { microtick(): number };
}

/** @throws {EmulatorStateError} also when the machine runs: hold it, and wait until it stands still. */
export async function saveEmulator(emulator: SavableEmulator, bus: SavableBus): Promise<EmulatorState> {
  mustStand(bus, "saved");
  try {
    const state = await emulator.save_state();
    return { emulator: new Uint8Array(state), clock: bus.clock.microtick() };
  } catch (cause) {
    throw new EmulatorStateError(`the emulator's state could not be saved: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/**
 * Puts a machine where it was, into an emulator made with the same options, to which the same devices were attached.
 * @throws {EmulatorStateError} the machine is unusable then: make another one.
 */
export async function restoreEmulator(
  emulator: SavableEmulator,
  bus: SavableBus,
  state: EmulatorState,
): Promise<void> {
  mustStand(bus, "restored");
  // First the time: v86's devices look at it while they are restored.
  bus.setTime(state.clock);
  try {
    await emulator.restore_state(state.emulator.slice().buffer);
  } catch (cause) {
    throw new EmulatorStateError(
      `the emulator did not take the saved state: ${(cause as Error).message}. It needs a machine of the same memory size and drives`,
      { cause },
    );
  }
}

function mustStand({ stopped }: SavableBus, what: string): void {
  if (!stopped) throw new EmulatorStateError(`a machine that runs cannot be ${what}: hold it first`);
}
