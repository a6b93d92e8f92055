/** `npm run qtest`: serves the device, with a TPM behind it, to a program that speaks QEMU's qtest protocol. */
import { once } from "node:events";
import { realpathSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { REGISTERS } from "../../device/tis/registers.ts";
import { prepareBackend } from "./qtest-backend.ts";
import { parseOptions, type QtestOptions, USAGE } from "./qtest-options.ts";
import { QtestSession } from "./qtest-protocol.ts";
import { QtestTpm } from "./qtest-tpm.ts";
import { UsageError } from "./usage-error.ts";

/** Signals that end the tool. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs the tool until the connection closes.
 * @returns the exit code: 0 when the other side closed, 1 when something failed, 2 for wrong options.
 */
export async function main(args: string[]): Promise<number> {
  let options: QtestOptions | undefined;
  try {
    options = parseOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`qtest: ${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (!options) {
    console.log(USAGE);
    return 0;
  }
  try {
    await run(options);
    return 0;
  } catch (error) {
    console.error(`qtest: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
}

async function run({ socket: path, version, frontEnd, backend: choice }: QtestOptions): Promise<void> {
  const socket = await open(path);
  try {
    const { backend, stop } = await prepareBackend(choice, version);
    try {
      await serve(socket, await QtestTpm.start(backend, frontEnd));
    } finally {
      await stop();
    }
  } finally {
    socket.destroy();
  }
}

async function open(path: string): Promise<Socket> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    socket.on("error", (error) => console.error(`qtest: the connection broke: ${error.message}`));
    return socket;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot connect to the socket ${path} (${why}); something has to listen there first`, {
      cause: error,
    });
  }
}

/** Serves until the other side closes, or a signal ends it. */
async function serve(socket: Socket, tpm: QtestTpm): Promise<void> {
  const target = { device: tpm.device, irq: REGISTERS.INT_VECTOR.reset["2.0"], reset: () => tpm.reset() };
  const session = new QtestSession(target, (line) => socket.write(`${line}\n`));
  tpm.onIrq = (raised) => session.irq(raised);
  tpm.onTrouble = (message) => console.error(`qtest: ${message}`);
  const stop = () => socket.destroy();
  for (const signal of SIGNALS) process.once(signal, stop);
  socket.setEncoding("latin1").on("data", (text: string) => session.receive(text));
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  for (const signal of SIGNALS) process.off(signal, stop);
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
