/**
 * What the hidden machine costs: how long until a TPM is ready, and each command beside native swtpm. The two take
 * turns, in one process, by the host's clock.
 */

import type { HiddenMachine } from "../../backend/hidden/machine.ts";
import { HIDDEN_TIMEOUTS } from "../../backend/hidden/timeouts.ts";
import { SwtpmBackend } from "../../backend/swtpm-backend.ts";
import { TPM2_GetRandom, TPM2_PCR_Extend, TPM2_PCR_Read, TPM2_Startup } from "../../protocol/tpm2/build.ts";
import { responseCode } from "../../protocol/tpm2/parse.ts";
import { startNativeBackend } from "../bridge/native-backend.ts";
import { Cache } from "../images/cache.ts";
import { bootHiddenMachine } from "../images/hidden-state.ts";
import { ImageSet } from "../images/image-set.ts";
import {
  createdHandle,
  type KeyType,
  TPM2_CreatePrimary,
  TPM2_FlushContext,
  TPM2_Sign,
} from "./bench-hidden-commands.ts";
import type { Bar, Row } from "./bench-table.ts";
import { readHiddenFiles, restoreHiddenMachine } from "./swtpm-machine.ts";

export interface HiddenBenchOptions {
  /** Few repetitions: a look, not a measurement. */
  quick?: boolean;
  /** Gets a line for people before each part. */
  say?: (line: string) => void;
}

const REPETITIONS = {
  full: { cold: 3, saved: 7, short: 200, ecc: 40, rsa: 20 },
  quick: { cold: 1, saved: 2, short: 30, ecc: 5, rsa: 2 },
};
/** Rounds that nobody measures: v86 compiles what runs often. */
const WARM_UP = 30;

const BARS: Record<string, Bar> = {
  ready: { atMost: 2000 },
  download: { atMost: 10 },
  PCR_Extend: { atMost: 2, below: true },
  "CreatePrimary ECC P-256": { atMost: 100, below: true },
  "CreatePrimary RSA-2048": { atMost: 3000, below: true },
};

const MB = 1e6;
const PCRS = [{ algorithm: "sha256" as const, pcrs: [0, 1, 2, 3] }];
const DIGEST = new Uint8Array(32).fill(0xa5);

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const began = performance.now();
  const result = await work();
  return { ms: performance.now() - began, result };
}

/** The TPM tested an algorithm instead, before its first use, and wants the command again. */
const TPM_RC_RETRY = 0x922;

async function succeed(backend: SwtpmBackend, command: Uint8Array): Promise<Uint8Array> {
  const response = await backend.deliver(0, command);
  const code = responseCode(response);
  if (code === TPM_RC_RETRY) return succeed(backend, command);
  if (code !== 0) throw new Error(`the TPM answered 0x${code?.toString(16)} to a command of the benchmark`);
  return response;
}

/** Starts a TPM 2.0 in the machine, up to TPM2_Startup. */
async function startTpm(machine: HiddenMachine): Promise<SwtpmBackend> {
  const channels = await machine.start({ version: "2.0" });
  const backend = new SwtpmBackend(channels, { version: "2.0", owned: true, timeouts: HIDDEN_TIMEOUTS });
  await backend.start();
  await succeed(backend, TPM2_Startup());
  return backend;
}

/** Milliseconds from nothing to a TPM that has answered TPM2_Startup. */
async function timeReady(boot: () => Promise<HiddenMachine>): Promise<number> {
  const { ms, result } = await timed(async () => {
    const machine = await boot();
    return { machine, backend: await startTpm(machine) };
  });
  await result.backend.shutdown();
  await result.machine.stop();
  return ms;
}

type Tpms = Record<"hidden" | "native", SwtpmBackend>;
type Times = Record<keyof Tpms, number[]>;

const noTimes = (): Times => ({ hidden: [], native: [] });

async function timeCommand(tpms: Tpms, count: number, command: Uint8Array): Promise<Times> {
  const times = noTimes();
  for (const name of ["hidden", "native"] as const) {
    for (let i = 0; i < WARM_UP; i++) await succeed(tpms[name], command);
    for (let i = 0; i < count; i++) times[name].push((await timed(() => succeed(tpms[name], command))).ms);
  }
  return times;
}

interface KeyTimes {
  create: Times;
  sign: Times;
}

/** Times of making keys and of signing, one signature with each key. The first of each is not counted. */
async function timeKeys(tpms: Tpms, type: KeyType, count: number): Promise<KeyTimes> {
  const times: KeyTimes = { create: noTimes(), sign: noTimes() };
  for (let i = 0; i <= count; i++) {
    for (const name of ["hidden", "native"] as const) {
      const created = await timed(() => succeed(tpms[name], TPM2_CreatePrimary(type, i)));
      const handle = createdHandle(created.result);
      const signed = await timed(() => succeed(tpms[name], TPM2_Sign(type, handle, DIGEST)));
      await succeed(tpms[name], TPM2_FlushContext(handle));
      if (i === 0) continue;
      times.create[name].push(created.ms);
      times.sign[name].push(signed.ms);
    }
  }
  return times;
}

function commandRows(name: string, times: Times): Row[] {
  const bar = BARS[name];
  return [
    { name: `${name}, hidden machine`, unit: "ms", values: times.hidden, ...(bar && { bar }) },
    { name: `${name}, native swtpm`, unit: "ms", values: times.native },
  ];
}

/**
 * Measures the hidden machine in Node. Takes about two minutes, seconds when `quick`.
 * @throws {ImagesMissingError} when the small kernel has not been built.
 */
export async function hiddenRows({
  quick = false,
  say = () => undefined,
}: HiddenBenchOptions = {}): Promise<Row[]> {
  const counts = REPETITIONS[quick ? "quick" : "full"];
  say("Hidden machine: to a TPM that is ready ...");
  const set = new ImageSet(new Cache(), () => undefined);
  const files = await readHiddenFiles(set);
  const parts = await set.hiddenParts();
  const [cold, saved]: [number[], number[]] = [[], []];
  for (let i = 0; i < counts.cold; i++) cold.push(await timeReady(() => bootHiddenMachine(parts)));
  for (let i = 0; i < counts.saved; i++) {
    // With reading and unpacking the image, as a page has to.
    saved.push(await timeReady(async () => restoreHiddenMachine(await readHiddenFiles(set))));
  }
  const machine = await restoreHiddenMachine(files);
  const native = await startNativeBackend();
  try {
    await native.backend.deliver(0, TPM2_Startup());
    const tpms: Tpms = { hidden: await startTpm(machine), native: native.backend };
    say("Hidden machine: commands beside native swtpm ...");
    const short = {
      PCR_Extend: TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: DIGEST }]),
      "PCR_Read, 4 PCRs": TPM2_PCR_Read(PCRS),
      "GetRandom, 32 bytes": TPM2_GetRandom(32),
    };
    const rows: Row[] = [
      { name: "TPM ready from scratch, hidden machine", unit: "ms", values: cold },
      { name: "TPM ready from the saved image", unit: "ms", values: saved, bar: BARS.ready! },
      { name: "saved image, compressed", unit: "MB", values: [files.download / MB], bar: BARS.download! },
      { name: "saved image, unpacked", unit: "MB", values: [(files.images.state?.byteLength ?? 0) / MB] },
      { name: "memory of the hidden machine", unit: "MB", values: [machine.memory / MB] },
    ];
    for (const [name, command] of Object.entries(short)) {
      rows.push(...commandRows(name, await timeCommand(tpms, counts.short, command)));
    }
    const ecc = await timeKeys(tpms, "ecc", counts.ecc);
    say("Hidden machine: RSA keys ...");
    const rsa = await timeKeys(tpms, "rsa", counts.rsa);
    return [
      ...rows,
      ...commandRows("CreatePrimary ECC P-256", ecc.create),
      ...commandRows("CreatePrimary RSA-2048", rsa.create),
      ...commandRows("Sign ECDSA P-256", ecc.sign),
      ...commandRows("Sign RSASSA 2048", rsa.sign),
    ];
  } finally {
    await native.stop();
    await machine.stop();
  }
}
