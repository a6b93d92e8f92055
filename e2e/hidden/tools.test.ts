/**
 * Debian's own tools on this host against the hidden machine's TPM, each step compared with the same step on native
 * swtpm: exit code, output, messages, and the files that do not depend on chance. What depends on chance is masked by
 * rule (masks.ts); that such values are right is seen from what is done with them, e.g. by openssl.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { perform } from "./outcome.ts";
import { startHidden, startNative, type TpmServer } from "./servers.ts";
import { GROUPS, type Step } from "./steps.ts";

const scratch = mkdtempSync(join(tmpdir(), "webtpm-tools-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const asStep = (step: string | Step): Step => (typeof step === "string" ? { run: step } : step);

describe("tpm2-tools", () => {
  let native: TpmServer;
  let hidden: TpmServer;
  beforeAll(async () => {
    [native, hidden] = await Promise.all([
      startNative("2.0", ["--flags", "not-need-init"]),
      startHidden("2.0"),
    ]);
  });
  afterAll(async () => {
    await native?.stop();
    expect(await hidden?.stop()).toBe(0);
  });

  it.each(GROUPS)("$name", async ({ name, steps }) => {
    const folder = (tpm: string) => {
      const path = join(scratch, `${tpm}-${name.replace(/\W+/g, "-")}`);
      mkdirSync(path);
      return path;
    };
    const [here, there] = [folder("hidden"), folder("native")];
    for (const step of steps.map(asStep)) {
      const [inHidden, inNative] = await Promise.all([
        perform(step, hidden.port, here),
        perform(step, native.port, there),
      ]);
      expect(inHidden).toEqual(inNative);
      expect(inNative.code === 0, `native swtpm: ${step.run}\n${inNative.errors}`).toBe(!step.refused);
    }
  });
});
