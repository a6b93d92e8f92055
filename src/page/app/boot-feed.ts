/** Tells a boot's check what happens to machine and TPM. */

import type { GuestClock } from "../../machine/bus.ts";
import type { TpmHandle } from "../../session/types.ts";
import { type BootCheck, SILENT_S } from "../boot-check/index.ts";

/** What is used of the machine. */
export interface FedMachine {
  readonly clock: GuestClock;
  onReset(listener: () => void): () => void;
  onFirmwareLog(listener: (line: string) => void): () => void;
  onCrash(listener: (error: Error) => void): () => void;
}

/** How often the guest's clock is looked at, in milliseconds. */
const LOOK_MS = 5000;

export class BootFeed {
  readonly #check: BootCheck;
  readonly #tpm: TpmHandle;
  readonly #machine: FedMachine;
  readonly #changed: () => void;
  readonly #ends: (() => void)[];
  /** From a reset until the TPM is on again, commands are still those of the boot before. */
  #off = false;
  /** Counts what was told, to know what an answer belongs to. */
  #boots = 0;
  #asking = false;
  /** Guest milliseconds at the last sign of life. */
  #heard: number;

  /**
   * The machine must not have run.
   * @param changed called after everything that may have changed the verdict.
   * @param resetBy who has reset the machine, asked within the reset.
   */
  constructor(
    check: BootCheck,
    { tpm, machine }: { tpm: TpmHandle; machine: FedMachine },
    changed: () => void,
    resetBy: () => "user" | "guest" = () => "guest",
  ) {
    this.#check = check;
    this.#tpm = tpm;
    this.#machine = machine;
    this.#changed = changed;
    this.#heard = machine.clock.now();
    const timer = setInterval(() => this.#look(), LOOK_MS);
    this.#ends = [
      () => clearInterval(timer),
      machine.onReset(() => this.#reset(resetBy())),
      machine.onFirmwareLog((line) => this.#tell({ type: "firmware", line })),
      machine.onCrash(({ message }) => this.#tell({ type: "crash", message })),
      tpm.on("status", ({ phase }) => {
        if (phase === "ready") this.#off = false;
      }),
      tpm.on("commandstart", (command) => {
        if (!this.#off) this.#tell({ type: "command", command });
      }),
      tpm.on("command", (command) => this.#tell({ type: "answered", command })),
      tpm.on("pcrs", (banks) => this.#tell({ type: "pcrs", banks })),
      tpm.on("eventlog", () => this.#tell({ type: "log", bytes: () => tpm.eventLog() })),
    ];
  }

  /** What the guest has sent through its serial port. */
  heard(text: string): void {
    this.#tell({ type: "console", text });
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  #reset(by: "user" | "guest"): void {
    this.#off = true;
    this.#boots++;
    this.#tell({ type: "reset", by });
  }

  #tell(event: Parameters<BootCheck["take"]>[0]): void {
    if (event.type !== "silence") this.#heard = this.#machine.clock.now();
    this.#check.take(event);
    if (this.#check.wantsAllTold && !this.#asking) this.#ask();
    this.#changed();
  }

  /** Whatever was sent to the TPM before the PCRs are read has been told when they are there. */
  #ask(): void {
    const boot = this.#boots;
    this.#asking = true;
    this.#tpm
      .pcrs()
      .then(
        (banks) => boot === this.#boots && this.#tell({ type: "pcrs", banks }),
        // A TPM that has failed tells nothing more.
        () => undefined,
      )
      .finally(() => {
        this.#asking = false;
        if (boot === this.#boots && this.#ends.length) this.#tell({ type: "all told" });
      });
  }

  #look(): void {
    const seconds = Math.floor((this.#machine.clock.now() - this.#heard) / 1000);
    if (seconds >= SILENT_S) this.#tell({ type: "silence", seconds });
  }
}
