/** Keeps the boot that is going on: the console's output, the PCRs and the event log, each with its time. */

import type { PageState, PageStore } from "../page-model/model.ts";
import type { BootTape } from "../recording/index.ts";
import type { SerialPort } from "./serial-port.ts";

/** Output kept, in bytes: a boot has a few thousand; who prints for hours does not fill the memory. */
const MOST_SERIAL = 4 * 2 ** 20;

export class TapeRecorder {
  readonly #store: PageStore;
  readonly #now: () => number;
  #tape: BootTape | undefined;
  #serialBytes = 0;

  constructor(store: PageStore, serial: SerialPort, now: () => number = () => performance.now()) {
    this.#store = store;
    this.#now = now;
    serial.onStart(() => this.#start());
    serial.onData((bytes) => this.#heard(bytes));
    store.subscribe((state) => this.#look(state));
  }

  /** The machine starts: a new boot. A recording that is played is none. */
  #start(): void {
    const { replay, settings, machine } = this.#store.state;
    if (replay) return;
    this.#serialBytes = 0;
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
    if (this.#serialBytes <= MOST_SERIAL) this.#tape.serial.push({ time: this.#now(), bytes });
  }

  #look({ tape, pcrs, log, machine, handle }: Readonly<PageState>): void {
    if (!tape || tape !== this.#tape || !handle) return;
    if (machine.label !== undefined) tape.label = machine.label;
    if (pcrs.length && tape.pcrs.at(-1)?.banks !== pcrs) tape.pcrs.push({ time: this.#now(), banks: pcrs });
    const end = log?.log.end ?? 0;
    if (end > (tape.log.at(-1)?.end ?? 0)) tape.log.push({ time: this.#now(), end });
  }
}
