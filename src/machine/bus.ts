/**
 * What WebTPM needs of an emulator: a memory window, an interrupt line, firmware files, notice of resets, and a
 * guest clock that can stand still. One adapter implements it for v86; another emulator needs another adapter only.
 */
import type { MmioDevice } from "../device/tis/ports.ts";

/** A range of guest-physical addresses, in bytes. */
export interface MmioWindow {
  base: number;
  size: number;
}

/** The guest's clock (all of it: TSC, PIT, APIC and ACPI timers). */
export interface GuestClock {
  /** True while guest time stands still. */
  readonly frozen: boolean;
  /** Guest time in milliseconds since the machine was made; does not advance while frozen. */
  now(): number;
}

export interface MachineBus {
  readonly clock: GuestClock;
  /** Puts a device into the address space. Windows must not overlap. Survives machine resets. */
  attach(window: MmioWindow, device: MmioDevice): void;
  /** Adds a fw_cfg file (name below 56 bytes), to be read by the firmware at the next reset. Replaces one of that name. */
  setFirmwareFile(name: string, data: Uint8Array): void;
  /** Takes a fw_cfg file away again. */
  removeFirmwareFile(name: string): void;
  /** Drives an ISA interrupt line. */
  setIrq(line: number, raised: boolean): void;
  /**
   * Calls back, synchronously, whenever the machine is reset: by the guest, by the page, by `restart()`.
   * @returns a function that ends the subscription.
   */
  onReset(listener: () => void): () => void;
  /**
   * Calls back, synchronously, when the machine is about to be reset, with its memory as the guest left it.
   * @returns a function that ends the subscription.
   */
  beforeReset?(listener: () => void): () => void;
  /** Fills the guest's memory with zeros. Only from within `beforeReset`: what firmware needs comes after it. */
  clearMemory?(): void;
  /**
   * Holds the machine: CPU stopped and guest time standing still until every hold was released. Holds nest; each
   * has a reason that the page can show ("TPM command", "breakpoint", "paused by the user").
   * @returns the release function, which may be called more than once.
   */
  hold(reason: string): () => void;
  /**
   * A hold that begins by itself once the guest's time has advanced by so many milliseconds from now. Whatever the
   * host's scheduler, timers and other threads do, it advances by no more than these and the slice of guest code in
   * which they are spent (a millisecond), until the function that is returned is called, which releases the hold or
   * calls it off.
   * @returns undefined where this bus cannot do that, e.g. because the guest's clock is not its own.
   */
  holdAfter?(guestMs: number, reason: string): (() => void) | undefined;
  /** Resolves when a hold that was asked for has taken effect, which may be a slice of guest code later. */
  settled?(): Promise<void>;
  /**
   * Makes a hold that was asked for from within an access take effect as soon after that access as the emulator can.
   * Costs the guest a slice's worth of its time.
   */
  endSlice?(): void;
  /**
   * Whether `endSlice` is to be exact, at the cost of speed. Only while the machine stands still.
   */
  setPrecise?(on: boolean): void;
  /** Counts the slices in which the emulator runs guest code, a millisecond or two each. */
  readonly slices?: number;
  /** Reasons of the holds in force. */
  readonly holds: readonly string[];
}
