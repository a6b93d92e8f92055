/** QEMU and this project's qtest tool side by side, each with a swtpm of its own, and two more to tell what a TPM answers. */
import type { ChildProcess } from "node:child_process";
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { createInterface } from "node:readline";
import { startNativeBackend } from "../../src/node/bridge/native-backend.ts";
import type { Interface, Version } from "./interface.ts";
import { listenOnce, QtestPeer } from "./peer.ts";
import { appears, freePort, Processes } from "./processes.ts";
import type { Side, World } from "./sides.ts";
import { withTimeout } from "./timeout.ts";

const CONNECT_MS = 30_000;

/** A program with its qtest connection. */
interface Started {
  peer: QtestPeer;
  swtpm: ChildProcess;
  reset(): Promise<void>;
}

function swtpmArguments(processes: Processes, name: string, version: Version): string[] {
  const state = processes.path(name);
  mkdirSync(state);
  return ["socket", ...(version === "2.0" ? ["--tpm2"] : []), "--tpmstate", `dir=${state}`];
}

async function connection(listening: ReturnType<typeof listenOnce>, what: string): Promise<Socket> {
  return withTimeout(listening.connection, CONNECT_MS, `${what} does not connect`);
}

async function startQemu(processes: Processes, registers: Interface, version: Version): Promise<Started> {
  const control = processes.path("qemu-swtpm.control");
  const swtpm = processes.start("swtpm", [
    ...swtpmArguments(processes, "qemu-swtpm", version),
    ...["--ctrl", `type=unixio,path=${control}`],
  ]);
  await appears(control);
  const qtest = listenOnce(processes.path("qemu.qtest"));
  const qmp = listenOnce(processes.path("qemu.qmp"));
  await Promise.all([qtest.ready, qmp.ready]);
  processes.start("qemu-system-i386", [
    ...["-S", "-accel", "tcg", "-display", "none", "-nodefaults", "-m", "16"],
    ...["-qtest", `unix:${processes.path("qemu.qtest")}`, "-qtest-log", "/dev/null"],
    ...["-qmp", `unix:${processes.path("qemu.qmp")}`],
    ...["-chardev", `socket,id=swtpm,path=${control}`, "-tpmdev", "emulator,id=tpm,chardev=swtpm"],
    ...["-device", `${registers.qemu},tpmdev=tpm`],
  ]);
  const peer = new QtestPeer("QEMU", await connection(qtest, "QEMU"));
  await peer.ask("irq_intercept_in ioapic");
  return { peer, swtpm, reset: await qmpReset(await connection(qmp, "QEMU's monitor")) };
}

/** Greets QEMU's monitor. @returns a function that resets the machine. */
async function qmpReset(socket: Socket): Promise<() => Promise<void>> {
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const seen = async (what: string) => {
    for (let line = await lines.next(); !line.done; line = await lines.next()) {
      if (line.value.includes(what)) return;
    }
    throw new Error("QEMU has closed its monitor");
  };
  const tell = (command: string) => socket.write(`{"execute": "${command}"}\n`);
  tell("qmp_capabilities");
  await seen('"return"');
  return async () => {
    tell("system_reset");
    await withTimeout(seen('"event": "RESET"'), CONNECT_MS, "QEMU does not reset");
  };
}

async function startOurs(processes: Processes, registers: Interface, version: Version): Promise<Started> {
  const control = await freePort();
  const data = await freePort();
  const listens = processes.path("our-swtpm.pid");
  const swtpm = processes.start("swtpm", [
    ...swtpmArguments(processes, "our-swtpm", version),
    ...["--ctrl", `type=tcp,port=${control}`, "--server", `type=tcp,port=${data}`],
    ...["--pid", `file=${listens}`],
  ]);
  await appears(listens);
  const qtest = listenOnce(processes.path("ours.qtest"));
  await qtest.ready;
  const kind = ["--tpm", version, "--interface", registers.qtest];
  const options = ["--socket", processes.path("ours.qtest"), ...kind];
  const channels = ["--control", `127.0.0.1:${control}`, "--data", `127.0.0.1:${data}`];
  processes.start(process.execPath, ["--import", "tsx", "src/node/tools/qtest.ts", ...options, ...channels]);
  const peer = new QtestPeer("WebTPM", await connection(qtest, "the qtest tool"));
  await peer.ask("irq_intercept_in ioapic");
  const reset = async () => {
    await peer.ask("reset");
  };
  return { peer, swtpm, reset };
}

/** A running comparison; `close` ends everything. */
export interface ComparedWorld extends World {
  close(): Promise<void>;
}

export async function startWorld(registers: Interface, version: Version): Promise<ComparedWorld> {
  const processes = new Processes();
  const oracles: Awaited<ReturnType<typeof startNativeBackend>>[] = [];
  const close = async () => {
    await Promise.all(oracles.map(({ stop }) => stop()));
    await processes.close();
  };
  try {
    const qemu = await startQemu(processes, registers, version);
    const ours = await startOurs(processes, registers, version);
    for (let i = 0; i < 2; i++) oracles.push(await startNativeBackend({ version }));
    return {
      ...compose(
        registers,
        version,
        [qemu, ours],
        oracles.map(({ backend }) => backend),
      ),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type Oracle = Awaited<ReturnType<typeof startNativeBackend>>["backend"];

function compose(
  registers: Interface,
  version: Version,
  programs: [Started, Started],
  oracles: Oracle[],
): World {
  let noted = new Set<string>();
  const note = (id: string) => noted.add(id);
  const side = ({ peer }: Started, quirks: boolean, oracle: Oracle): Side => ({
    name: peer.name,
    model: registers.model(version, quirks, note),
    peer,
    respond: (locality, command) => oracle.deliver(locality, command),
  });
  const signal = (name: "SIGSTOP" | "SIGCONT") => {
    for (const { swtpm } of programs) swtpm.kill(name);
  };
  return {
    registers,
    sides: [side(programs[0], true, oracles[0]!), side(programs[1], false, oracles[1]!)],
    hold: () => signal("SIGSTOP"),
    release: () => signal("SIGCONT"),
    reset: async () => {
      await Promise.all([...programs, ...oracles].map((program) => program.reset()));
    },
    noted: () => {
      const result = noted;
      noted = new Set();
      return result;
    },
  };
}
