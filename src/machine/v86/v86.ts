/**
 * The machine bus over v86, an x86 PC emulator (npm `v86`). v86 offers no interface for adding devices, so this
 * works on its internals; v86-internals.ts lists them and checks that they are there.
 */
import type { MmioDevice } from "../../device/tis/ports.ts";
import type { MachineBus, MmioWindow } from "../bus.ts";
import { MachineClock } from "../time/clock.ts";
import { RunControl } from "../time/run-control.ts";
import { type MachineCrashError, SliceEnd, superviseSlices } from "../time/slices.ts";
import { FirmwareLog } from "./firmware-log.ts";
import { repairEvents } from "./gpe.ts";
import { keepWriteCaches } from "./ide-cache.ts";
import { repairIde } from "./ide-registers.ts";
import { keepKernel } from "./kernel-reload.ts";
import { MmioMap } from "./mmio-map.ts";
import { useQuickYield } from "./quick-yield.ts";
import { resetSerialChip } from "./serial-chip.ts";
import { repairTimer } from "./timer-chip.ts";
import { setUpTranslator } from "./translator.ts";
import { type V86Cpu, type V86Emulator, type V86Machine, v86Machine, whenLoaded } from "./v86-internals.ts";

/** v86 gives a fw_cfg directory entry 56 bytes for the name, the last of them a zero. */
const MAX_FILE_NAME = 55;

/** EFLAGS.IF */
const INTERRUPT_FLAG = 0x200;

/** v86 has the screen's memory there; all below and above it is RAM, into which it copies the firmware at a reset. */
const SCREEN_MEMORY = { from: 0xa_0000, to: 0xc_0000 };
const ZEROS = new Uint8Array(1 << 20);

/**
 * Attaches to an emulator made by `new V86({ autostart: false, acpi: true, ... })`; waits for `emulator-loaded`.
 * Attach once per emulator, before it runs, and in a fresh page before `restore_state`: what is attached is no
 * part of a saved state, but survives `restart()`.
 *
 * @param clock the clock whose `wasm_fn` the emulator was made with (`createGuestClock`). Without one, holds stop
 *   the CPU but guest time goes on, and slow TPM commands may run into drivers' time limits.
 * @throws {V86VersionError} when this v86 lacks something that is needed.
 */
export async function attachV86(emulator: V86Emulator, clock?: MachineClock): Promise<V86Bus> {
  await whenLoaded(emulator);
  return new V86Bus(emulator, v86Machine(emulator), clock);
}

export class V86Bus implements MachineBus {
  readonly clock: MachineClock;
  readonly #emulator: V86Emulator;
  readonly #cpu: V86Cpu;
  readonly #map: MmioMap;
  readonly #control: RunControl;
  readonly #sliceEnd: SliceEnd;
  readonly #count: { readonly slices: number; readonly running: boolean };
  readonly #resetListeners = new Set<() => void>();
  readonly #beforeReset = new Set<() => void>();
  readonly #crashListeners = new Set<(error: MachineCrashError) => void>();
  #firmwareLog: FirmwareLog | undefined;

  /** Use {@link attachV86}. */
  constructor(emulator: V86Emulator, machine: V86Machine, clock: MachineClock | undefined) {
    this.#emulator = emulator;
    this.#cpu = machine.cpu;
    this.clock = clock ?? new MachineClock();
    this.#map = new MmioMap(this.#cpu.io, (this.#cpu.memory_size[0] as number) >>> 0);
    this.#control = new RunControl(emulator, machine, clock);
    repairEvents(machine.cpu);
    repairTimer(machine.cpu, this.clock.microtick);
    repairIde(machine.cpu.io, machine.cpu.devices.ide);
    keepWriteCaches(machine.cpu);
    useQuickYield(machine);
    setUpTranslator(machine.cpu);
    this.#sliceEnd = new SliceEnd(machine.cpu, clock);
    this.#count = superviseSlices(machine, clock, (error) => this.#crashed(error));
    this.#watchResets(keepKernel(emulator, machine.cpu));
  }

  attach(window: MmioWindow, device: MmioDevice): void {
    this.#map.attach(window, device);
  }

  /** Undoes `attach` for exactly this window: its addresses read all ones. */
  detach(window: MmioWindow): void {
    this.#map.detach(window);
  }

  setFirmwareFile(name: string, data: Uint8Array): void {
    if (!name || name.length > MAX_FILE_NAME) {
      throw new RangeError(`a firmware file's name has 1 to ${MAX_FILE_NAME} characters: "${name}"`);
    }
    this.removeFirmwareFile(name);
    this.#cpu.option_roms.push({ name, data });
  }

  removeFirmwareFile(name: string): void {
    const at = this.#cpu.option_roms.findIndex((rom) => rom.name === name);
    if (at >= 0) this.#cpu.option_roms.splice(at, 1);
  }

  setIrq(line: number, raised: boolean): void {
    const cpu = this.#cpu;
    const move = () => (raised ? cpu.device_raise_irq(line) : cpu.device_lower_irq(line));
    if (this.#count.running) this.#uninterrupted(move);
    else move();
  }

  /**
   * Moves a line from within an access of the guest's. Whichever way it goes, v86 looks for interrupts then, and would
   * interrupt the guest in the middle of that instruction: what it then makes of the rest would undo the call of the
   * handler, and the interrupt would count as taken for ever. So what is due waits until v86 looks next, at the guest's
   * next change of EFLAGS or the end of the burst.
   */
  #uninterrupted(move: () => void): void {
    const { flags } = this.#cpu;
    const enabled = (flags[0] as number) & INTERRUPT_FLAG;
    (flags[0] as number) &= ~INTERRUPT_FLAG;
    move();
    (flags[0] as number) |= enabled;
  }

  onReset(listener: () => void): () => void {
    this.#resetListeners.add(listener);
    return () => this.#resetListeners.delete(listener);
  }

  beforeReset(listener: () => void): () => void {
    this.#beforeReset.add(listener);
    return () => this.#beforeReset.delete(listener);
  }

  clearMemory(): void {
    this.#clear(0, SCREEN_MEMORY.from);
    this.#clear(SCREEN_MEMORY.to, (this.#cpu.memory_size[0] as number) >>> 0);
  }

  #clear(from: number, to: number): void {
    for (let at = from; at < to; at += ZEROS.length)
      this.#emulator.write_memory(ZEROS.subarray(0, Math.min(ZEROS.length, to - at)), at);
  }

  /**
   * Calls back when v86 itself has failed, on something that it does not emulate; the machine is then paused, and
   * `reset()` may bring it back. Without a listener the error is thrown from v86's timer.
   */
  onCrash(listener: (error: MachineCrashError) => void): () => void {
    this.#crashListeners.add(listener);
    return () => this.#crashListeners.delete(listener);
  }

  /**
   * Sets the guest's clock, for a restored machine to go on in its own time: keep `clock.microtick()` with the saved
   * state, and give it to this before `restore_state`. The machine must be stopped.
   */
  setTime(microtick: number): void {
    this.clock.set(microtick);
    const { acpi } = this.#cpu.devices;
    if (!acpi) return;
    // The ACPI timer never goes back of itself, and its memory of the time is no part of a saved state.
    acpi.timer_last_value = 0;
    acpi.timer_imprecision_offset = 0;
  }

  hold(reason: string): () => void {
    return this.#control.hold(reason);
  }

  /** @returns undefined in a machine whose clock is v86's own. */
  holdAfter(guestMs: number, reason: string): (() => void) | undefined {
    return this.#control.holdAfter(guestMs, reason);
  }

  get holds(): readonly string[] {
    return this.#control.holds;
  }

  /** Calls back when a hold begins or ends, or the user pauses or resumes, with the reasons then in force. */
  onHoldsChange(listener: (holds: readonly string[]) => void): () => void {
    return this.#control.onChange(listener);
  }

  /** Pauses the machine as the user; the same as `emulator.stop()`. */
  pause(): void {
    this.#control.pause();
  }

  /** Starts the machine or ends the user's pause; the same as `emulator.run()`. Holds stay in force. */
  resume(): void {
    this.#control.resume();
  }

  /** Resolves when a stop that was asked for has taken effect or has been called off; see `stopped`. */
  settled(): Promise<void> {
    return this.#control.settled();
  }

  endSlice(): void {
    this.#sliceEnd.endSlice();
  }

  get slices(): number {
    return this.#count.slices;
  }

  setPrecise(on: boolean): void {
    this.#sliceEnd.setPrecise(on);
  }

  /** True while the CPU stands still. */
  get stopped(): boolean {
    return this.#control.stopped;
  }

  /** Presses the machine's reset button. */
  reset(): void {
    this.#emulator.restart();
  }

  /**
   * Calls back with each line that SeaBIOS writes to its debug port (0x402). Firmware looks for the port once,
   * when it starts: subscribe before the machine runs.
   */
  onFirmwareLog(listener: (line: string) => void): () => void {
    this.#firmwareLog ??= new FirmwareLog(this.#cpu.io);
    return this.#firmwareLog.onLine(listener);
  }

  #watchResets(reloadKernel: (() => void) | undefined): void {
    const cpu = this.#cpu;
    const reboot = cpu.reboot_internal;
    cpu.reboot_internal = () => {
      for (const listener of this.#beforeReset) listener();
      reboot.call(cpu);
      resetSerialChip(cpu);
      reloadKernel?.();
      for (const listener of this.#resetListeners) listener();
    };
  }

  #crashed(error: MachineCrashError): boolean {
    this.#control.pause();
    for (const listener of this.#crashListeners) listener(error);
    return this.#crashListeners.size > 0;
  }
}
