/** A guest that uses the TPM without end, where the firmware's own commands are still followed. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { TPM_CC } from "../../protocol/tpm2/command-codes.ts";
import { BootCheck } from "./boot-check.ts";
import type { SeenCommand } from "./events.ts";
import { checkReplay, SeenExtends } from "./replay.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");
const ANSWER = Uint8Array.of(0x80, 1, 0, 0, 0, 10, 0, 0, 0, 0);

function command(name: string, code: number): SeenCommand & { response?: Uint8Array; responseCode?: number } {
  return { name, code, request: new Uint8Array(12), origin: "guest" };
}

function send(check: BootCheck, one: ReturnType<typeof command>): void {
  check.take({ type: "command", command: one });
  one.response = ANSWER;
  one.responseCode = 0;
  check.take({ type: "answered", command: one });
}

it("counts the commands of a boot loader without holding on to them", async () => {
  const check = new BootCheck();
  check.take({ type: "start", from: "power-on" });
  send(check, command("TPM2_Startup", TPM_CC.Startup));
  const sent = Array.from({ length: 2000 }, () => {
    const one = command("TPM2_GetRandom", TPM_CC.GetRandom);
    send(check, one);
    return new WeakRef(one);
  });
  // What a WeakRef was made of stays until the task has ended.
  await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  expect(sent.filter((ref) => ref.deref()).length).toBeLessThanOrEqual(2);
  expect(check.verdict).toMatchObject({
    kind: "checking",
    missing: expect.stringContaining("has measured nothing"),
  });
});

it("counts extends beyond those that it keeps", () => {
  const seen = new SeenExtends();
  const digests = [{ algorithm: 4, digest: new Uint8Array(20) }];
  for (let i = 0; i < 100_000; i++) seen.add({ pcr: 4, digests });
  expect(seen.count(4)).toBe(100_000);
  expect(seen.of(4)).toHaveLength(4096);
  const banks = [{ algorithm: "sha1", values: Array.from({ length: 24 }, () => new Uint8Array(20).fill(1)) }];
  const event = Uint8Array.from([4, 0, 0, 0, 0x0d, 0, 0, 0, ...new Uint8Array(20), 1, 0, 0, 0, 0x61]);
  expect(checkReplay(event, banks, seen).differs).toMatchObject({
    pcr: 4,
    reason: "99999 extends have no event in the log",
  });
});
