import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { build } from "../../protocol/tpm2/index.ts";
import type { CommandRecord } from "../../session/types.ts";
import { LESSONS } from "./index.ts";
import type { Lesson, Step } from "./lesson.ts";
import { chain } from "./pcr-chain.ts";
import { SeenCommand } from "./seen.ts";
import { isSignedBy, publicKey, signatureOf } from "./signature.ts";
import QUOTE from "./testing/quote.json" with { type: "json" };
import type { World } from "./world.ts";

const EMPTY: World = {
  page: "1",
  machine: "off",
  bench: false,
  registers: undefined,
  family: undefined,
  firmware: undefined,
  variables: undefined,
  shell: false,
  starts: 0,
  start: 1,
  interface: undefined,
  access: [],
  accesses: [],
  commands: [],
  selected: undefined,
  panes: [],
  pcrs: [],
  log: undefined,
  presence: undefined,
  serial: "",
  notes: {},
};

const SUCCESS = "8001 0000000a 00000000";

function seen(name: string, request: Uint8Array, response = fromHex(SUCCESS), code = 0): SeenCommand {
  const record: CommandRecord = {
    id: 1,
    startedAt: 0,
    locality: 0,
    code: 0,
    name,
    request,
    response,
    responseCode: code,
    responseName: code ? "TPM_RC_LOCALITY" : "TPM_RC_SUCCESS",
    origin: "guest",
  };
  return new SeenCommand(record, 1);
}

const recorded = (name: string, { request, response }: { request: string; response: string }) =>
  seen(name, fromHex(request), fromHex(response));

function stepOf(lesson: string, step: string): Step {
  const found = LESSONS.find(({ id }) => id === lesson)?.steps.find(({ id }) => id === step);
  if (!found) throw new Error(`no step ${lesson}/${step}`);
  return found;
}

const check = (step: Step, world: World) =>
  Promise.all(
    step.goals.map(async (goal) => {
      try {
        return await goal.check(world);
      } catch (error) {
        return { met: false, text: (error as Error).message };
      }
    }),
  );

describe("lessons", () => {
  it.each(LESSONS.map((lesson): [string, Lesson] => [lesson.id, lesson]))(
    "%s has a few steps, each with goals and an address of its own",
    (_, { steps }) => {
      expect(steps.length).toBeGreaterThanOrEqual(3);
      expect(steps.length).toBeLessThanOrEqual(7);
      expect(new Set(steps.map(({ id }) => id)).size).toBe(steps.length);
      for (const { goals, text } of steps) {
        expect(goals.length).toBeGreaterThan(0);
        expect(text.join(" ").length).toBeLessThan(420);
      }
    },
  );

  it("have no step that is done when nothing was done", async () => {
    for (const { steps } of LESSONS) {
      for (const step of steps) {
        const findings = await check(step, EMPTY);
        expect(
          findings.some(({ met }) => !met),
          step.id,
        ).toBe(true);
        for (const { text } of findings) expect(text.length).toBeGreaterThan(3);
      }
    }
  });
});

describe("PCRs and extend", () => {
  const digest = (byte: number) => new Uint8Array(32).fill(byte);
  const extend = (byte: number) =>
    seen("TPM2_PCR_Extend", build.TPM2_PCR_Extend(16, [{ algorithm: "sha256", digest: digest(byte) }]));
  const reset = seen("TPM2_PCR_Reset", build.TPM2_PCR_Reset(16));
  const pcrs = (value: Uint8Array) => [
    { algorithm: "sha256", values: Array.from({ length: 24 }, (_, i) => (i === 16 ? value : digest(0))) },
  ];

  it("computes what the TPM computes", () => {
    // SHA-256 of 64 zero bytes.
    expect(toHex(chain([digest(0)]))).toBe(
      "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b",
    );
  });

  it("wants the digests of the lesson, not others", async () => {
    const commands = [reset, extend(7)];
    const [finding] = await check(stepOf("pcrs", "extend"), {
      ...EMPTY,
      commands,
      pcrs: pcrs(chain([digest(7)])),
    });
    expect(finding).toMatchObject({ met: false, text: expect.stringContaining("Something else") });
  });

  it("takes a refusal for what it is", async () => {
    const refused = seen("TPM2_PCR_Reset", build.TPM2_PCR_Reset(0), fromHex("8001 0000000a 00000907"), 0x907);
    const step = stepOf("pcrs", "no-way-back");
    expect(await check(step, { ...EMPTY, commands: [refused] })).toMatchObject([{ met: true }]);
    expect(await check(step, { ...EMPTY, commands: [reset] })).toMatchObject([{ met: false }]);
  });
});

describe("quote", () => {
  const key = recorded("TPM2_CreatePrimary", QUOTE.key);
  const quote = recorded("TPM2_Quote", QUOTE.quote);
  const message = quote.answeredBytes("parameters", "quoted", "attestationData") as Uint8Array;
  const point = publicKey(key) as string;

  it("verifies a quote that a TPM has made, and no other", async () => {
    const signature = signatureOf(quote) as Uint8Array;
    expect(await isSignedBy(point, signature, message)).toBe(true);
    const other = message.slice();
    other[other.length - 1]! ^= 1;
    expect(await isSignedBy(point, signature, other)).toBe(false);
  });

  it("tells an answer to another question", async () => {
    const step = stepOf("quote", "quote");
    const world = { ...EMPTY, commands: [quote], notes: { key: point, nonce: "0102030405060708" } };
    expect((await check(step, world)).slice(0, 2)).toMatchObject([{ met: true }, { met: true }]);
    const other = { ...world, notes: { ...world.notes, nonce: "ff" } };
    expect((await check(step, other))[1]).toMatchObject({
      met: false,
      text: expect.stringContaining("not the page's"),
    });
  });

  it("notes the key of the first step", async () => {
    const findings = await check(stepOf("quote", "key"), { ...EMPTY, commands: [key] });
    expect(findings).toMatchObject([{ met: true, keep: { key: point } }]);
  });
});

describe("random numbers", () => {
  const drawn = seen(
    "TPM2_GetRandom",
    build.TPM2_GetRandom(8),
    fromHex("80010000001400000000 0008 8e83071f3707e1f4"),
  );
  const step = stepOf("random", "look");

  it("takes the command behind the bytes in the shell, and not one that the tool drew for itself", async () => {
    const shown = { ...EMPTY, selected: drawn, serial: "webtpm# tpm2_getrandom --hex 8\r\n8e83071f3707e1f4" };
    expect(await check(step, shown)).toMatchObject([{ met: true }]);
    expect(await check(step, { ...shown, serial: "2ffff651a26686cd" })).toMatchObject([
      { met: false, text: expect.stringContaining("drew it for itself") },
    ]);
  });
});

describe("sealing", () => {
  const evict = (object: string) =>
    seen(
      "TPM2_EvictControl",
      fromHex(`8002 00000023 00000120 40000001 ${object} 00000009 40000009 0000 00 0000 81010001`),
    );

  it("wants the secret kept; to free its handle is not that", async () => {
    const step = stepOf("seal", "seal");
    expect(await check(step, { ...EMPTY, commands: [evict("80000001")] })).toMatchObject([{ met: true }]);
    expect(await check(step, { ...EMPTY, commands: [evict("81010001")] })).toMatchObject([{ met: false }]);
  });

  it("takes no policy from before the last start: its file is gone", async () => {
    // No digest; PCR 8 of the SHA-256 bank.
    const request = fromHex("8001 0000001a 0000017f 03000000 0000 00000001 000b 03 000100");
    const policy = seen("TPM2_PolicyPCR", request);
    const step = stepOf("seal", "policy");
    expect((await check(step, { ...EMPTY, commands: [policy] }))[1]).toMatchObject({ met: true });
    expect((await check(step, { ...EMPTY, start: 2, commands: [policy] }))[1]).toMatchObject({ met: false });
  });

  it("begins with PCRs that the log explains", async () => {
    const step = stepOf("seal", "policy");
    const world: World = {
      ...EMPTY,
      shell: true,
      family: "2.0",
      pcrs: [{ algorithm: "sha256", values: Array.from({ length: 24 }, () => new Uint8Array(32)) }],
    };
    expect((await check(step, world))[0]).toMatchObject({ met: false });
    const log = (result: "explained" | "differs"): World["log"] => ({
      log: { format: "2.0", registers: "PCR", algorithms: [], events: [], end: 0, problems: [] },
      banks: [],
      comparison: [{ algorithm: "sha256", pcr: 8, result, reason: "" }],
    });
    expect((await check(step, { ...world, log: log("explained") }))[0]).toMatchObject({ met: true });
    expect((await check(step, { ...world, log: log("differs") }))[0]).toMatchObject({
      met: false,
      text: "PCR 8 was extended since the boot. Boot the good command line.",
    });
  });
});
