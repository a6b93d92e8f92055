/** Synthetic images; boot.machine.test.ts looks into the real one. */
import { describe, expect, it } from "vitest";
import { ByteWriter } from "../../protocol/bytes/writer.ts";
import { inspectFirmware } from "./inspect.ts";
import { table } from "./table.ts";

const dsdt = table("DSDT", 1, new Uint8Array(200).fill(0x5a));
const menu = new ByteWriter().ascii("t. TPM Configuration\0");
const image = (...parts: Uint8Array[]) =>
  parts
    .reduce((writer, part) => writer.zeros(33).bytes(part), new ByteWriter())
    .zeros(64)
    .finish();

describe("inspectFirmware", () => {
  it("finds the TPM menu, the tables and the release", () => {
    const release = new ByteWriter().ascii("1.16.2-debian-1.16.2-1\0").finish();
    expect(inspectFirmware(image(menu.finish(), release, dsdt))).toEqual({
      version: "1.16.2-debian-1.16.2-1",
      tpm: true,
      acpi: true,
      problem: undefined,
    });
  });

  it("is not taken in by the word DSDT in code and messages", () => {
    const words = new ByteWriter().ascii("DSDT=%p\n\0ACPI: parse DSDT at %p (len %d)").finish();
    const broken = dsdt.with(50, 0);
    const found = inspectFirmware(image(menu.finish(), words, broken));
    expect([found.acpi, found.version]).toEqual([false, undefined]);
    expect(found.problem).toContain("take SeaBIOS 1.16");
  });

  it("names the image to take where there is no TPM support", () => {
    expect(inspectFirmware(image(dsdt)).problem).toContain("bios-256k.bin");
    expect(inspectFirmware(new Uint8Array(0)).acpi).toBe(false);
  });
});
