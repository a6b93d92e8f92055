import { describe, expect, it } from "vitest";
import type { PcrBank } from "../protocol/tpm2/pcr-bank.ts";
import { PcrReader } from "./pcr-reader.ts";

/** A TPM of two banks that are read one after the other, each when the test says so. */
function slowTpm() {
  let value = 0;
  let commands = 0;
  const waiting: (() => void)[] = [];
  const bank = async (algorithm: string): Promise<PcrBank> => {
    commands++;
    await new Promise<void>((resolve) => waiting.push(resolve));
    return { algorithm, values: [Uint8Array.of(value)] };
  };
  const reader = new PcrReader(async () => [await bank("sha1"), await bank("sha256")]);
  return {
    reader,
    commands: () => commands,
    extend: () => {
      value++;
      reader.changed();
    },
    /** The command under way is answered. */
    answer: async () => {
      waiting.shift()?.();
      // The next one is asked by then.
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    },
  };
}

const values = (banks: PcrBank[]) => banks.map((bank) => bank.values[0]?.[0]);

describe("a reading of the PCRs", () => {
  it("is shared by calls that overlap", async () => {
    const tpm = slowTpm();
    const both = [tpm.reader.read(), tpm.reader.read()];
    await tpm.answer();
    await tpm.answer();
    expect((await Promise.all(both)).map(values)).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(tpm.commands()).toBe(2);
  });

  it("that a change came into is made again, so that all banks are of one moment", async () => {
    const tpm = slowTpm();
    const reading = tpm.reader.read();
    await tpm.answer();
    tpm.extend();
    for (let command = 0; command < 3; command++) await tpm.answer();
    expect(values(await reading)).toEqual([1, 1]);
  });

  it("gives whoever asks after a change what is true since it, also when one was under way", async () => {
    const tpm = slowTpm();
    const early = tpm.reader.read();
    await tpm.answer();
    tpm.extend();
    const late = tpm.reader.read();
    for (let command = 0; command < 3; command++) await tpm.answer();
    expect(values(await late)).toEqual([1, 1]);
    expect(values(await early)).toEqual([1, 1]);
  });

  it("comes to an end beside a guest that never stops extending", async () => {
    const tpm = slowTpm();
    const reading = tpm.reader.read();
    let over = false;
    void reading.then(() => {
      over = true;
    });
    for (let command = 0; !over && command < 100; command++) {
      tpm.extend();
      await tpm.answer();
    }
    expect(values(await reading)).toEqual([7, 8]);
  });

  it("that fails is told to all who wait, and the next one is made anew", async () => {
    let fails = true;
    const reader = new PcrReader(async () => {
      if (fails) throw new Error("off");
      return [];
    });
    const both = await Promise.allSettled([reader.read(), reader.read()]);
    expect(both.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    fails = false;
    expect(await reader.read()).toEqual([]);
  });
});
