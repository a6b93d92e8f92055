/** The command line of `npm run swtpm` and of the package's `webtpm-swtpm`. */
import { parseArgs } from "node:util";
import { UsageError } from "./usage-error.ts";

export interface SwtpmOptions {
  /** TCP ports; 0 takes a free one. */
  port: number;
  controlPort: number;
  version: "2.0" | "1.2";
  /** The TPM stays off until CMD_INIT. */
  off: boolean;
  /** Folder with the hidden machine's files. */
  images?: string;
}

/** @param command as it is typed */
export const usage = (
  command: string,
) => `usage: ${command} --port N --control-port N [--tpm 2.0|1.2] [--off] [--images FOLDER]

Runs Debian's swtpm in the hidden machine, as a page without a bridge does, and serves it on 127.0.0.1 as
\`swtpm socket\` does: one client at a time on each port, the next one when it has left. It is a new TPM each time;
swtpm_ioctl(8) saves and loads its state. With the control port right after the other one, tpm2-tools find both:

  ${command} --port 2321 --control-port 2322
  TPM2TOOLS_TCTI=swtpm:host=127.0.0.1,port=2321 tpm2_startup -c
  swtpm_ioctl --tcp 127.0.0.1:2322 -g

  --port N           port of the data channel: TPM commands and responses (0 takes a free one)
  --control-port N   port of the control channel (0 takes a free one)
  --tpm 2.0|1.2      the TPM's family (2.0)
  --off              leave the TPM off until CMD_INIT comes (swtpm_ioctl -i); otherwise it is powered on at once
  --images FOLDER    the hidden machine's files, as \`npm run images -- --out FOLDER\` puts them into a folder
  --help             show this

Prints "ready" with both ports once it can be used. A TPM 1.2 makes its RSA key while it is powered on, which takes
some seconds. Exit codes: 0 ended by SIGINT, SIGTERM or CMD_SHUTDOWN, 1 could not start or go on, 2 wrong usage.`;

/**
 * @returns `undefined` when help was asked for.
 * @throws {UsageError} in words.
 */
export function parseOptions(args: string[]): SwtpmOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const { tpm = "2.0" } = values;
  if (tpm !== "2.0" && tpm !== "1.2") throw new UsageError(`--tpm takes 2.0 or 1.2, not '${tpm}'`);
  const port = portNumber(values.port, "--port");
  const controlPort = portNumber(values["control-port"], "--control-port");
  if (port === controlPort && port !== 0) throw new UsageError("--port and --control-port are the same");
  return {
    port,
    controlPort,
    version: tpm,
    off: values.off ?? false,
    ...(values.images !== undefined && { images: values.images }),
  };
}

function parse(args: string[]) {
  const text = { type: "string" } as const;
  const flag = { type: "boolean" } as const;
  try {
    const options = {
      port: text,
      "control-port": text,
      tpm: text,
      images: text,
      off: flag,
      help: flag,
    } as const;
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function portNumber(value: string | undefined, option: string): number {
  if (value === undefined) throw new UsageError(`${option} N is missing`);
  if (!/^\d{1,5}$/.test(value) || Number(value) > 0xffff)
    throw new UsageError(`${option} takes a port number from 0 to 65535, not '${value}'`);
  return Number(value);
}
