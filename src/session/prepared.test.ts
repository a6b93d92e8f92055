import { describe, expect, it } from "vitest";
import { TisDevice } from "../device/tis/device.ts";
import { TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../device/tis/registers.ts";
import {
  misfit,
  PreparedError,
  type PreparedFor,
  type PreparedMachine,
  readPrepared,
  writePrepared,
} from "./prepared.ts";

const sum = (digit: string) => digit.repeat(64);
const BELONGS: PreparedFor = {
  tpmVersion: "2.0",
  memorySize: 128 << 20,
  cmdline: "console=ttyS0 é",
  images: { bios: sum("1"), vgaBios: sum("2"), kernel: sum("3"), initrd: sum("a") },
};

function device(): TisDevice {
  const sink = { execute() {}, cancel() {}, resetEstablishment() {}, irq() {} };
  return new TisDevice({ version: "2.0", irq: 5, bufferSize: 4096, sink });
}

function machine(change: Partial<PreparedMachine> = {}): PreparedMachine {
  return {
    belongsTo: BELONGS,
    device: device().snapshot(),
    eventLog: Uint8Array.of(1, 2, 3),
    commands: [Uint8Array.of(4, 5), Uint8Array.of(), Uint8Array.of(6)],
    emulator: Uint8Array.of(7, 8, 9, 10),
    clock: 1234.5,
    time: 1.7e12,
    ...change,
  };
}

const read = (bytes: Uint8Array<ArrayBuffer>) => () => readPrepared(bytes);

describe("the file of a prepared machine", () => {
  it("is read as it was written", () => {
    expect(readPrepared(writePrepared(machine()))).toEqual(machine());
  });

  it("holds nothing of what went through the FIFO", () => {
    const tis = device();
    tis.write(TIS_BASE + REGISTERS.ACCESS.offset, 1, ACCESS.REQUEST_USE);
    tis.write(TIS_BASE + REGISTERS.STS.offset, 1, STS.COMMAND_READY);
    for (const byte of [0xde, 0xad, 0xbe, 0xef]) tis.write(TIS_BASE + REGISTERS.DATA_FIFO.offset, 1, byte);
    expect(() => writePrepared(machine({ device: tis.snapshot() }))).toThrow(
      "in the middle of a TPM command",
    );
    tis.write(TIS_BASE + REGISTERS.STS.offset, 1, STS.COMMAND_READY);
    const snapshot = tis.snapshot();
    expect([...snapshot.fifo.subarray(0, 4)]).toEqual([0xde, 0xad, 0xbe, 0xef]);
    const { fifo } = readPrepared(writePrepared(machine({ device: snapshot }))).device;
    expect(fifo).toEqual(new Uint8Array(snapshot.fifo.length));
  });

  it("is refused when it was made later, or is not one", () => {
    const bytes = writePrepared(machine());
    bytes[8] = 2;
    expect(read(bytes)).toThrow("has format version 2, and this page reads version 1: load the page anew");
    expect(read(new Uint8Array(0))).toThrow("does not begin as one");
    expect(read(new TextEncoder().encode("<!doctype html><title>Not found</title>"))).toThrow(PreparedError);
  });

  it("is refused cut off anywhere, and with something after it", () => {
    const bytes = writePrepared(machine());
    for (let length = 0; length < bytes.length; length += 7)
      expect(read(bytes.slice(0, length)), `${length} bytes`).toThrow(PreparedError);
    expect(read(new Uint8Array([...bytes, 0]))).toThrow("bytes");
  });

  it("is refused, or is another description, with any byte of its description changed", () => {
    const bytes = writePrepared(machine());
    const length = new DataView(bytes.buffer).getUint32(12, true);
    const texts = new Set<string>();
    // The FIFO's zeros are most of it.
    for (let at = 0; at < 16 + Math.min(length, 900); at++) {
      const wrong = bytes.slice();
      wrong[at]! ^= 0x40;
      try {
        texts.add(JSON.stringify(readPrepared(wrong).belongsTo));
      } catch (error) {
        expect(error, `byte ${at}`).toBeInstanceOf(PreparedError);
      }
    }
    expect(texts.size).toBeGreaterThan(1);
  });

  it("names the field that is wrong", () => {
    expect(read(writePrepared(machine({ clock: -1 })))).toThrow("clock is wrong");
    const odd = { ...device().snapshot(), bufferSize: -5 };
    expect(read(writePrepared(machine({ device: odd })))).toThrow("its registers cannot be read");
  });
});

describe("misfit", () => {
  it.each<[Partial<PreparedFor>, string]>([
    [{ tpmVersion: "1.2" }, "its TPM is a TPM 1.2"],
    [{ memorySize: 256 << 20 }, "it has 256 MiB of memory"],
    [{ cmdline: "quiet" }, "it was booted with another command line"],
    [{ images: { ...BELONGS.images, kernel: sum("f") } }, "it was booted with another kernel"],
    [{ images: { ...BELONGS.images, initrd: sum("f") } }, "it was booted with another guest image"],
  ])("tells %j", (change, words) => {
    expect(misfit({ ...BELONGS, ...change }, BELONGS)).toBe(words);
  });

  it("finds nothing where all is the same", () => {
    expect(misfit({ ...BELONGS }, BELONGS)).toBeUndefined();
  });
});
