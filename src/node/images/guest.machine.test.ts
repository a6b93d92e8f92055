/**
 * The images where they must work in any case: in QEMU with its own TPM device. What a page shows of the same guest
 * is compared with this.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { Cache } from "./cache.ts";
import { ImageSet, readImage } from "./image-set.ts";

/** For what never comes; a busy host is slow. */
const LIMIT_MS = 120_000;

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
});

function start(program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  cleanUps.push(() => child.kill("SIGKILL"));
  return child;
}

/** A guest at its prompt in QEMU. Gives what it printed until then, and a function that runs a command. */
async function boot(tpm: "2.0" | "1.2") {
  const set = new ImageSet(new Cache(), () => undefined);
  await set.prepare();
  const images = await set.read();
  const { manifest } = images;
  const directory = mkdtempSync(join(tmpdir(), "webtpm-guest-"));
  cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
  const file = async (name: string, image: Parameters<typeof readImage>[1]) => {
    writeFileSync(join(directory, name), await readImage(images, image));
    return join(directory, name);
  };
  const socket = join(directory, "control");
  const version = tpm === "2.0" ? ["--tpm2"] : [];
  start("swtpm", [
    "socket",
    "--tpmstate",
    `dir=${directory}`,
    "--ctrl",
    `type=unixio,path=${socket}`,
    ...version,
  ]);
  await vi.waitUntil(() => existsSync(socket), { interval: 20, timeout: LIMIT_MS });
  const qemu = start("qemu-system-i386", [
    ..."-accel tcg -display none -serial stdio -nic none -no-reboot -m 128".split(" "),
    ...["-kernel", await file("kernel", manifest.kernels[manifest.kernel]!), "-append", manifest.cmdline],
    ...["-initrd", await file("initrd", manifest.initrd)],
    ...["-chardev", `socket,id=control,path=${socket}`, "-tpmdev", "emulator,id=tpm,chardev=control"],
    ...["-device", "tpm-tis,tpmdev=tpm"],
  ]);
  let text = "";
  qemu.stdout?.on("data", (data: Buffer) => {
    text += data.toString("latin1");
  });
  const ended = new Promise<void>((resolve) => qemu.on("exit", () => resolve()));
  const prompt = async (): Promise<string> => {
    await vi.waitUntil(() => text.includes(manifest.prompt), { interval: 20, timeout: LIMIT_MS });
    const [before] = text.split(manifest.prompt) as [string];
    text = "";
    return before.replaceAll("\r", "");
  };
  const type = (line: string) => qemu.stdin?.write(`${line}\n`);
  const run = (command: string) => {
    type(command);
    return prompt();
  };
  return { greeting: await prompt(), run, type, ended };
}

/** PCR lines of tpm2_pcrread and of tpm2_eventlog's replay, made alike. */
function pcrs(text: string): Map<number, string> {
  const lines = text.matchAll(/^ *(\d+) *: 0x([0-9A-Fa-f]{64})$/gm);
  return new Map([...lines].map(([, index, value]) => [Number(index), value!.toLowerCase()]));
}

describe("the guest in QEMU", () => {
  test("finds a TPM 2.0, uses it, and its event log gives the PCRs", { timeout: LIMIT_MS }, async () => {
    const guest = await boot("2.0");
    expect(guest.greeting).toContain("TPM 2.0");
    const log = await guest.run("dmesg");
    expect(log).toMatch(/ACPI: TPM2 0x/);
    expect(log).toMatch(/tpm_tis MSFT0101:00: 2\.0 TPM \(device-id 0x1, rev-id 1\)/);
    expect(await guest.run("ls -l /dev/tpm0 /dev/tpmrm0")).toMatch(/c.* 10, 224 .*\/dev\/tpm0/);
    expect(await guest.run("tpm2_getrandom --hex 16")).toMatch(/[0-9a-f]{32}/);
    const read = pcrs(await guest.run("tpm2_pcrread sha256:0,1,2,3,4,5,6,7"));
    const replayed = pcrs(
      await guest.run("tpm2_eventlog /sys/kernel/security/tpm0/binary_bios_measurements"),
    );
    expect(read.size).toBe(8);
    expect(replayed).toEqual(read);
    const key = await guest.run(
      "tpm2_createprimary -G ecc -c k && tpm2_create -C k -G ecc -c s -Q && echo m > m",
    );
    expect(key).toContain("type:");
    expect(
      await guest.run("tpm2_sign -c s -o sig m && tpm2_verifysignature -c s -m m -s sig && echo good"),
    ).toMatch(/^good$/m);
    const nv =
      "tpm2_nvdefine 0x1500016 -s 6 -Q && echo hello | tpm2_nvwrite 0x1500016 -i - && tpm2_nvread 0x1500016 -s 6";
    expect(await guest.run(nv)).toMatch(/^hello$/m);
    for (const command of ["GetRandom", "PCR_Read", "PCR_Extend"]) {
      expect(await guest.run(`rawtpm ${command} 3`)).toMatch(
        new RegExp(`^rawtpm start ${command} 3\nrawtpm end ${command} 3$`, "m"),
      );
    }
    guest.type("poweroff");
    await guest.ended;
  });

  test("finds a TPM 1.2 and lists its registers", { timeout: LIMIT_MS }, async () => {
    const guest = await boot("1.2");
    expect(guest.greeting).toContain("TPM 1.2");
    const log = await guest.run("dmesg");
    expect(log).toMatch(/ACPI: TCPA .* 000032/);
    expect(log).toMatch(/tpm_tis 00:\d\d: 1\.2 TPM \(device-id 0x1, rev-id 1\)/);
    const values = await guest.run("cat /sys/class/tpm/tpm0/pcrs");
    expect(values.match(/^PCR-\d\d: ([0-9A-F]{2} ){20}$/gm)).toHaveLength(24);
    expect(await guest.run("rawtpm PCR_Extend 3")).toContain("rawtpm end PCR_Extend 3");
  });
});
