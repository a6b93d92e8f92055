/**
 * What it costs that a TPM is kept, in a page of its own with no machine: each write to NV with the write-through and
 * without, taking turns; and the TPM alone taken and put back.
 */

import type { TpmKeep } from "../../src/backend/port.ts";
import { defineCounter, increment } from "../../src/backend/testing/nv-commands.ts";
import type { TisSnapshot } from "../../src/device/tis/snapshot.ts";
import { build } from "../../src/protocol/tpm2/index.ts";
import { responseCode } from "../../src/protocol/tpm2/parse.ts";
import { NoMachine } from "../../src/session/no-machine.ts";
import { attachTpm, type Tpm } from "../../src/session/tpm.ts";
import { openVault } from "../../src/session/vault/index.ts";

export interface KeepingTimes {
  /** Milliseconds a TPM2_NV_Increment through the registers, saved in IndexedDB before its response. */
  keptMs: number[];
  /** The same of a TPM that nobody keeps. */
  freeMs: number[];
  /** Milliseconds for the TPM and its registers as a snapshot, and for going back to it. */
  takeMs: number[];
  restoreMs: number[];
  /** Bytes of such a snapshot. */
  size: number;
}

/** Increments that nobody times. */
const WARM_UP = 5;

async function run(tpm: Tpm, command: Uint8Array): Promise<void> {
  const code = responseCode(await tpm.command(command));
  if (code !== 0) throw new Error(`the TPM answered 0x${code?.toString(16)} to a command of the benchmark`);
}

async function timed(list: number[], work: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  await work();
  list.push(performance.now() - began);
}

async function started(tpm: Tpm): Promise<Tpm> {
  await tpm.ready;
  await run(tpm, build.TPM2_Startup());
  await run(tpm, defineCounter());
  for (let i = 0; i < WARM_UP; i++) await run(tpm, increment());
  return tpm;
}

/** Behind the bridge. @param count increments, each way. */
export async function timeKeeping(count: number): Promise<KeepingTimes> {
  const vault = openVault();
  const { id } = await vault.create({ name: "benchmark", tpmVersion: "2.0" });
  let saves = 0;
  const keep: TpmKeep = {
    load: async () => (await vault.loadTpm(id))?.state,
    async save(state, description) {
      await vault.saveTpm(id, { state, version: "2.0", description, time: Date.now() });
      saves++;
    },
  };
  const kept = await started(attachTpm(new NoMachine(), { keep }));
  const free = await started(attachTpm(new NoMachine()));
  const times: KeepingTimes = { keptMs: [], freeMs: [], takeMs: [], restoreMs: [], size: 0 };
  try {
    saves = 0;
    for (let i = 0; i < count; i++) {
      await timed(times.keptMs, () => run(kept, increment()));
      await timed(times.freeMs, () => run(free, increment()));
    }
    if (saves < count) throw new Error(`${count} increments were saved ${saves} times`);
    for (let i = 0; i < count; i++) {
      await timed(times.takeMs, () => free.snapshot());
      const snapshot = await free.snapshot();
      const { permanent, volatile, savestate } = snapshot.tpm;
      const blobs = [permanent, volatile, savestate].map(({ bytes }) => bytes.length);
      times.size = blobs.reduce((sum, length) => sum + length, (snapshot.device as TisSnapshot).fifo.length);
      await timed(times.restoreMs, () => free.restore(snapshot));
    }
    return times;
  } finally {
    await kept.close();
    await free.close();
    await vault.remove(id);
  }
}
