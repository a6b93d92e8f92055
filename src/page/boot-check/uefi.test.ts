/** UEFI firmware, told with a real log of it: what it sends is its own until its log says that it has handed over. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseEventLog } from "../../protocol/eventlog/index.ts";
import { FAILURE, ToldBoot } from "./testing.ts";

const LOG = new Uint8Array(
  readFileSync(new URL("../../protocol/eventlog/testdata/efi-grub.bin", import.meta.url)),
);
const EVENTS = parseEventLog(LOG).events.length;
/** edk2 asks which family the TPM is of: TPM_GetTicks of TPM 1.2. */
const GET_TICKS = "00c10000000a000000f1";
/** And before each extend, for its banks. */
const GET_CAPABILITY = "80010000001600" + "00017a000000050000000000000001";
const PANIC = "[    1.000000] Linux version 6.1.0\n";

const told = () => new ToldBoot(LOG, "2.0", { firmware: "uefi" }).send([GET_TICKS], FAILURE["2.0"]).start();

describe("a boot with UEFI", () => {
  it("is measured when log and PCRs agree and the firmware has handed over, not before", () => {
    const boot = told().measure(EVENTS - 2);
    const half = LOG.subarray(0, parseEventLog(LOG).events.at(-2)!.offset);
    boot.write(half).read().send([GET_CAPABILITY]);
    // All of PCR 0 to 7 have their separators by now, and more is to come.
    expect(boot.check.verdict).toMatchObject({
      kind: "checking",
      missing: expect.stringContaining("so far"),
    });
    boot.measure().write(LOG).read();
    expect(boot.kind).toBe("measured");
    boot.linux();
    expect(boot.check.verdict).toMatchObject({
      kind: "measured",
      checks: expect.arrayContaining(["The operating system uses the TPM."]),
    });
  });

  it("is not measured when a system runs and the firmware has stopped before", () => {
    const boot = told().measure(8);
    const part = LOG.subarray(0, parseEventLog(LOG).events[8]!.offset);
    boot.write(part).read().say(PANIC);
    expect(boot.check.wantsAllTold).toBe(true);
    boot.check.take({ type: "all told" });
    expect(boot.check.verdict).toMatchObject({ kind: "firmware gave up", how: "stopped" });
  });

  it("is not taken for a BIOS's, whose first command is its start", () => {
    const boot = new ToldBoot(LOG, "2.0").send([GET_TICKS], FAILURE["2.0"]).start();
    expect(boot.check.verdict).toMatchObject({ kind: "firmware gave up", how: "absent" });
  });
});
