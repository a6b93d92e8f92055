/**
 * The kernel's own TPM self-tests (tools/testing/selftests/tpm2 of Debian's linux-source) in the guest, with each
 * register interface, and in Debian's QEMU with swtpm behind tpm-tis and tpm-crb: the same kernel, the same tests, the
 * same results. They are asked for by WEBTPM_SELFTESTS=1, and take minutes; the first run fetches the kernel's source.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { InterfaceName } from "../../../device/interfaces/interfaces.ts";
import { bootInNode } from "../boot.ts";
import { readGuestImages } from "../guest-images.ts";
import { type QemuTpm, startQemu } from "../qemu-machine.ts";
import { SCRIPTS, SELFTESTS, selftestsArchive } from "./guest.ts";

const BOOT_MS = 240_000;
/** Of all scripts, on a busy host; the standard library is compiled in the guest. */
const RUN_MS = 900_000;
const PREPARE_MS = 900_000;
const MEMORY = 256 * 2 ** 20;

const images = await readGuestImages("small");
let archive: Promise<Uint8Array> | undefined;
const open: (() => Promise<unknown>)[] = [];
afterAll(() => Promise.all(open.map((close) => close())));

/** Linux finds the second archive at the next multiple of four bytes. */
async function initrd(): Promise<Uint8Array> {
  archive ??= selftestsArchive();
  const behind = await archive;
  const start = (images.initrd!.length + 3) & ~3;
  const both = new Uint8Array(start + behind.length);
  both.set(images.initrd!);
  both.set(behind, start);
  return both;
}

/** What each script says, and its exit status; without the kernel's messages, which share the console. */
const COMMAND = [
  "export PATH=/bin:/usr/bin",
  `cd ${SELFTESTS}`,
  ...SCRIPTS.map((name) => `sh ./${name} > /tmp/${name}.out 2>&1; echo "$?" > /tmp/${name}.status`),
  "dmesg -n 1",
  ...SCRIPTS.map((name) => `echo ${name} status $(cat /tmp/${name}.status); cat /tmp/${name}.out`),
].join("; ");

/** Each test with what came of it, in order, and each script with its exit status. */
function results(output: string): string[] {
  const found = output.matchAll(
    /^(\w+) \(tpm2_tests\.(\w+)\.\w+\) \.\.\. (\w+)|^(test_\w+\.sh status \d+)/gm,
  );
  return Array.from(found, ([, name, suite, outcome, script]) => script ?? `${suite}.${name}: ${outcome}`);
}

async function ours(registers: InterfaceName, interrupt: boolean): Promise<string> {
  const machine = await bootInNode({
    kernelName: "small",
    interface: registers,
    interrupt,
    initrd: await initrd(),
    memorySize: MEMORY,
  });
  open.push(() => machine.close());
  await machine.serial.expect(images.prompt, BOOT_MS);
  return (await machine.serial.run(COMMAND, RUN_MS)).output;
}

const inQemu = new Map<QemuTpm, Promise<string>>();

/** Once for each device. */
function theirs(tpm: QemuTpm): Promise<string> {
  const known = inQemu.get(tpm) ?? runInQemu(tpm);
  inQemu.set(tpm, known);
  return known;
}

async function runInQemu(tpm: QemuTpm): Promise<string> {
  const { watch, send, ended, close } = await startQemu({
    memorySize: MEMORY,
    tpm,
    files: { kernel: images.kernel!, initrd: await initrd() },
    args: (path) => [...["-kernel", path("kernel"), "-initrd", path("initrd"), "-append", images.cmdline!]],
  });
  const work = async () => {
    await watch.expect([images.prompt], BOOT_MS);
    const from = watch.text.length;
    send(`${COMMAND}; echo "all ""done"\n`);
    await watch.expect(["all done\r\n"], RUN_MS);
    return watch.text.slice(from).replaceAll("\r", "");
  };
  return Promise.race([work(), ended]).finally(close);
}

describe.runIf(process.env.WEBTPM_SELFTESTS)("Linux's own TPM self-tests", () => {
  it.each([
    { registers: "TIS", interrupt: false, device: "tpm-tis" },
    { registers: "TIS", interrupt: true, device: "tpm-tis" },
    { registers: "CRB", interrupt: false, device: "tpm-crb" },
  ] as const)(
    "$registers, interrupt $interrupt: give what they give with QEMU's $device",
    {
      timeout: PREPARE_MS + 2 * (BOOT_MS + RUN_MS),
    },
    async ({ registers, interrupt, device }) => {
      const [here, there] = [await ours(registers, interrupt), await theirs(device)];
      console.log(`${registers}:\n${results(here).join("\n")}`);
      expect(results(there).filter((line) => line.includes("status"))).toHaveLength(SCRIPTS.length);
      expect(results(here), here).toEqual(results(there));
      // The tests of 6.12, of which none is left out by itself.
      expect(results(here).filter((line) => line.endsWith(": ok")).length).toBeGreaterThanOrEqual(14);
    },
  );
});
