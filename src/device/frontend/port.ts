/**
 * A register interface of a TPM, as those see it who carry it: the link between threads, the engine that puts a TPM behind
 * it, the session. The FIFO interface (`tis/`) is one; they know no other register of it than through here.
 *
 * The words are those of the PTP ("State Transition Table"): all of its interfaces have localities of which one has the
 * TPM, and the same five states.
 */

import type { FrontEndTrace } from "./trace.ts";

/** `unspecified` is the failure mode: no usable TPM, so firmware gets no table and every register reads 0. */
export type TpmVersion = "2.0" | "1.2" | "unspecified";

/** Access width in bytes. */
export type AccessSize = 1 | 2 | 4;

/** Anything that answers memory accesses in its own address window; never throws at a guest's doing. */
export interface MmioDevice {
  /** @returns the value read, unsigned, in the low `size` bytes. */
  read(address: number, size: AccessSize): number;
  /** @param value only its low `size` bytes count. */
  write(address: number, size: AccessSize, value: number): void;
}

/** What the device asks of its surroundings. All calls are synchronous, made from within `read`, `write` or an inlet. */
export interface FrontEndSink {
  /**
   * A whole, well-formed command is to be run by the TPM at `locality`. Answered by `complete(response)` later (or at
   * once). Never called again before that answer.
   */
  execute(locality: number, command: Uint8Array): void;
  /** The guest wants the running command cancelled; its answer is still due. */
  cancel(): void;
  /** The establishment flag is to be reset, from `locality` (3 or 4). */
  resetEstablishment(locality: number): void;
  /**
   * A step of a dynamic launch (TPM_HASH_START, TPM_HASH_DATA, TPM_HASH_END at locality 4), in the order in which they
   * were made. Only of front ends that have these registers.
   */
  launch?(step: LaunchStep): void;
  /** The interrupt line's level changed. */
  irq(raised: boolean): void;
}

/** Part of a dynamic root of trust's measurement. */
export type LaunchStep =
  | { readonly kind: "start" }
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "end" };

export type InterfaceState = "idle" | "ready" | "reception" | "execution" | "completion";

/** What the registers show, without changing anything. */
export interface FrontEndView {
  readonly version: TpmVersion;
  /** The locality that has the TPM; -1 when none has. */
  readonly activeLocality: number;
  state(locality: number): InterfaceState;
  /** Level of the interrupt line. */
  readonly irqRaised: boolean;
  /** Whether anything can raise it. Changed by the guest's accesses and by resets alone. */
  readonly interruptsEnabled: boolean;
  /** What a read would give, without its side effects. */
  peek(address: number, size: AccessSize): number;
}

/** A device's state as plain data, with which the front end of the same format can go on. */
export interface DeviceSnapshot {
  readonly format: string;
  readonly formatVersion: number;
  readonly tpmVersion: TpmVersion;
}

/** Something that the register interface did, for those who watch it. */
export type InterfaceMove = FrontEndTrace;

export interface FrontEndDevice extends MmioDevice {
  /** On the memory in which this device's state lives. */
  readonly view: FrontEndView;
  /** True for a read that cannot change the device's state. */
  isPureRead(address: number, size: AccessSize): boolean;
  /**
   * How many bytes of a response this read would take from the device. That many reads of one byte at the same address
   * have the same effect. `undefined` for a read that does anything else.
   */
  bytesTaken(address: number, size: AccessSize): number | undefined;
  /** True while a command's answer is due through `complete`. */
  readonly executing: boolean;
  /** Names the command given to `FrontEndSink.execute` last. */
  readonly ticket: number;
  /**
   * The TPM's answer. @param ticket the device's when the command was given out; the newest by default.
   * @returns false when that command's answer is not due (any more): nothing has happened.
   */
  complete(response: Uint8Array, ticket?: number): boolean;
  /** A power cycle; failure mode stays. */
  reset(): void;
  /** Failure mode, until `setVersion`. */
  fail(): void;
  /** Another kind of TPM, with a reset. */
  setVersion(version: TpmVersion): void;
  setEstablishment(established: boolean): void;
  /** Largest command or response in bytes; with a reset when it differs. */
  setBufferSize(size: number): void;
  snapshot(): DeviceSnapshot;
  /** @throws when it is no valid snapshot of this front end; the device is unchanged then. */
  restore(snapshot: unknown): void;
  /** Takes over the state of another device as it stands in that one's memory. Nobody is told of it. */
  mirror(memory: ArrayBufferLike): void;
  /** Tells each move from here on; costs nothing without a listener. */
  watchMoves(listener: ((move: InterfaceMove) => void) | undefined): void;
}

/** Plays the guest's driver, for commands by hand. */
export interface FrontEndDriver {
  /** Why a command cannot be sent now, in words; "dead" when the registers are. */
  obstacle(device: MmioDevice, view: FrontEndView): string | "dead" | undefined;
  /** Claims the TPM and hands the command over. @throws {RangeError} when the command is none. */
  send(device: MmioDevice, command: Uint8Array): void;
  answered(device: MmioDevice): boolean;
  /** @returns undefined when the TPM has failed meanwhile. */
  take(device: MmioDevice): Uint8Array | undefined;
  /** Gives the TPM back, whatever has become of the command. */
  release(device: MmioDevice): void;
}

export interface FrontEndOptions {
  sink: FrontEndSink;
  /** Where the state lives: `stateBytes` bytes, shared or not. The device clears it. */
  memory?: ArrayBufferLike;
}

/** A kind of register interface. */
export interface FrontEnd {
  /** By which threads and snapshots speak of it. */
  readonly name: string;
  /** Its guest-physical window. At most 64 KiB. */
  readonly window: { readonly base: number; readonly size: number };
  readonly localities: number;
  /** Bytes that a device's state takes. */
  readonly stateBytes: number;
  /** A device in failure mode. It is deterministic: of two that see the same, each can stand for the other. */
  create(options: FrontEndOptions): FrontEndDevice;
  readonly driver: FrontEndDriver;
}
