/**
 * Serves the swtpm in the hidden machine over TCP, as `swtpm socket` serves itself: what `npm run swtpm` and the package's
 * command `webtpm-swtpm` do. Where the machine's files come from is theirs.
 */

import { V86 } from "v86";
import type { ByteChannel, SwtpmChannels } from "../../backend/channel.ts";
import { ControlClient } from "../../backend/control-client.ts";
import { SwtpmEndedError } from "../../backend/hidden/errors.ts";
import { type HiddenImages, HiddenMachine } from "../../backend/hidden/machine.ts";
import { HIDDEN_TIMEOUTS } from "../../backend/hidden/timeouts.ts";
import { init } from "../../protocol/swtpm/index.ts";
import { v86Wasm } from "./node-machine.ts";
import { parseOptions, type SwtpmOptions, usage } from "./swtpm-options.ts";
import { ControlProtocol, DataProtocol } from "./swtpm-requests.ts";
import { SwtpmServer } from "./swtpm-server.ts";
import { UsageError } from "./usage-error.ts";

/** Signals that end the tool. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** The command that is run, and where it has the hidden machine from. */
export interface SwtpmCommand {
  /** As it is typed. */
  name: string;
  /** What the machine is restored from. */
  load(options: SwtpmOptions, stop: AbortSignal): Promise<HiddenImages>;
}

/**
 * Runs the tool until it is ended.
 * @param stop ends it, too.
 * @returns the exit code, as the usage text says.
 */
export async function runSwtpm(command: SwtpmCommand, args: string[], stop?: AbortSignal): Promise<number> {
  let options: SwtpmOptions | undefined;
  try {
    options = parseOptions(args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return misused(error, command);
  }
  if (!options) {
    console.log(usage(command.name));
    return 0;
  }
  const ending = new AbortController();
  const end = () => ending.abort();
  for (const signal of SIGNALS) process.once(signal, end);
  stop?.addEventListener("abort", end);
  try {
    await serve(command, options, ending.signal);
    return 0;
  } catch (error) {
    if (ending.signal.aborted) return 0;
    if (error instanceof UsageError) return misused(error, command);
    console.error(`swtpm: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    for (const signal of SIGNALS) process.off(signal, end);
  }
}

function misused({ message }: UsageError, { name }: SwtpmCommand): number {
  console.error(`swtpm: ${message}\n\n${usage(name)}`);
  return 2;
}

/** Serves until swtpm has ended, or `stop` says so. */
async function serve(command: SwtpmCommand, options: SwtpmOptions, stop: AbortSignal): Promise<void> {
  const { version } = options;
  const images = await command.load(options, stop);
  const machine = await HiddenMachine.boot({ V86, wasm: v86Wasm(), images });
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
