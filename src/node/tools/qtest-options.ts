/** The command line of `npm run qtest`. */

import { parseArgs } from "node:util";
import { CRB, crbFrontEnd } from "../../device/crb/front-end.ts";
import type { FrontEnd, TpmVersion } from "../../device/frontend/port.ts";
import { TIS } from "../../device/tis/front-end.ts";
import { own } from "../../protocol/bytes/own.ts";
import { BACKENDS, type BackendChoice } from "./qtest-backend.ts";
import { UsageError } from "./usage-error.ts";

export interface QtestOptions {
  /** Path of the Unix socket to connect to. */
  socket: string;
  version: Exclude<TpmVersion, "unspecified">;
  /** The registers that are served. */
  frontEnd: FrontEnd;
  backend: BackendChoice;
}

/** What `--interface` can name. */
const INTERFACES: Readonly<Record<string, FrontEnd>> = {
  tis: TIS,
  crb: CRB,
  "crb-one": crbFrontEnd({ localities: 1 }),
  "crb-chunks": crbFrontEnd({ chunks: true }),
};

export const USAGE = `usage: npm run qtest -- --socket PATH [--tpm 2.0|1.2] [--interface ${Object.keys(INTERFACES).join("|")}]
                      [--backend ${Object.keys(BACKENDS).join("|")} | --control HOST:PORT --data HOST:PORT]

Connects to the Unix socket PATH and serves the TPM's register interface there, over the line protocol of QEMU's
-qtest: readb, readw, readl ADDRESS; writeb, writew, writel ADDRESS VALUE; irq_intercept_in NAME. The line "reset"
is a power cycle. Ends when the other side closes the connection.

  --socket PATH         where to connect to
  --tpm 2.0|1.2         the TPM's family (2.0)
  --interface NAME      its registers: FIFO (tis, unless told otherwise); or, for a TPM 2.0, the command response
                        buffer (crb), with locality 0 alone as QEMU has it (crb-one), or with chunks (crb-chunks)
  --backend NAME        start the TPM: a swtpm process (swtpm, unless told otherwise), or swtpm in the
                        hidden machine, as a page without a bridge has it (hidden; needs \`npm run kernel\`)
  --control HOST:PORT   use a swtpm that listens already: its control channel ...
  --data HOST:PORT      ... and its data channel
  --help                show this`;

/**
 * @returns `undefined` when help was asked for.
 * @throws {UsageError} in words.
 */
export function parseOptions(args: string[]): QtestOptions | undefined {
  const values = parse(args);
  if (values.help) return undefined;
  const { socket, tpm = "2.0", interface: name = "tis" } = values;
  if (!socket) throw new UsageError("--socket PATH is missing");
  if (tpm !== "2.0" && tpm !== "1.2") throw new UsageError(`--tpm takes 2.0 or 1.2, not '${tpm}'`);
  const frontEnd = own(INTERFACES, name);
  if (!frontEnd)
    throw new UsageError(`--interface takes ${Object.keys(INTERFACES).join(" or ")}, not '${name}'`);
  if (tpm === "1.2" && frontEnd !== TIS)
    throw new UsageError(`a TPM 1.2 has no command response buffer: --interface ${name} is for a TPM 2.0`);
  return { socket, version: tpm, frontEnd, backend: backendChoice(values) };
}

interface Values {
  socket?: string | undefined;
  tpm?: string | undefined;
  interface?: string | undefined;
  backend?: string | undefined;
  control?: string | undefined;
  data?: string | undefined;
  help?: boolean | undefined;
}

function parse(args: string[]): Values {
  const text = { type: "string" } as const;
  try {
    const channels = { backend: text, control: text, data: text } as const;
    const options = { socket: text, tpm: text, interface: text, ...channels } as const;
    return parseArgs({ args, options: { ...options, help: { type: "boolean" } } }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function backendChoice({ backend, control, data }: Values): BackendChoice {
  if (control === undefined && data === undefined) {
    const name = backend ?? "swtpm";
    if (!Object.hasOwn(BACKENDS, name))
      throw new UsageError(`--backend takes ${Object.keys(BACKENDS).join(" or ")}, not '${name}'`);
    return { name };
  }
  if (backend !== undefined) throw new UsageError("--backend and --control/--data exclude each other");
  if (control === undefined || data === undefined) throw new UsageError("--control and --data go together");
  return { control: address(control, "--control"), data: address(data, "--data") };
}

function address(text: string, option: string): { host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (!match || port < 1 || port > 0xffff) throw new UsageError(`${option} takes HOST:PORT, not '${text}'`);
  return { host: match[1]!.replace(/^\[(.*)\]$/, "$1"), port };
}
