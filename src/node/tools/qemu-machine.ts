/** Debian's QEMU (TCG) as a quick PC: no devices but a serial port, what is asked for, and a swtpm behind its TPM. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithThisProcess } from "../bridge/children.ts";
import { OutputWatch } from "./bench-watch.ts";

/** QEMU or its swtpm did not start or has ended. */
export class QemuError extends Error {
  override name = "QemuError";
}

/** QEMU's devices for a PC's TPM, with the FIFO interface and with CRB. */
export type QemuTpm = "tpm-tis" | "tpm-crb";

export interface QemuOptions {
  /** Guest RAM in bytes. */
  memorySize: number;
  /** Files that the arguments name, by their names. */
  files: Readonly<Record<string, Uint8Array>>;
  /** More arguments. @param path the path of one of the files */
  args(path: (name: string) => string): string[];
  /** Its TPM's device, `tpm-tis` by default; false for a machine without a TPM. */
  tpm?: QemuTpm | false;
}

export interface QemuMachine {
  /** What the guest writes to its serial port. */
  watch: OutputWatch;
  /** `performance.now()` before swtpm and QEMU were started. */
  began: number;
  send(text: string): void;
  /** The path of one of the files. */
  path(name: string): string;
  /** Rejects when QEMU ends by itself. */
  ended: Promise<never>;
  /** Ends it, and removes its files. */
  close(): Promise<void>;
}

const SOCKET_LIMIT_MS = 10_000;
const MIB = 2 ** 20;
const SOCKET = "control";

const swtpmArguments = (directory: string) =>
  `socket --tpm2 --tpmstate dir=${directory} --ctrl type=unixio,path=${join(directory, SOCKET)}`.split(" ");

function qemuArguments(directory: string, { memorySize, args, tpm = "tpm-tis" }: QemuOptions): string[] {
  const device = [
    ...["-chardev", `socket,id=control,path=${join(directory, SOCKET)}`],
    ...["-tpmdev", "emulator,id=tpm,chardev=control", "-device", `${tpm},tpmdev=tpm`],
  ];
  return [
    ..."-accel tcg -machine pc -nodefaults -no-user-config -display none -no-reboot -serial stdio".split(" "),
    ...["-m", String(memorySize / MIB)],
    ...args((name) => join(directory, name)),
    ...(tpm ? device : []),
  ];
}

/** Starts it. @throws {QemuError} */
export async function startQemu(options: QemuOptions): Promise<QemuMachine> {
  const directory = mkdtempSync(join(tmpdir(), "webtpm-qemu-"));
  const removeFiles = () => rmSync(directory, { recursive: true, force: true });
  const children: ChildProcess[] = [];
  const forget: (() => void)[] = [];
  const start = (program: string, args: string[]) => {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    children.push(child);
    forget.push(endWithThisProcess(child, removeFiles));
    return child;
  };
  const close = async () => {
    await end(children);
    for (const off of forget) off();
    removeFiles();
  };
  try {
    for (const [name, bytes] of Object.entries(options.files)) writeFileSync(join(directory, name), bytes);
    const watch = new OutputWatch();
    const began = performance.now();
    if (options.tpm !== false) {
      const swtpm = start("swtpm", swtpmArguments(directory));
      await Promise.race([appears(join(directory, SOCKET)), ending(swtpm, "swtpm")]);
    }
    const qemu = start("qemu-system-i386", qemuArguments(directory, options));
    qemu.stdout.setEncoding("latin1").on("data", (text: string) => watch.feed(text));
    return {
      watch,
      began,
      send: (text) => void qemu.stdin.write(text),
      path: (name) => join(directory, name),
      ended: ending(qemu, "qemu-system-i386"),
      close,
    };
  } catch (error) {
    await close();
    throw error;
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
