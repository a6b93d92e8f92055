import { describe, expect, it } from "vitest";
import { ConsoleWatch } from "./console.ts";

const watch = (text: string) => {
  const console = new ConsoleWatch();
  for (const character of text) console.take(character);
  return console;
};

describe("a kernel's lines about its TPM", () => {
  it.each([
    "tpm_tis MSFT0101:00: TPM interface timeout",
    "tpm_tis: probe of MSFT0101:00 failed with error -62",
    "tpm_tis MSFT0101:00: probe with driver tpm_tis failed with error -62",
    "tpm tpm0: A TPM error (256) occurred attempting the self test",
    "tpm tpm0: tpm_try_transmit: send(): error -62",
    "tpm tpm0: Operation Timed out",
    "tpm tpm0: TPM self test failed",
    "ima: No TPM chip found, activating TPM-bypass!",
  ])("%s", (line) => {
    expect(watch(`[    2.450504] ${line}\r\n`).trouble).toBe(line);
    expect(watch(`webtpm# [   93.450504][    T1] ${line}\r\n`).trouble).toBe(line);
    // A user's words are not the kernel's; those of a kernel without times are.
    expect(watch(`webtpm# echo ${line}\r\n${line}\r\n`).trouble).toBeUndefined();
    expect(watch(`Linux version 6.1\r\n${line}\r\n`).trouble).toBe(line);
  });

  it.each([
    "tpm_tis MSFT0101:00: 2.0 TPM (device-id 0x1, rev-id 1)",
    "ima: Can not allocate sha384 (reason: -2)",
    "tpm_tis MSFT0101:00: [Firmware Bug]: TPM interrupt not working, polling instead",
    "ACPI: TPM2 0x0000000007FFF530 00004C (v04 WEBTPM WEBTPM   00000001 WTPM 00000001)",
  ])("none of them: %s", (line) => {
    expect(watch(`[    2.450504] ${line}\r\n`).trouble).toBeUndefined();
  });

  it("the project's own guest says it in words of its own", () => {
    expect(watch("\r\nWebTPM guest, Linux 6.1.176-webtpm, no TPM\r\n").trouble).toContain("no TPM");
    expect(watch("\r\nWebTPM guest, Linux 6.1.176-webtpm, TPM 2.0\r\n").trouble).toBeUndefined();
  });
});

describe("a guest's death", () => {
  it.each([
    ["panic", "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100"],
    ["panic", "Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)"],
    ["panic", "Kernel panic - not syncing: IO-APIC + timer doesn't work!  Boot with apic=debug"],
    ["oops", "BUG: kernel NULL pointer dereference, address: 00000000"],
    ["oops", "BUG: unable to handle page fault for address: c0ffee00"],
    ["oops", "Oops: 0002 [#1] PREEMPT"],
    ["oops", "general protection fault, probably for non-canonical address: 0000 [#1] SMP"],
    ["oops", "kernel BUG at mm/slub.c:123!"],
  ])("%s: %s", (how, line) => {
    expect(watch(`[    1.204113] ${line}\r\n`).died).toEqual({ kind: "guest died", how, line });
    expect(watch(`webtpm# echo '${line}'\r\n${line}\r\n`).died).toBeUndefined();
  });

  it("is not a lockup that a busy host makes", () => {
    expect(
      watch("[   64.0] x\n[   64.100000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\n").died,
    ).toBeUndefined();
  });

  it("is told by its panic when an oops led to it", () => {
    const text =
      "[    1.000000] BUG: kernel NULL pointer dereference\n[    1.100000] Kernel panic - not syncing: Fatal exception\n";
    expect(watch(text).died).toMatchObject({
      how: "panic",
      line: "Kernel panic - not syncing: Fatal exception",
    });
  });

  it("was none where the shell takes commands; an oops was one", () => {
    const diedOf = (line: string) => watch(`[    1.000000] ${line}\nwebtpm# `).died;
    expect(diedOf("Kernel panic - not syncing: a test's words")).toBeUndefined();
    expect(diedOf("Oops: 0002 [#1]")).toMatchObject({ how: "oops" });
  });

  it("is one without a shell, by the first program's words", () => {
    expect(watch("init: cannot start /bin/busybox\n").died).toMatchObject({ how: "no shell" });
    expect(watch("webtpm# \ninit: cannot start /bin/busybox\n").died).toBeUndefined();
  });
});

describe("the shell", () => {
  it("has come with its prompt, control sequences or not", () => {
    expect(watch("\r\nwebtpm# \u001b[6n").shell).toBe(true);
    expect(watch("\r\nwebtpm#").shell).toBe(false);
    expect(watch("root@debian:~$ ").shell).toBe(true);
    expect(watch("[    1.000000] Oops: 0002 [#1] PREEMPT").shell).toBe(false);
  });
});
