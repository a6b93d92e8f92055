/** swtpm_ioctl and raw commands against `npm run swtpm`, each step compared with the same step on native swtpm. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { IOCTL_STEPS } from "./ioctl-steps.ts";
import { perform } from "./outcome.ts";
import { startHidden, startNative } from "./servers.ts";

const scratch = mkdtempSync(join(tmpdir(), "webtpm-ioctl-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe("swtpm_ioctl", () => {
  it.each(["2.0", "1.2"] as const)("and a TPM %s", async (version) => {
    const [native, hidden] = await Promise.all([startNative(version), startHidden(version, ["--off"])]);
    try {
      const folder = (tpm: string) => {
        const path = join(scratch, `${tpm}-${version}`);
        mkdirSync(path);
        return path;
      };
      const [here, there] = [folder("hidden"), folder("native")];
      for (const step of IOCTL_STEPS[version]) {
        const [inHidden, inNative] = await Promise.all([
          perform(step, hidden.port, here),
          perform(step, native.port, there),
        ]);
        expect(inHidden).toEqual(inNative);
        expect(inNative.code === 0, `native swtpm: ${step.run}\n${inNative.errors}`).toBe(!step.refused);
      }
      // The last step told both to end.
      expect(await native.exited).toBe(0);
      expect(await hidden.exited).toBe(0);
    } finally {
      await native.stop();
      await hidden.stop();
    }
  });
});
