import { afterEach, describe, expect, it, vi } from "vitest";
import { ByteWriter } from "../protocol/bytes/writer.ts";
import type { MemoryAreas } from "./memory-areas.ts";
import { followUefiLog, UefiLog } from "./uefi-log.ts";

const MEMORY = 0x10_0000;
const LOG_AT = 0x4_3000;
const SHA256 = 0x0b;

const header = new ByteWriter()
  .u32le(0)
  .u32le(3)
  .zeros(20)
  .u32le(33)
  .ascii("Spec ID Event03\0")
  .u32le(0)
  .bytes([0, 2, 0, 1])
  .u32le(1)
  .u16le(SHA256)
  .u16le(32)
  .u8(0)
  .finish();

const event = (pcr: number, type: number, data: string) =>
  new ByteWriter()
    .u32le(pcr)
    .u32le(type)
    .u32le(1)
    .u16le(SHA256)
    .bytes(new Uint8Array(32).fill(pcr))
    .u32le(data.length)
    .ascii(data)
    .finish();

const joined = (...parts: Uint8Array[]) =>
  parts.reduce((writer, part) => writer.bytes(part), new ByteWriter()).finish();

function guest() {
  const ram = new Uint8Array(MEMORY);
  return {
    ram,
    memory: {
      read_memory: (at: number, length: number) => ram.subarray(at, at + length),
      write_memory: (bytes: Uint8Array, at: number) => ram.set(bytes, at),
    },
    /** As edk2 writes it, into an area of 64 KiB. */
    put(at: number, ...parts: Uint8Array[]) {
      ram.fill(0xff, at, at + 0x1_0000);
      ram.set(joined(...parts), at);
    },
  };
}

const crtm = event(0, 8, "1.0");
const handedOver = event(5, 0x8000_0007, "Exit Boot Services Returned with Success");

describe("the event log of UEFI firmware", () => {
  it("is found in memory, and told when it has grown", () => {
    const { memory, put } = guest();
    const log = new UefiLog(memory, MEMORY);
    expect(log.look()).toBeUndefined();
    put(LOG_AT, header);
    expect(log.look()).toEqual(header);
    expect(log.look()).toBeUndefined();
    put(LOG_AT, header, crtm);
    expect(log.look()).toEqual(joined(header, crtm));
  });

  it("is no copy of it that somebody else has", () => {
    const { memory, put, ram } = guest();
    ram.set(joined(header, crtm), LOG_AT - 0x1000); // in the middle of other things
    put(LOG_AT + 8, header, crtm); // not at a page's beginning
    const log = new UefiLog(memory, MEMORY);
    expect(log.look()).toBeUndefined();
    put(LOG_AT + 0x1000, header);
    expect(log.look()).toEqual(header);
  });

  it("is complete when the firmware has handed over: what memory is used for then is no log", () => {
    const { memory, put } = guest();
    const log = new UefiLog(memory, MEMORY);
    put(LOG_AT, header, crtm, handedOver);
    expect(log.look()).toEqual(joined(header, crtm, handedOver));
    expect(log.complete).toBe(true);
    put(LOG_AT, header);
    expect(log.look()).toBeUndefined();
  });

  it("is another one after a reset, though memory keeps the old one", () => {
    const { memory, put } = guest();
    const log = new UefiLog(memory, MEMORY);
    put(LOG_AT, header, crtm, handedOver);
    log.look();
    log.forget();
    expect(log.look()).toBeUndefined();
    put(LOG_AT, header, crtm);
    expect(log.look()).toEqual(joined(header, crtm));
    expect(log.complete).toBe(false);
  });
});

describe("following it", () => {
  afterEach(() => vi.useRealTimers());

  it("hands each news to the TPM, until it is ended", () => {
    vi.useFakeTimers();
    const { memory, put } = guest();
    const restoreEventLog = vi.fn();
    const areas: Pick<MemoryAreas, "restoreEventLog" | "lookForLog"> = {
      restoreEventLog,
      lookForLog: undefined,
    };
    const tpm = { areas };
    const end = followUefiLog(tpm, { onReset: () => () => undefined }, memory, MEMORY);
    put(LOG_AT, header);
    vi.advanceTimersByTime(1000);
    expect(restoreEventLog).toHaveBeenCalledExactlyOnceWith(header);
    put(LOG_AT, header, crtm);
    end();
    vi.advanceTimersByTime(1000);
    expect(restoreEventLog).toHaveBeenCalledTimes(1);
  });
});
