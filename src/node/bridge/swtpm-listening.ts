/** swtpm that listens on two TCP ports of the loopback interface, for clients that are not our child's parent. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { makeStateDirectory } from "./state-directory.ts";
import {
  findSwtpm,
  type SpawnSwtpmOptions,
  type SwtpmProcess,
  SwtpmStartError,
  superviseSwtpm,
  swtpmArguments,
} from "./swtpm-process.ts";

export interface ListeningSwtpm extends SwtpmProcess {
  controlPort: number;
  dataPort: number;
}

const HOST = "127.0.0.1";
/** Another process may take a port between our finding it free and swtpm's taking it. */
const ATTEMPTS = 3;
/** Milliseconds until swtpm must have its ports, and between two looks. */
const START_LIMIT = 10_000;
const LOOK_EVERY = 5;

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Starts swtpm on free TCP ports; it listens when this resolves. @throws {SwtpmStartError} */
export async function listenSwtpm(options: SpawnSwtpmOptions): Promise<ListeningSwtpm> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenOnce(options);
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}

async function listenOnce(options: SpawnSwtpmOptions): Promise<ListeningSwtpm> {
  const program = findSwtpm(options.program);
  const stateDir = options.stateDir ?? makeStateDirectory();
  const [controlPort, dataPort] = [await freePort(), await freePort()];
  // swtpm writes it when both sockets listen.
  const pidFile = join(stateDir, "swtpm.pid");
  const child = spawn(
    program,
    [
      ...swtpmArguments(options.version, stateDir),
      ...["--ctrl", `type=tcp,port=${controlPort}`, "--server", `type=tcp,port=${dataPort}`],
      ...["--pid", `file=${pidFile}`],
      ...(options.args ?? []),
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const swtpm = superviseSwtpm(child, options.version, stateDir, options.stateDir === undefined);
  let ended: string | undefined;
  void swtpm.exited.then((reason) => {
    ended = reason;
  });
  const deadline = Date.now() + START_LIMIT;
  while (!existsSync(pidFile)) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
    if (ended) throw new SwtpmStartError(ended);
    if (Date.now() > deadline) {
      await swtpm.stop();
      throw new SwtpmStartError(`swtpm did not listen within ${START_LIMIT / 1000} s`);
    }
  }
  return { ...swtpm, controlPort, dataPort };
}
