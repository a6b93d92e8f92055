/** Files for the readers' benchmark, at a part of the reader's limit. */
import "fake-indexeddb/auto";
import { gzipSync } from "node:zlib";
import { fromHex } from "../../protocol/bytes/hex.ts";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { LIMITS } from "../../protocol/eventlog/index.ts";
import { toPcap } from "../../protocol/export/index.ts";
import { BUNDLE, MESSAGES, RECORDING, STATE_FILE } from "../../session/reading/limits.ts";
import type { ReadingKind } from "../../session/reading/readers.ts";
import { exportMachine } from "../../session/vault/export.ts";
import { openVault } from "../../session/vault/store.ts";
import { snapshot, tpmSave } from "../../session/vault/testing.ts";

interface ReaderFile {
  kind: ReadingKind | "pcap";
  options: object;
  /** @param part of the limit */
  make(part: number): Promise<readonly Uint8Array[]> | readonly Uint8Array[];
  /** What grows, where that is not the file. */
  bytes?(part: number): number;
}

const MIB = 2 ** 20;
/** As large as fits beside everything else on a small host. The limits are 2 and 3 GiB. */
const STORED = 512 * MIB;
export const PASSPHRASE = "correct horse";

/** @param passphrase what it is sealed with; its machine is then named "sealed", otherwise "PC". */
async function bundle(emulator: Uint8Array, passphrase?: string): Promise<Uint8Array[]> {
  const vault = openVault("bench");
  const name = passphrase === undefined ? "PC" : "sealed";
  const { id } = await vault.create({ name, tpmVersion: "2.0" });
  await vault.saveTpm(id, tpmSave());
  await vault.putSnapshot(id, { ...snapshot("one"), emulator });
  const { blob } = await exportMachine(vault, id, passphrase === undefined ? {} : { passphrase });
  await vault.remove(id);
  vault.close();
  return [new Uint8Array(await blob.arrayBuffer())];
}

/** Bytes that gzip can make nothing of. */
function noise(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

/** Of all that is counted, the same part of the most there may be. */
function recording(part: number): Uint8Array[] {
  const times = (most: number) => Array.from({ length: Math.round(most * part) }, (_, i) => i / 100);
  const command = "80".repeat(440);
  const text = JSON.stringify({
    format: "webtpm-recording",
    version: 1,
    label: "x",
    tpm: "2.0",
    at: 0,
    duration: 1e6,
    commands: times(RECORDING.commands).map((at) => [at, 1, 0, "guest", command, "80"]),
    serial: times(300_000).map((at) => [at, "61"]),
    pcrs: [
      ...Array.from({ length: 24 }, (_, pcr) => [0, "sha256", pcr, "00".repeat(32)]),
      ...times(100_000).map((at, i) => [at + 1, "sha256", i % 24, "00".repeat(32)]),
    ],
    log: [[0, "00".repeat(Math.round(RECORDING.logBytes * part))]],
    accesses: times(300_000).map((at) => [at, 0x40018, 1]),
  });
  return [gzipSync(text, { level: 1 })];
}

/** 100,000 events, 64 MiB, two banks. */
function eventLog(part: number): Uint8Array[] {
  const count = Math.floor(LIMITS.events * part) - 1;
  const log = new ByteWriter();
  const spec = new ByteWriter().ascii("Spec ID Event03\0").u32le(0).u8(0).u8(2).u8(0).u8(2).u32le(2);
  spec.u16le(4).u16le(20).u16le(0x0b).u16le(32).u8(0);
  const header = spec.finish();
  log.u32le(0).u32le(3).zeros(20).u32le(header.length).bytes(header);
  const size = Math.floor((LIMITS.bytes * part - header.length - 32) / count) - 76;
  for (let i = 0; i < count; i++) {
    log
      .u32le(i % 8)
      .u32le(5)
      .u32le(2);
    log.u16le(4).zeros(20).u16le(0x0b).zeros(32).u32le(size).zeros(size);
  }
  return [log.finish()];
}

/** 200,000 entries, 64 MiB. */
function imaList(part: number): Uint8Array[] {
  const count = Math.floor(LIMITS.entries * part);
  const list = new ByteWriter();
  const digest = new ByteWriter().ascii("sha256:\0").zeros(32).finish();
  const name = new ByteWriter().ascii(`/${"x".repeat(LIMITS.bytes / LIMITS.entries - 96)}\0`).finish();
  const data = new ByteWriter().u32le(digest.length).bytes(digest).u32le(name.length).bytes(name).finish();
  for (let i = 0; i < count; i++) {
    list.u32le(10).bytes(new Uint8Array(20).fill(1)).u32le(6).ascii("ima-ng").u32le(data.length).bytes(data);
  }
  return [list.finish()];
}

function stateFile(part: number): Uint8Array[] {
  const size = STATE_FILE.file * part;
  const file = new ByteWriter().u8(2).u8(1).u16be(10).u16be(0).u32be(size).u16be(1);
  file
    .u32be(size - 16)
    .u16be(3)
    .u32be(0xab364723)
    .u16be(1)
    .zeros(size - 24);
  return [file.finish()];
}

/** 50,000 commands, with their responses 64 MiB. */
function capture(part: number): Uint8Array[] {
  const head = fromHex("80010000000000000000");
  const size = Math.floor(MESSAGES.file / MESSAGES.commands / 2) - 60;
  const message = new Uint8Array(size);
  message.set(head);
  new DataView(message.buffer).setUint32(2, size);
  const entry = { duration: 1, request: message, response: message };
  const count = Math.floor(MESSAGES.commands * part);
  return [toPcap(Array.from({ length: count }, (_, time) => ({ time, ...entry })))];
}

const PCRS = ["sha1", "sha256"].map((algorithm, i) => ({
  algorithm,
  values: Array.from({ length: 24 }, () => new Uint8Array([20, 32][i]!)),
}));

const plain = (make: ReaderFile["make"], kind: ReaderFile["kind"], options: object = {}): ReaderFile => ({
  kind,
  options,
  make,
});

export const FILES = {
  recording: { ...plain(recording, "recording"), bytes: (part) => part * RECORDING.text },
  "event log": plain(eventLog, "eventLog"),
  "IMA list": plain(imaList, "imaList", { pcrs: PCRS }),
  "state file": plain(stateFile, "machine"),
  "bundle, as stored": plain((part) => bundle(noise(STORED * part)), "machine"),
  "bundle, unpacked": {
    ...plain((part) => bundle(new Uint8Array(BUNDLE.emulator * part * 0.6)), "machine"),
    bytes: (part) => BUNDLE.emulator * part * 0.6,
  },
  sealed: plain((part) => bundle(noise(STORED * part), PASSPHRASE), "machine", { passphrase: PASSPHRASE }),
  "packet capture": plain(capture, "messages"),
  /** As many messages as a recording may have, of 1000 bytes. */
  "pcap writer": plain((part) => [new Uint8Array(2000 * RECORDING.commands * part)], "pcap"),
} satisfies Record<string, ReaderFile>;
export type ReaderName = keyof typeof FILES;
