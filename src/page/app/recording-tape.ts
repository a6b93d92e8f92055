/** Keeps the boot that is going on: the console's output, the PCRs and the event log, each with its time. */

import type { BootTape } from "../../session/recording/index.ts";
import type { PageState, PageStore } from "../model/model.ts";
import type { SerialPort } from "./serial-port.ts";

/** Output kept, in bytes: a boot has a few thousand; who prints for hours does not fill the memory. */
const MOST_SERIAL = 4 * 2 ** 20;
/** Pieces of output, and states of all PCRs, each with its time: some twenty times what a boot to the shell has. */
const MOST_CHUNKS = 50_000;
const MOST_PCRS = 2000;

/** What a tape has only the first part of. */
export type CutPart = "console" | "PCRs";

export class TapeRecorder {
  readonly #store: PageStore;
  readonly #now: () => number;
  #tape: BootTape | undefined;
  #serialBytes = 0;
  readonly #cut = new Set<CutPart>();

  constructor(store: PageStore, serial: SerialPort, now: () => number = () => performance.now()) {
    this.#store = store;
    this.#now = now;
    serial.onStart(() => this.#start());
    serial.onData((bytes) => this.#heard(bytes));
    store.subscribe((state) => this.#look(state));
  }

  /** What there was too much of in this boot. */
  get cut(): readonly CutPart[] {
    return [...this.#cut];
  }

  /** The machine starts: a new boot. A recording that is played is none. */
  #start(): void {
    const { replay, settings, machine } = this.#store.state;
    if (replay) return;
    this.#serialBytes = 0;
    this.#cut.clear();
    this.#tape = {
      label: machine.label ?? "",
      tpm: settings.tpm,
      epoch: performance.timeOrigin,
      start: this.#now(),
      serial: [],
      pcrs: [],
      log: [],
    };
    this.#store.update({ tape: this.#tape });
  }

  #heard(bytes: Uint8Array): void {
    if (this.#store.state.tape !== this.#tape || !this.#tape) return;
    this.#serialBytes += bytes.length;
    const { serial } = this.#tape;
    if (this.#serialBytes > MOST_SERIAL || serial.length >= MOST_CHUNKS) this.#cut.add("console");
    else serial.push({ time: this.#now(), bytes });
  }

  #look({ tape, pcrs, log, machine, handle }: Readonly<PageState>): void {
    if (!tape || tape !== this.#tape || !handle) return;
    if (machine.label !== undefined) tape.label = machine.label;
    if (machine.resumed) tape.resumed = true;
    if (pcrs.length && tape.pcrs.at(-1)?.banks !== pcrs) {
      if (tape.pcrs.length < MOST_PCRS) tape.pcrs.push({ time: this.#now(), banks: pcrs });
      else this.#cut.add("PCRs");
    }
    const end = log?.log.end ?? 0;
    if (end > (tape.log.at(-1)?.end ?? 0)) tape.log.push({ time: this.#now(), end });
  }
}
