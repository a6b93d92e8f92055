import { describe, expect, it } from "vitest";
import { TIS_BASE } from "../../device/tis/ports.ts";
import { REGISTERS } from "../../device/tis/registers.ts";
import { fromHex } from "../../protocol/bytes/hex.ts";
import { build } from "../../protocol/tpm2/index.ts";
import { packAccess } from "../trace/access.ts";
import type { AccessRun } from "../trace/index.ts";
import type { CommandRecord } from "../types.ts";
import { packRecording, unpackRecording } from "./file.ts";
import { decodeRecording, encodeRecording } from "./format.ts";
import { frameAt, moments, skipPause } from "./playback.ts";
import { type BootTape, recordingOf } from "./recording.ts";

const STS = TIS_BASE + REGISTERS.STS.offset;
const FIFO = TIS_BASE + REGISTERS.DATA_FIFO.offset;
const RESPONSE = fromHex("80010000000a00000000");
const bank = (value: number) => [
  { algorithm: "sha256", values: [new Uint8Array(32).fill(value), new Uint8Array(32)] },
];
const command = (
  id: number,
  startedAt: number,
  origin: "guest" | "page",
  request: Uint8Array,
  name: string,
) =>
  ({
    id,
    startedAt,
    duration: 10,
    locality: 0,
    origin,
    code: new DataView(request.buffer).getUint32(6),
    name,
    request,
    response: RESPONSE,
    responseCode: 0,
    responseName: "TPM_RC_SUCCESS",
  }) satisfies CommandRecord;

const TAPE: BootTape = {
  label: "Linux",
  tpm: "2.0",
  epoch: 1_700_000_000_000,
  start: 1000,
  serial: [{ time: 1500, bytes: fromHex("6869") }],
  pcrs: [
    { time: 1100, banks: bank(0) },
    { time: 1300, banks: bank(7) },
  ],
  log: [
    { time: 1200, end: 3 },
    { time: 1300, end: 5 },
  ],
};
const COMMANDS = [
  command(1, 900, "guest", build.TPM2_Startup(), "TPM2_Startup"),
  command(2, 1100, "guest", build.TPM2_Startup(), "TPM2_Startup"),
  command(3, 1200, "page", build.TPM2_PCR_Read([]), "TPM2_PCR_Read"),
  command(4, 1290, "guest", build.TPM2_GetRandom(8), "TPM2_GetRandom"),
];
const LOG = fromHex("0102030405");
const ACCESSES: AccessRun[] = [
  { time: 1050, word: packAccess(STS, 4, false, "guest"), value: 0x80, count: 70 },
  { time: 1060, word: packAccess(FIFO, 1, true, "guest"), bytes: fromHex("8001") },
  { time: 1070, word: packAccess(STS, 1, true, "guest"), value: 0x20, count: 1, command: 2 },
  { time: 1200, word: packAccess(STS, 1, true, "guest"), value: 0x20, count: 1, command: 3 },
];
const recording = () => recordingOf(TAPE, COMMANDS, LOG, 3000, ACCESSES);

describe("a recording", () => {
  it("begins at the machine's start and leaves out the page's own reading", () => {
    const { tape, commands } = recording();
    expect(commands.map(({ id, name, startedAt }) => [id, name, startedAt])).toEqual([
      [1, "TPM2_Startup", 100],
      [2, "TPM2_GetRandom", 290],
    ]);
    expect(tape).toMatchObject({ start: 0, end: 2000, epoch: 1_700_000_001_000 });
  });

  it("names the commands that accesses run as it counts them, and none that it leaves out", () => {
    const runs = recording().accesses;
    expect(runs.map(({ time, command }) => [time, command])).toEqual([
      [50, undefined],
      [60, undefined],
      [70, 1],
      [200, undefined],
    ]);
  });

  it("is read from a file without accesses, as older ones are", () => {
    const { accesses, ...older } = JSON.parse(encodeRecording(recording()));
    expect(accesses).toHaveLength(4);
    expect(decodeRecording(JSON.stringify(older))).toEqual({ ...recording(), accesses: [] });
  });

  it("is the same after it was a file", async () => {
    const packed = await packRecording(recording());
    expect(await unpackRecording(new Blob([packed]))).toEqual(recording());
  });

  it("says of a machine that went on from where it was saved that it did not boot", async () => {
    const resumed = recordingOf({ ...TAPE, resumed: true }, COMMANDS, LOG, 3000);
    const read = await unpackRecording(new Blob([await packRecording(resumed)]));
    expect(read.tape.resumed).toBe(true);
    expect(read).toEqual(resumed);
    expect(recording().tape).not.toHaveProperty("resumed");
  });

  it("shows what was there at a moment", () => {
    const one = recording();
    expect(frameAt(one, 0)).toEqual({ commands: 0, logEnd: 0, pcrs: undefined, serial: 0, accesses: 0 });
    expect(frameAt(one, 65)).toMatchObject({ commands: 0, accesses: 2 });
    expect(frameAt(one, 250)).toMatchObject({ commands: 1, logEnd: 3, serial: 0, accesses: 4 });
    expect(frameAt(one, 2000)).toMatchObject({ commands: 2, logEnd: 5, serial: 1 });
    expect(frameAt(one, 2000).pcrs?.banks).toEqual(bank(7));
  });

  it("is played without long pauses", () => {
    expect(moments(recording())).toEqual([100, 110, 200, 300, 300, 300, 500]);
    expect(skipPause([0, 5000], 100)).toBe(100);
    expect(skipPause([0, 5000], 700)).toBe(4400);
    expect(skipPause([0, 5000], 6000)).toBe(6000);
  });
});

describe("a file that is no recording", () => {
  const changed = (change: object) =>
    JSON.stringify({ ...JSON.parse(encodeRecording(recording())), ...change });
  it.each([
    ["no JSON", "{", /no JSON/],
    ["other JSON", "[1]", /no recording/],
    ["a newer one", changed({ version: 2 }), /version 2.*knows version 1.*newer page/],
    [
      "a bad command",
      changed({ commands: [[0, 1, 0, "guest", "xyz", null]] }),
      /damaged: commands\.0\.4: must be bytes/,
    ],
    ["an access of three bytes", changed({ accesses: [[0, 0x30018, 1]] }), /damaged: accesses\.0/],
    [
      "too many accesses",
      changed({
        accesses: [
          [0, 0x40018, 1, 600_000],
          [1, 0x40018, 1, 600_000],
        ],
      }),
      /at most/,
    ],
    ["a bad PCR", changed({ pcrs: [[0, "sha256", 24, "00"]] }), /damaged: pcrs/],
  ])("%s is refused in words", (_, text, words) => {
    expect(() => decodeRecording(text)).toThrow(words);
  });

  it("is refused when it is cut short or not packed", async () => {
    const packed = await packRecording(recording());
    await expect(unpackRecording(new Blob([packed.slice(0, packed.length / 2)]))).rejects.toThrow(/damaged/);
    await expect(unpackRecording(new Blob([new Uint8Array(20)]))).rejects.toThrow(/no recording/);
  });
});
