/** `npm run swtpm`: serves the swtpm in the hidden machine over TCP, as `swtpm socket` serves itself. */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ByteChannel, SwtpmChannels } from "../backend/channel.ts";
import { ControlClient } from "../backend/control-client.ts";
import { SwtpmEndedError } from "../hidden/errors.ts";
import { printProgress } from "../images/progress.ts";
import { init } from "../swtpm/index.ts";
import { HIDDEN_TIMEOUTS, makeHiddenFiles, restoreHiddenMachine } from "./swtpm-machine.ts";
import { parseOptions, type SwtpmOptions, USAGE, UsageError } from "./swtpm-options.ts";
import { ControlProtocol, DataProtocol } from "./swtpm-requests.ts";
import { SwtpmServer } from "./swtpm-server.ts";

/** Signals that end the tool. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Runs the tool until it is ended.
 * @param stop ends it, too.
 * @returns the exit code, as the usage text says.
 */
export async function main(args: string[], stop?: AbortSignal): Promise<number> {
  let options: SwtpmOptions | undefined;
  try {
    options = parseOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`swtpm: ${error.message}\n\n${USAGE}`);
    return 2;
  }
  if (!options) {
    console.log(USAGE);
    return 0;
  }
  const ending = new AbortController();
  const end = () => ending.abort();
  for (const signal of SIGNALS) process.once(signal, end);
  stop?.addEventListener("abort", end);
  try {
    await serve(options, ending.signal);
    return 0;
  } catch (error) {
    if (ending.signal.aborted) return 0;
    console.error(`swtpm: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
  }
}

/** Serves until swtpm has ended, or `stop` says so. */
async function serve(options: SwtpmOptions, stop: AbortSignal): Promise<void> {
  const { version } = options;
  const progress = printProgress((line) => console.error(line));
  const machine = await restoreHiddenMachine(await makeHiddenFiles(progress, stop));
  const servers: SwtpmServer[] = [];
  try {
    const channels = await machine.start({ version });
    await new Promise<void>((resolve, reject) => {
      stop.addEventListener("abort", () => resolve());
      if (stop.aborted) resolve();
      channels.control.onClose = (error) => (isGood(error) ? resolve() : reject(error));
      listen(channels, options, servers, reject).then(
        () =>
          console.log(
            `ready: TPM ${version}, ${servers.map((server) => `${server.name} on port ${server.port}`).join(", ")}`,
          ),
        reject,
      );
    });
  } finally {
    for (const server of servers) server.close();
    await machine.stop();
  }
}

/** swtpm ended because it was told to. */
const isGood = (error: Error | undefined) => error instanceof SwtpmEndedError && error.status === 0;

/** Powers the TPM on, unless it is to stay off, and opens the ports. */
async function listen(
  { control, data }: SwtpmChannels,
  { port, controlPort, off }: SwtpmOptions,
  servers: SwtpmServer[],
  onTrouble: (error: Error) => void,
): Promise<void> {
  if (!off) await powerOn(control, onTrouble);
  const kinds = [
    { name: "data", port, channel: data, protocol: new DataProtocol() },
    { name: "control", port: controlPort, channel: control, protocol: new ControlProtocol() },
  ];
  for (const kind of kinds) servers.push(await SwtpmServer.listen({ ...kind, onTrouble }));
}

async function powerOn(control: ByteChannel, onTrouble: (error: Error) => void): Promise<void> {
  const client = new ControlClient(control, onTrouble);
  await client.exchange(init(0), HIDDEN_TIMEOUTS.control);
  // Its watchdog would keep the process alive.
  client.abort(new Error("no exchange is under way"));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}
