/** Saves boots as files, and plays them in the page's own views: with no machine, no TPM and no server. */

import { ReadingCanceledError } from "../../session/reading/errors.ts";
import {
  type BootTape,
  frameAt,
  moments,
  type PcrSnapshot,
  packRecording,
  type Recording,
  recordingOf,
  skipPause,
  unpackRecording,
} from "../../session/recording/index.ts";
import { foldAccesses } from "../../session/trace/index.ts";
import type { PcrBank } from "../../session/types.ts";
import { logView } from "../model/log-view.ts";
import type { PageStore, RecordingActions } from "../model/model.ts";
import { NOTHING_SELECTED, selectionOf } from "../model/selection.ts";
import { changedPcrs } from "../model/watch-tpm.ts";
import { saveFile } from "../ui/parts/save-file.ts";
import type { Files } from "./files.ts";
import { type Notices, sentence } from "./notices.ts";
import { TapeRecorder } from "./recording-tape.ts";
import type { SerialEmulator, SerialPort } from "./serial-port.ts";
import { loadViews } from "./views-ahead.ts";

/** The recording that plays when the page is first opened. */
const FIRST_RECORDING = "recordings/first-boot.webtpm";
/** How often the views are brought forward, in milliseconds. */
const TICK_MS = 60;

const NO_PCRS: PcrBank[] = [];

/** The console's end of a recording: output comes from here, what is typed goes nowhere. */
class RecordedConsole implements SerialEmulator {
  #listener: ((byte: number) => void) | undefined;
  add_listener(_: "serial0-output-byte", listener: (byte: number) => void): void {
    this.#listener = listener;
  }
  serial_send_bytes(): void {}
  say(bytes: Uint8Array): void {
    for (const byte of bytes) this.#listener?.(byte);
  }
}

/** What is played, and how far the views show it: as counts of its parts. */
interface Playing {
  recording: Recording;
  moments: ArrayLike<number>;
  console: RecordedConsole;
  commands: number;
  serial: number;
  logEnd: number;
  accesses: number;
}

export class Recordings implements RecordingActions {
  readonly #store: PageStore;
  readonly #serial: SerialPort;
  readonly #notices: Notices;
  readonly #recorder: TapeRecorder;
  readonly #files: Files;
  #playing: Playing | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #last = 0;

  constructor(store: PageStore, serial: SerialPort, notices: Notices, files: Files) {
    this.#store = store;
    this.#files = files;
    this.#serial = serial;
    this.#notices = notices;
    this.#recorder = new TapeRecorder(store, serial);
  }

  /** Plays the recording that comes with the page, unless something else has begun meanwhile. */
  showFirst(): void {
    this.#loadFirst().catch((error: Error) => console.info(`There is no first recording: ${error.message}`));
  }

  async #loadFirst(): Promise<void> {
    const response = await fetch(new URL(FIRST_RECORDING, document.baseURI));
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    const recording = await unpackRecording(await response.blob());
    const { machine, bench, replay } = this.#store.state;
    if (machine.phase !== "off" || bench !== "closed" || replay) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.#show(recording, moments(recording), !still);
    if (still) this.seek(recording.tape.end);
  }

  save(): void {
    this.#save().catch((error: Error) => this.#failed("The recording could not be saved.", error));
  }

  async #save(): Promise<void> {
    const recording = this.#playing?.recording ?? this.#taken();
    if (!recording) return;
    const name = new Date(recording.tape.epoch).toISOString().slice(0, 19).replaceAll(":", "-");
    saveFile(`boot-${name}.webtpm`, await packRecording(recording), "application/octet-stream");
  }

  #taken(): Recording | undefined {
    const { tape, commands, log, recorder } = this.#store.state;
    if (!tape) return undefined;
    const { runs, whole } = foldAccesses(recorder.ring, recorder.commands.spans, tape.start);
    const cut = [...(whole ? [] : ["accesses"]), ...this.#recorder.cut];
    if (cut.length > 0) this.#sayCut(cut);
    return recordingOf(tape, commands, log?.bytes ?? new Uint8Array(), performance.now(), runs);
  }

  #sayCut(parts: readonly string[]): void {
    this.#notices.show({
      id: "recording",
      level: "info",
      title: `The recording has the first part only of: ${parts.join(", ")}.`,
      text: "There was too much of that for a file. The rest of the recording is whole.",
      actions: [],
    });
  }

  open(file: File): void {
    this.#open(file).catch((error: Error) => {
      if (!(error instanceof ReadingCanceledError))
        this.#failed(`“${file.name}” could not be played.`, error);
    });
  }

  async #open(file: File): Promise<void> {
    this.#refuseBesideMachine();
    const { recording, moments } = await this.#files.read("recording", file, {});
    this.#notices.dismiss("recording");
    this.#refuseBesideMachine();
    this.#show(recording, moments, true);
    void loadViews();
  }

  #refuseBesideMachine(): void {
    if (!this.#store.state.handle) return;
    throw new Error(
      "a machine or a TPM is running here, and a recording needs its views: open another tab of this page and play it there",
    );
  }

  #failed(title: string, error: Error): void {
    this.#notices.show({
      id: "recording",
      level: "error",
      title,
      text: sentence(error.message),
      actions: [],
    });
  }

  // --- playing ---

  #show(recording: Recording, moments: ArrayLike<number>, play: boolean): void {
    this.stop();
    const { tape } = recording;
    this.#playing = {
      recording,
      moments,
      console: new RecordedConsole(),
      commands: 0,
      serial: 0,
      logEnd: 0,
      accesses: 0,
    };
    this.#store.state.recorder.rewind();
    this.#store.update({
      replay: {
        label: tape.label,
        recordedAt: tape.epoch,
        time: 0,
        duration: tape.end,
        playing: false,
        accesses: recording.accesses.length > 0,
        speed: 1,
      },
      tape: tape as BootTape,
    });
    this.#serial.connect(this.#playing.console);
    this.#apply(0);
    if (play) this.play();
  }

  play(): void {
    const { replay } = this.#store.state;
    if (!replay || replay.playing) return;
    if (replay.time >= replay.duration) this.seek(0);
    this.#last = performance.now();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#change({ playing: true });
  }

  pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#change({ playing: false });
  }

  setSpeed(speed: number): void {
    this.#change({ speed });
  }

  /** Shows the boot as it was so many milliseconds after the machine's start. */
  seek(time: number): void {
    const { replay } = this.#store.state;
    if (replay) this.#apply(Math.max(0, Math.min(replay.duration, time)));
  }

  /** Ends the playing, with its traces in the views. */
  stop(): void {
    if (!this.#playing) return;
    this.pause();
    this.#playing = undefined;
    this.#store.update({
      replay: undefined,
      tape: undefined,
      commands: [],
      commandNews: this.#store.state.commandNews + 1,
      guestCommands: 0,
      ...NOTHING_SELECTED,
      pcrs: [],
      changedPcrs: new Set(),
      log: undefined,
    });
    this.#store.state.recorder.rewind();
    this.#serial.connect(new RecordedConsole());
  }

  #change(change: Partial<NonNullable<PageStore["state"]["replay"]>>): void {
    const { replay } = this.#store.state;
    if (replay) this.#store.update({ replay: { ...replay, ...change } });
  }

  #tick(): void {
    const { replay } = this.#store.state;
    if (!replay || !this.#playing) return;
    const now = performance.now();
    const time = skipPause(this.#playing.moments, replay.time + (now - this.#last) * replay.speed);
    this.#last = now;
    this.#apply(Math.min(time, replay.duration));
    if (time >= replay.duration) this.pause();
  }

  #apply(time: number): void {
    const playing = this.#playing;
    if (!playing) return;
    const frame = frameAt(playing.recording, time);
    this.#change({ time });
    this.#showAccesses(playing, frame.accesses);
    if (frame.commands !== playing.commands) this.#showCommands(playing, frame.commands);
    this.#say(playing, frame.serial);
    this.#showMeasurements(playing, frame.pcrs, frame.logEnd);
  }

  #showCommands(playing: Playing, count: number): void {
    const commands = playing.recording.commands.slice(0, count);
    playing.commands = count;
    this.#store.update({
      commands,
      commandNews: this.#store.state.commandNews + 1,
      guestCommands: commands.filter(({ origin }) => origin === "guest").length,
    });
  }

  #showAccesses(playing: Playing, count: number): void {
    const { recorder, command } = this.#store.state;
    const back = count < playing.accesses;
    if (back) {
      recorder.rewind();
      playing.accesses = 0;
    }
    recorder.play(playing.recording.accesses.slice(playing.accesses, count));
    playing.accesses = count;
    // The accesses have other numbers now.
    if (back && command !== undefined) this.#store.update(selectionOf(this.#store.state, { command }));
  }

  #say(playing: Playing, count: number): void {
    if (count < playing.serial) {
      playing.serial = 0;
      this.#serial.connect(playing.console);
    }
    for (const { bytes } of playing.recording.tape.serial.slice(playing.serial, count))
      playing.console.say(bytes);
    playing.serial = count;
  }

  #showMeasurements(playing: Playing, snapshot: PcrSnapshot | undefined, logEnd: number): void {
    const pcrs = snapshot?.banks ?? NO_PCRS;
    if (this.#store.state.pcrs === pcrs && playing.logEnd === logEnd) return;
    playing.logEnd = logEnd;
    const { tape, logBytes } = playing.recording;
    const before = snapshot && tape.pcrs[tape.pcrs.indexOf(snapshot) - 1]?.banks;
    this.#store.update({
      pcrs,
      changedPcrs: changedPcrs(before ?? NO_PCRS, pcrs),
      log: logEnd ? logView(logBytes.slice(0, logEnd), pcrs) : undefined,
    });
  }
}
