/**
 * A guest at the registers of a TPM that is saved and put back at random moments, into a device and an swtpm made anew,
 * beside one that is left alone: both have to show the same at every access. The TPMs begin from one state, so that
 * even their random numbers are the same.
 */

import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { TpmState } from "../backend/port.ts";
import { startPolicySession } from "../backend/testing/session-commands.ts";
import { type AccessSize, TIS_BASE } from "../device/tis/ports.ts";
import { ACCESS, REGISTERS, STS } from "../device/tis/registers.ts";
import { type NativeBackend, startNativeBackend } from "../node/bridge/native-backend.ts";
import { build, encodeCommand } from "../protocol/tpm2/index.ts";
import { TpmEngine } from "./engine.ts";

const natives: NativeBackend[] = [];
let origin: TpmState;
beforeAll(async () => {
  const native = await startNativeBackend();
  await native.backend.deliver(0, build.TPM2_Startup());
  origin = await native.backend.getState();
  await native.stop();
});
afterAll(() => Promise.all(natives.map((native) => native.stop())));

async function engine(state: TpmState): Promise<TpmEngine> {
  const made = new TpmEngine({
    version: "2.0",
    emit: () => undefined,
    open: async (wanted) => {
      const native = await startNativeBackend({ state: wanted ?? state });
      natives.push(native);
      return { backend: native.backend, info: native.info, label: "" };
    },
  });
  made.start(0);
  // Answers when the TPM is on.
  await made.snapshot();
  return made;
}

const COMMANDS = [
  build.TPM2_GetRandom(24),
  build.TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: new Uint8Array(32).fill(5) }]),
  build.TPM2_PCR_Read([{ algorithm: "sha256", pcrs: [16] }]),
  encodeCommand("HashSequenceStart", { parameters: { hashAlg: "SHA256" } }),
  startPolicySession(),
];

/** What the guest does; a cut may be made right after it, while the TPM works. */
type Step = { cut: boolean } & (
  | { kind: "write"; offset: number; value: number }
  | { kind: "command"; command: Uint8Array; bytes: number }
  | { kind: "read"; bytes: number }
);

const locality = fc.nat({ max: 3 });
const cut = fc.boolean();
const at = (number: number, register: { offset: number }) => number * 0x1000 + register.offset;
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      cut,
      kind: fc.constant("write" as const),
      offset: locality.map((number) => at(number, REGISTERS.ACCESS)),
      value: fc.constantFrom(ACCESS.REQUEST_USE, ACCESS.SEIZE, ACCESS.ACTIVE_LOCALITY, ACCESS.BEEN_SEIZED),
    }),
    fc.record({
      cut,
      kind: fc.constant("write" as const),
      offset: locality.map((number) => at(number, REGISTERS.STS)),
      value: fc.constantFrom(STS.COMMAND_READY, STS.TPM_GO, STS.RESPONSE_RETRY),
    }),
    // Whole ones, and such that are left off.
    fc.record({
      cut,
      kind: fc.constant("command" as const),
      command: fc.constantFrom(...COMMANDS),
      bytes: fc.oneof(fc.constant(4096), fc.nat({ max: 40 })),
    }),
    fc.record({ cut, kind: fc.constant("read" as const), bytes: fc.nat({ max: 20 }) }),
  ),
  { minLength: 6, maxLength: 16 },
);

/** The locality that has the TPM; 0 where none has. */
const active = (one: TpmEngine) => Math.max(0, one.view.activeLocality);

async function act(one: TpmEngine, step: Step): Promise<number[]> {
  const seen: number[] = [];
  const read = (offset: number, size: AccessSize) => seen.push(one.read(TIS_BASE + offset, size));
  if (step.kind === "write") one.write(TIS_BASE + step.offset, 1, step.value);
  else if (step.kind === "read")
    for (let left = step.bytes; left > 0; left--) read(at(active(one), REGISTERS.DATA_FIFO), 1);
  else {
    one.write(TIS_BASE + at(active(one), REGISTERS.STS), 1, STS.COMMAND_READY);
    for (const byte of step.command.subarray(0, step.bytes))
      one.write(TIS_BASE + at(active(one), REGISTERS.DATA_FIFO), 1, byte);
    one.write(TIS_BASE + at(active(one), REGISTERS.STS), 1, STS.TPM_GO);
  }
  return seen;
}

/** All that a guest can see without changing it. */
const registers = (one: TpmEngine) =>
  [0, 1, 2, 3].flatMap((number) => [
    one.view.peek(TIS_BASE + at(number, REGISTERS.ACCESS), 1),
    one.view.peek(TIS_BASE + at(number, REGISTERS.STS), 4),
  ]);

it("is the same TPM wherever it is cut", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const whole = await engine(origin);
      let saved = await engine(origin);
      whole.write(TIS_BASE + REGISTERS.ACCESS.offset, 1, ACCESS.REQUEST_USE);
      saved.write(TIS_BASE + REGISTERS.ACCESS.offset, 1, ACCESS.REQUEST_USE);
      for (const step of all) {
        expect(await act(saved, step)).toEqual(await act(whole, step));
        // A command may run now: the snapshot waits for its end, and so does the one that is left alone.
        if (step.cut) {
          const snapshot = structuredClone(await saved.snapshot());
          await saved.close();
          saved = await engine(origin);
          await saved.restore(snapshot);
        }
        await Promise.all([whole.snapshot(), saved.snapshot()]);
        expect(registers(saved)).toEqual(registers(whole));
      }
      expect((await saved.snapshot()).device).toEqual((await whole.snapshot()).device);
      const pcr = COMMANDS[2]!;
      expect(await saved.run(pcr)).toEqual(await whole.run(pcr));
      await Promise.all([whole.close(), saved.close()]);
      await Promise.all(natives.splice(0).map((native) => native.stop()));
    }),
    { numRuns: 10, endOnFailure: true },
  );
});
