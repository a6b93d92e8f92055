#!/usr/bin/env node
/** `webtpm-bridge`: the bridge as a server of its own. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { createServer, type ServerOptions } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Bridge, createBridge } from "./bridge.ts";
import { SwtpmStartError } from "./swtpm-process.ts";
import { asUsage, SOURCE_OPTIONS, sourceOf, UsageError } from "./tpms/options.ts";

const HELP = `Usage: webtpm-bridge [options]

Gives TPMs to virtual machines in browser tabs: starts one swtpm process for each session and carries its two
channels over WebSockets. The TPM's state is the page's; nothing is kept here. Or it serves a TPM that is there already.

  --port N             port to listen on (default 8766; 0 picks a free one)
  --host ADDRESS       address to listen on (default 127.0.0.1). With another one than loopback, other machines
                       are let in; put TLS in front of it then
  --path PATH          where the bridge is on the server (default /tpm)
  --allow-origin URL   pages of this origin may use the bridge, e.g. https://example.org; can be repeated;
                       "*" lets the pages of every site use it
  --allow-host NAME    a name by which the bridge may be addressed, beside localhost and addresses; can be repeated
  --public-url URL     URL of this very bridge for its clients, when a load balancer is in front of several
  --max-sessions N     sessions at a time (default 8)
  --idle-seconds N     end a session without a message for so long (default 86400; 0: never)
  --swtpm PROGRAM      the swtpm program (default: swtpm on the PATH)
  --connect DATA[,CONTROL]
                       serve an swtpm that runs already, at unix:/path or tcp:host:port; can be repeated, one session
                       each. Without its control channel it cannot be reset, saved or cancelled
  --chardev DEVICE     serve the TPM behind a character device with swtpm's ioctls, e.g. /dev/vtpm-test of swtpm_cuse,
                       to one page at a time
  --tpm DEVICE         serve this host's own TPM, e.g. /dev/tpmrm0 or /dev/tpm0, to one page at a time. It cannot be
                       reset or saved. --allow-origin has to name the page's origin; "*" is not taken
  --allow LIST         what pages may do with it: attest (default), use, all, or names of commands, e.g. use,NV_Write;
                       can be repeated
  --deny LIST          names of commands that pages may not use
  --cancel-path FILE   the kernel's file that cancels a command (default: found by itself)
  --handshake-seconds N
                       cut off a connection that has not said what it wants after so long (default 10)
  --log KIND           what to log: all (default), refusals, none
  --version            print the version
  --help               print this

Prints the bridge's URL once it can be used. Exit codes: 0 ended by SIGINT or SIGTERM, 1 could not start or go on,
2 wrong usage.
`;

const LOG_KINDS = ["all", "refusals", "none"];
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

function parse(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        port: { type: "string", default: "8766" },
        host: { type: "string", default: "127.0.0.1" },
        path: { type: "string", default: "/tpm" },
        "allow-origin": { type: "string", multiple: true, default: [] },
        "allow-host": { type: "string", multiple: true, default: [] },
        "public-url": { type: "string" },
        "max-sessions": { type: "string", default: "8" },
        "idle-seconds": { type: "string", default: "86400" },
        "handshake-seconds": { type: "string", default: "10" },
        ...SOURCE_OPTIONS,
        log: { type: "string", default: "all" },
        version: { type: "boolean" },
        help: { type: "boolean" },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

type Options = ReturnType<typeof parse>;

function wholeNumber(text: string, name: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} takes a whole number from ${least} to ${most}, not "${text}"`);
}

function isOrigin(text: string): boolean {
  return text === "*" || (URL.canParse(text) && new URL(text).origin === text);
}

function makeBridge(options: Options): Bridge {
  for (const origin of options["allow-origin"])
    if (!isOrigin(origin))
      throw new UsageError(`--allow-origin takes an origin like https://example.org, not "${origin}"`);
  if (!LOG_KINDS.includes(options.log)) throw new UsageError(`--log takes ${LOG_KINDS.join(", ")}`);
  if (!options.path.startsWith("/")) throw new UsageError(`--path begins with /, not "${options.path}"`);
  const publicUrl = options["public-url"];
  const source = sourceOf(options);
  if (publicUrl && !URL.canParse(publicUrl))
    throw new UsageError(`--public-url takes a URL, not "${publicUrl}"`);
  const bridge = {
    origins: options["allow-origin"],
    hosts: options["allow-host"],
    remote: !/^(localhost|127\..*|::1)$/.test(options.host),
    maxSessions: wholeNumber(options["max-sessions"], "max-sessions", 1, 10_000),
    idleSeconds: wholeNumber(options["idle-seconds"], "idle-seconds", 0, 31_536_000),
    ...(publicUrl ? { publicUrl } : {}),
    source,
    log: (line: string, kind: "session" | "refusal") => {
      if (options.log === "all" || (options.log === "refusals" && kind === "refusal"))
        console.log(`${new Date().toISOString()} ${line}`);
    },
  };
  return asUsage("--allow-origin", () => createBridge(bridge));
}

/** A request is some hundred bytes, head and body; whoever sends it byte by byte only holds a place. @param limit seconds */
function handshakeLimits(limit: number): ServerOptions {
  const milliseconds = limit * 1000;
  return {
    headersTimeout: milliseconds,
    requestTimeout: milliseconds,
    connectionsCheckingInterval: Math.ceil(milliseconds / 4),
  };
}

/** Listens until a signal comes. @returns the exit code. */
function serve(bridge: Bridge, options: Options, port: number, handshake: number): Promise<number> {
  const server = createServer(handshakeLimits(handshake), (_request, response) => {
    response.writeHead(404, { "Content-Type": "text/plain" }).end(`The bridge is at ${options.path}/\n`);
  });
  bridge.attach(server, options.path);
  return new Promise((resolve) => {
    const finish = async (code: number) => {
      server.close();
      await bridge.close();
      server.closeAllConnections();
      for (const signal of SIGNALS) process.off(signal, end);
      resolve(code);
    };
    const end = () => void finish(0);
    for (const signal of SIGNALS) process.on(signal, end);
    server.on("error", (error) => {
      console.error(`webtpm-bridge: cannot listen on ${options.host}:${port}: ${error.message}`);
      void finish(1);
    });
    server.listen(port, options.host, () => {
      const { address, port: actual, family } = server.address() as AddressInfo;
      console.log(`http://${family === "IPv6" ? `[${address}]` : address}:${actual}${options.path}`);
    });
  });
}

/** The command. @returns the exit code, once it is over. */
export async function main(args: string[]): Promise<number> {
  try {
    const options = parse(args);
    if (options.help) {
      console.log(HELP);
      return 0;
    }
    if (options.version) {
      console.log(packageVersion());
      return 0;
    }
    const port = wholeNumber(options.port, "port", 0, 65_535);
    const handshake = wholeNumber(options["handshake-seconds"], "handshake-seconds", 1, 3600);
    return await serve(makeBridge(options), options, port, handshake);
  } catch (error) {
    if (!(error instanceof UsageError) && !(error instanceof SwtpmStartError)) throw error;
    console.error(`webtpm-bridge: ${error.message}`);
    if (error instanceof SwtpmStartError) return 1;
    console.error("webtpm-bridge --help lists the options.");
    return 2;
  }
}

/** The version in the nearest package.json above this file, wherever it was built to. */
function packageVersion(): string {
  for (const up of ["..", "../..", "../../..", "../../../.."]) {
    try {
      const text = readFileSync(new URL(`${up}/package.json`, import.meta.url), "utf8");
      return (JSON.parse(text) as { version: string }).version;
    } catch {
      // Not here; one folder further up.
    }
  }
  return "unknown";
}

/** npm starts commands through a link. */
const started = process.argv[1] && existsSync(process.argv[1]) ? realpathSync(process.argv[1]) : undefined;
if (started && import.meta.url === pathToFileURL(started).href)
  process.exitCode = await main(process.argv.slice(2));
