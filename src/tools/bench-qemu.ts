/** The machine that the page's is compared with: Debian's QEMU (TCG) with a swtpm of its own behind `tpm-tis`. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithThisProcess } from "../bridge/children.ts";
import { type RawTimes, timeRawCommands } from "./bench-raw.ts";
import { OutputWatch } from "./bench-watch.ts";

/** QEMU or its swtpm did not start or has ended. */
export class QemuError extends Error {
  override name = "QemuError";
}

export interface QemuImages {
  kernel: Uint8Array;
  initrd: Uint8Array;
  cmdline: string;
  prompt: string;
  /** Guest RAM in bytes. */
  memorySize: number;
}

export interface QemuTimes {
  /** Milliseconds from the start of swtpm and QEMU to the shell's prompt. */
  shellMs: number;
  raw: RawTimes | undefined;
}

const BOOT_LIMIT_MS = 120_000;
const SOCKET_LIMIT_MS = 10_000;
const MIB = 2 ** 20;

const swtpmArguments = (directory: string, socket: string) =>
  `socket --tpm2 --tpmstate dir=${directory} --ctrl type=unixio,path=${socket}`.split(" ");

/** A quick QEMU: no graphics, no devices but the TPM and the serial port. */
function qemuArguments(directory: string, images: QemuImages, socket: string | undefined): string[] {
  const tpm = socket
    ? [
        ...["-chardev", `socket,id=control,path=${socket}`, "-tpmdev", "emulator,id=tpm,chardev=control"],
        ...["-device", "tpm-tis,tpmdev=tpm"],
      ]
    : [];
  return [
    ..."-accel tcg -machine pc -nodefaults -no-user-config -display none -no-reboot -serial stdio".split(" "),
    ...["-m", String(images.memorySize / MIB)],
    ...[
      "-kernel",
      join(directory, "kernel"),
      "-initrd",
      join(directory, "initrd"),
      "-append",
      images.cmdline,
    ],
    ...tpm,
  ];
}

/** Boots to the shell, with a TPM unless told otherwise and, if asked to, times raw TPM commands there. */
export async function timeQemu(
  images: QemuImages,
  { tpm = true, raw: withRaw = false }: { tpm?: boolean; raw?: boolean } = {},
): Promise<QemuTimes> {
  const directory = mkdtempSync(join(tmpdir(), "webtpm-bench-"));
  const removeFiles = () => rmSync(directory, { recursive: true, force: true });
  const children: ChildProcess[] = [];
  const forget: (() => void)[] = [];
  const start = (program: string, args: string[]) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    children.push(child);
    forget.push(endWithThisProcess(child, removeFiles));
    return child;
  };
  try {
    writeFileSync(join(directory, "kernel"), images.kernel);
    writeFileSync(join(directory, "initrd"), images.initrd);
    const socket = join(directory, "control");
    const watch = new OutputWatch();
    const began = performance.now();
    if (tpm) {
      const swtpm = start("swtpm", swtpmArguments(directory, socket));
      await Promise.race([appears(socket), ending(swtpm, "swtpm")]);
    }
    const qemu = start("qemu-system-i386", qemuArguments(directory, images, tpm ? socket : undefined));
    qemu.stdout.setEncoding("latin1").on("data", (text: string) => watch.feed(text));
    const measured = async (): Promise<QemuTimes> => {
      const [shell] = (await watch.expect([images.prompt], BOOT_LIMIT_MS)) as [number];
      const send = (text: string) => void qemu.stdin.write(text);
      const raw = withRaw ? await timeRawCommands(send, watch, images.prompt) : undefined;
      return { shellMs: shell - began, raw };
    };
    return await Promise.race([measured(), ending(qemu, "qemu-system-i386")]);
  } finally {
    await end(children);
    for (const off of forget) off();
    removeFiles();
  }
}

async function appears(path: string): Promise<void> {
  for (const began = performance.now(); !existsSync(path); await sleep(1)) {
    if (performance.now() - began > SOCKET_LIMIT_MS) throw new QemuError(`${path} does not appear`);
  }
}

/** Rejects when a child ends; whoever wins the race against it ends it. */
function ending(child: ChildProcess, name: string): Promise<never> {
  const lost = new Promise<never>((_, reject) => {
    child.once("error", (cause) =>
      reject(new QemuError(`${name} cannot be started: ${cause.message}`, { cause })),
    );
    child.once("exit", (code) => reject(new QemuError(`${name} has ended (exit code ${code})`)));
  });
  lost.catch(() => undefined);
  return lost;
}

async function end(children: readonly ChildProcess[]): Promise<void> {
  const running = children.filter(
    ({ pid, exitCode, signalCode }) => pid !== undefined && exitCode === null && signalCode === null,
  );
  const ended = running.map((child) => once(child, "exit"));
  for (const child of running) child.kill("SIGKILL");
  await Promise.all(ended);
}
