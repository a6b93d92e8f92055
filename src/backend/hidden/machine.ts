/**
 * The hidden machine: a small v86 that boots a kernel, one program of ours and Debian's unmodified swtpm, and offers
 * swtpm's two byte channels. It keeps nothing: state comes and goes through the control channel. Runs in a worker
 * (hidden.worker.ts) and in Node alike.
 */

import { createGuestClock, type WasmSource } from "../../machine/time/clock.ts";
import { useQuickYield } from "../../machine/v86/quick-yield.ts";
import { setUpTranslator, type Translating } from "../../machine/v86/translator.ts";
import { HIDDEN_ONLY, type V86Emulator, v86Machine, whenLoaded } from "../../machine/v86/v86-internals.ts";
import type { SwtpmChannels } from "../channel.ts";
import { watchForCrash } from "./crash.ts";
import { DataChannel } from "./data-channel.ts";
import { HiddenMachineCrashError, HiddenMachineError, SwtpmEndedError } from "./errors.ts";
import { ManagementParser, type ManagementReport, startRequest } from "./management.ts";
import { answerModexp } from "./modexp.ts";
import { ControlChannel } from "./port-channel.ts";
import { PORT_PAGE, VirtioPorts } from "./virtio-ports.ts";

const MODEXP_PORT = 0;
const DATA_PORT = 1;
const CONTROL_PORT = 2;
const MANAGEMENT_PORT = 3;

/** RAM of the hidden machine in bytes. A state fits only a machine with as much as it was saved with. */
export const HIDDEN_MEMORY = 44 << 20;
/**
 * Bytes at the top of the RAM that SeaBIOS uses: 16 MiB for its tables (BUILD_MAX_HIGHTABLE), and some below them while it
 * runs. An initrd in the tables' part is copied by the kernel, and the first copy, which nobody frees, would be in every
 * saved state; one in the part below would be written over.
 */
const TOP_RESERVED = 17 << 20;
/** Bytes of fresh entropy for each start: the kernel's generator holds 32, the rest is margin. */
const ENTROPY_BYTES = 64;
/** Host milliseconds that a boot or a start may take before it counts as failed: seconds, and many on a busy host. */
const BOOT_LIMIT_MS = 300_000;
const START_LIMIT_MS = 120_000;
/** Where v86 puts the kernel's real-mode part, and the fields of its header (Linux boot protocol, ramdisk_image). */
const SETUP_BASE = 0x80000;
const RAMDISK_IMAGE = 0x218;
const RAMDISK_SIZE = 0x21c;

/** What the machine boots from. With `state`, kernel and initrd are not needed. */
export interface HiddenImages {
  bios: ArrayBuffer;
  vgaBios: ArrayBuffer;
  kernel?: ArrayBuffer;
  initrd?: ArrayBuffer;
  /** A state saved by {@link HiddenMachine.saveState}. */
  state?: ArrayBuffer;
}

export interface HiddenMachineOptions {
  /** The class of npm `v86`. */
  V86: new (
    options: never,
  ) => V86Emulator;
  wasm: WasmSource;
  images: HiddenImages;
  /** Gets what the kernel prints, byte by byte. */
  onConsole?: (byte: number) => void;
}

export interface StartOptions {
  version: "2.0" | "1.2";
  /** Fresh entropy; `crypto.getRandomValues` where it is left out. */
  entropy?: Uint8Array;
  /** False leaves the kernel's generator as the image has it: for the test that shows why this must not be. */
  reseed?: boolean;
  /** False leaves RSA's arithmetic to the emulated processor, which takes some fifty times longer over it. */
  modexp?: boolean;
  /** Gets 32 bytes of the kernel's generator, taken after reseeding. */
  onSample?: (bytes: Uint8Array) => void;
}

interface HiddenEmulator {
  restore_state(state: ArrayBuffer): Promise<void>;
  save_state(): Promise<ArrayBuffer>;
  destroy(): Promise<void>;
  v86: { cpu: Translating & { mem8: Uint8Array } };
}

/** The kernel's command line: silent, no work that a machine of one program does not need. */
export const HIDDEN_CMDLINE =
  "console=ttyS0 quiet mitigations=off nokaslr no_timer_check tsc=reliable init_on_free=1 rootfstype=ramfs panic=-1";

export class HiddenMachine {
  readonly #emulator: V86Emulator & HiddenEmulator;
  readonly #ports: VirtioPorts;
  readonly #parser = new ManagementParser();
  #waiting:
    | { kind: ManagementReport["kind"]; resolve(report: ManagementReport): void; reject(error: Error): void }
    | undefined;
  #ready = false;
  #running: { data: DataChannel; control: ControlChannel } | undefined;
  /** Why nothing can be started any more. */
  #over: HiddenMachineError | undefined;

  private constructor(emulator: V86Emulator & HiddenEmulator) {
    this.#emulator = emulator;
    this.#ports = new VirtioPorts(emulator);
    this.#ports.onOutput(DATA_PORT, (bytes) => this.#running?.data.receive(bytes));
    this.#ports.onOutput(CONTROL_PORT, (bytes) => this.#running?.control.receive(bytes));
    this.#ports.onOutput(MANAGEMENT_PORT, (bytes) => {
      for (const report of this.#parser.push(bytes)) this.#take(report);
    });
    this.#ports.onOutput(MODEXP_PORT, (bytes) => {
      // Not within the machine's own step.
      queueMicrotask(() => this.#exponentiate(bytes));
    });
    watchForCrash(emulator, (error) => this.#crashed(error));
  }

  /** Bytes of memory that the machine holds: its RAM, and what v86 needs for itself. */
  get memory(): number {
    return this.#emulator.v86.cpu.wasm_memory.buffer.byteLength;
  }

  /**
   * Boots the machine, or restores it from a saved state, to the point where a TPM can be started.
   * @throws {HiddenMachineError} when it does not get there, {WasmLoadError}, {V86VersionError}.
   */
  static async boot(options: HiddenMachineOptions): Promise<HiddenMachine> {
    const { images } = options;
    const { wasm_fn } = createGuestClock(options.wasm);
    const emulator = new options.V86({
      wasm_fn,
      autostart: false,
      acpi: true,
      memory_size: HIDDEN_MEMORY,
      vga_memory_size: 1 << 20,
      bios: { buffer: images.bios },
      vga_bios: { buffer: images.vgaBios },
      ...(images.state || !images.kernel
        ? {}
        : { bzimage: { buffer: wholeWords(images.kernel) }, cmdline: HIDDEN_CMDLINE }),
      virtio_console: true,
      disable_keyboard: true,
      disable_mouse: true,
      disable_speaker: true,
    } as never) as V86Emulator & HiddenEmulator;
    await whenLoaded(emulator);
    v86Machine(emulator, HIDDEN_ONLY);
    const machine = new HiddenMachine(emulator);
    useQuickYield(emulator.v86);
    setUpTranslator(emulator.v86.cpu);
    if (options.onConsole) emulator.add_listener("serial0-output-byte", options.onConsole);
    try {
      await machine.#begin(images);
    } catch (error) {
      await machine.stop();
      throw error;
    }
    return machine;
  }

  async #begin(images: HiddenImages): Promise<void> {
    const emulator = this.#emulator;
    if (images.state) {
      await emulator.restore_state(images.state);
      this.#ready = true;
      return emulator.run();
    }
    if (!images.kernel || !images.initrd)
      throw new HiddenMachineError("no kernel and initrd to boot from, and no saved state");
    placeInitrd(emulator.v86.cpu.mem8, new Uint8Array(images.initrd));
    const ready = this.#next("ready", BOOT_LIMIT_MS);
    await Promise.all([emulator.run(), ready]);
  }

  /**
   * Starts a TPM with nothing in it: swtpm, before CMD_INIT. Fresh entropy is in the kernel's generator before
   * swtpm's first instruction runs; if that fails, no TPM starts.
   * @throws {HiddenMachineError} saying which step failed.
   */
  async start(options: StartOptions): Promise<SwtpmChannels> {
    if (this.#over) throw this.#over;
    if (!this.#ready) throw new HiddenMachineError("the hidden machine runs a TPM already");
    const entropy = options.entropy ?? crypto.getRandomValues(new Uint8Array(ENTROPY_BYTES));
    const request = startRequest(options.version, entropy, {
      reseed: options.reseed ?? true,
      sample: options.onSample !== undefined,
      modexp: options.modexp ?? true,
    });
    this.#ready = false;
    this.#running = {
      data: new DataChannel((bytes) => this.#send(DATA_PORT, bytes)),
      control: new ControlChannel((bytes) => this.#send(CONTROL_PORT, bytes)),
    };
    const started = this.#next("started", START_LIMIT_MS, options.onSample);
    this.#send(MANAGEMENT_PORT, request);
    await started;
    return this.#running;
  }

  /** Resolves when no TPM runs and another one may be started. */
  async idle(): Promise<void> {
    if (this.#over) throw this.#over;
    if (!this.#ready) await this.#next("ready", START_LIMIT_MS);
  }

  /** The machine as it stands, uncompressed. Only while no TPM runs: a saved TPM would be a shared secret. */
  async saveState(): Promise<ArrayBuffer> {
    if (this.#over) throw this.#over;
    if (!this.#ready)
      throw new HiddenMachineError("the state is saved before a TPM was started, or not at all");
    await this.#emulator.stop();
    return this.#emulator.save_state();
  }

  /** Ends the machine at once; channels close. */
  async stop(): Promise<void> {
    await this.#finish(new HiddenMachineError("the hidden machine was stopped"));
  }

  async #finish(error: HiddenMachineError): Promise<void> {
    if (this.#over) return;
    this.#over = error;
    this.#ready = false;
    this.#end(error);
    await this.#emulator.destroy();
  }

  /** A machine that does not take what it is sent will not say why it does not answer. */
  #send(port: number, bytes: Uint8Array): void {
    try {
      this.#ports.send(port, bytes);
    } catch (cause) {
      const reason = (cause as Error).message;
      this.#crashed(
        new HiddenMachineCrashError(`the hidden machine takes nothing more (${reason})`, { cause }),
      );
    }
  }

  #exponentiate(request: Uint8Array): void {
    if (this.#over) return;
    try {
      this.#send(MODEXP_PORT, answerModexp(request));
    } catch (cause) {
      const reason = (cause as Error).message;
      this.#crashed(
        new HiddenMachineCrashError(`the hidden machine asked for nonsense (${reason})`, { cause }),
      );
    }
  }

  /** Everyone is told before the emulator is cleared away; what goes wrong with that changes nothing. */
  #crashed(error: HiddenMachineCrashError): void {
    this.#finish(error).catch(() => undefined);
  }

  /** Waits for one kind of report; a failure report, an end or the time limit reject. */
  #next(
    kind: ManagementReport["kind"],
    limitMs: number,
    onSample?: (bytes: Uint8Array) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting = undefined;
        reject(
          new HiddenMachineError(
            `the hidden machine did not get ready within ${limitMs / 1000} s; reload the page`,
          ),
        );
      }, limitMs);
      const settle = (error?: Error) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        if (error) reject(error);
        else resolve();
      };
      this.#waiting = {
        kind,
        reject: settle,
        resolve: (report) => {
          if (report.kind === kind) settle();
          else if (report.kind === "sample") onSample?.(report.bytes);
          else if (report.kind === "failed") {
            settle(
              new HiddenMachineError(
                `the hidden machine failed at ${report.step} (error ${report.errno}); no TPM was started`,
              ),
            );
          }
        },
      };
    });
  }

  #take(report: ManagementReport): void {
    if (report.kind === "ready") this.#ready = true;
    else if (report.kind === "page") this.#running?.control.pageTaken();
    else if (report.kind === "ended") {
      this.#end(new SwtpmEndedError(report.status));
    } else if (report.kind === "unknown") {
      this.#end(new HiddenMachineError(`the hidden machine sent an unknown report (${report.code})`));
    }
    this.#waiting?.resolve(report);
  }

  #end(error: HiddenMachineError): void {
    const running = this.#running;
    this.#running = undefined;
    running?.data.end(error);
    running?.control.end(error);
    // Whoever waits for the machine to be free again waits for just this.
    if (this.#over || this.#waiting?.kind !== "ready") this.#waiting?.reject(error);
  }
}

/** v86 looks at a kernel image as 32-bit words, and refuses one that does not end with a whole word. */
function wholeWords(image: ArrayBuffer): ArrayBuffer {
  if (image.byteLength % 4 === 0) return image;
  const padded = new Uint8Array((image.byteLength + 3) & ~3);
  padded.set(new Uint8Array(image));
  return padded.buffer;
}

/**
 * v86 puts an initrd at 64 MiB, which would make the machine that large. In a smaller RAM it is as good right
 * below what SeaBIOS keeps for its tables, and told to the kernel in the same two fields.
 */
function placeInitrd(memory: Uint8Array, initrd: Uint8Array): void {
  const address = (HIDDEN_MEMORY - TOP_RESERVED - initrd.length) & ~(PORT_PAGE - 1);
  memory.set(initrd, address);
  const setup = new DataView(memory.buffer, memory.byteOffset + SETUP_BASE);
  setup.setUint32(RAMDISK_IMAGE, address, true);
  setup.setUint32(RAMDISK_SIZE, initrd.length, true);
}
