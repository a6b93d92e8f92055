import { describe, expect, it } from "vitest";
import type { PageState, PageStore } from "../model/model.ts";
import { Store } from "../model/store.ts";
import { TapeRecorder } from "./recording-tape.ts";
import { type SerialEmulator, SerialPort } from "./serial-port.ts";

/** A page that has a machine, and its guest's serial port. */
function recorder() {
  const serial = new SerialPort();
  const state = { settings: { tpm: "2.0" }, machine: {}, handle: {}, pcrs: [] } as unknown as PageState;
  const store: PageStore = new Store(state, {
    schedule: (tell) => tell(),
    pace: { wait: 0, begin: () => undefined },
  });
  const tape = new TapeRecorder(store, serial, () => 0);
  let say: (byte: number) => void = () => undefined;
  const emulator: SerialEmulator = {
    add_listener: (_, listener) => {
      say = listener;
    },
    serial_send_bytes: () => undefined,
  };
  serial.connect(emulator);
  /** Prints so many bytes as one piece. */
  const print = (count: number) => {
    for (let at = 0; at < count; at++) say(0x78);
    return serial.text;
  };
  const changePcrs = () => store.update({ pcrs: [{ algorithm: "sha256", values: [] }] });
  return { tape, store, serial, emulator, print, changePcrs };
}

describe("the tape of a boot", () => {
  it("is whole for a guest of few words", () => {
    const { tape, store, print, changePcrs } = recorder();
    print(100);
    changePcrs();
    expect(tape.cut).toEqual([]);
    expect(store.state.tape).toMatchObject({ serial: [{ time: 0 }], pcrs: [{ time: 0 }] });
  });

  it("ends for a guest that prints without end, and says so until the next boot", () => {
    const { tape, store, serial, emulator, print } = recorder();
    for (let piece = 0; piece < 6; piece++) expect(print(2 ** 20).length).toBeLessThanOrEqual(2 ** 20);
    expect(tape.cut).toEqual(["console"]);
    expect(store.state.tape?.serial).toHaveLength(4);
    serial.connect(emulator);
    expect(tape.cut).toEqual([]);
  });

  it("ends for a guest that prints letter by letter", () => {
    const { tape, store, print } = recorder();
    for (let piece = 0; piece < 50_010; piece++) print(1);
    expect(tape.cut).toEqual(["console"]);
    expect(store.state.tape?.serial).toHaveLength(50_000);
  });

  it("ends for a guest that extends PCRs without end", () => {
    const { tape, store, changePcrs } = recorder();
    for (let change = 0; change < 3000; change++) changePcrs();
    expect(tape.cut).toEqual(["PCRs"]);
    expect(store.state.tape?.pcrs).toHaveLength(2000);
  });
});
