/**
 * `npm start`: makes the images that are missing, serves the page and the bridge on loopback, prints the URL, and
 * builds the small kernel and the UEFI firmware in the background.
 */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createServer, type PreviewServer, preview, type ViteDevServer } from "vite";
import { Cache } from "../images/cache.ts";
import { ImageSet } from "../images/image-set.ts";
import { printProgress } from "../images/progress.ts";
import { complain } from "./complain.ts";
import { embeddersOf, pageHeaders } from "./page-headers.ts";
import { servedPage } from "./served-page.ts";
import { endOnSignal } from "./signals.ts";
import { UsageError } from "./usage-error.ts";

const HELP = `Usage: npm start [-- OPTIONS]

Serves the page and the bridge to swtpm on this machine, and prints the URL to open.

  --port N          port to listen on (default: 5173; 0 takes a free one)
  --tpm 2.0|1.2     the TPM that the page starts with (default: 2.0)
  --embed ORIGIN    let pages of this origin show the page in a frame; may be given several times, * lets all
  --no-open         do not open a browser
  --no-kernel       build nothing in the background: neither the small kernel nor the UEFI firmware
  --watch           serve the sources as they are, and load the page anew as they change
  --help            show this text
`;

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const DEFAULT_PORT = 5173;

function options() {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      tpm: { type: "string", default: "2.0" },
      embed: { type: "string", multiple: true },
      "no-open": { type: "boolean" },
      "no-kernel": { type: "boolean" },
      watch: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  const port = values.port === undefined ? DEFAULT_PORT : Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new UsageError(`--port ${values.port}: a number from 0 to 65535 is wanted`);
  }
  if (values.tpm !== "2.0" && values.tpm !== "1.2") {
    throw new UsageError(`--tpm ${values.tpm}: either 2.0 or 1.2 is wanted`);
  }
  return {
    port,
    tpm: values.tpm,
    embed: embeddersOf(values.embed),
    open: !values["no-open"],
    builds: !values["no-kernel"],
    watch: values.watch ?? false,
    help: values.help,
  };
}

interface Served {
  port: number;
  watch: boolean;
  embed: string[];
}

/** The page, built; with `watch` its sources, through Vite's development server. */
async function serve({ port, watch, embed }: Served, cache: Cache): Promise<ViteDevServer | PreviewServer> {
  const page = { root: ROOT, logLevel: "warn" } as const;
  const listening = { port, strictPort: true, headers: pageHeaders({ embed }) };
  try {
    if (!watch) {
      const outDir = await servedPage(cache, () => console.log("Page: building it from the sources"));
      return await preview({ ...page, build: { outDir }, preview: listening });
    }
    const server = await createServer({ ...page, server: listening });
    return await server.listen().catch(async (error) => {
      await server.close();
      throw error;
    });
  } catch (error) {
    if ((error as Error).message.includes("already in use")) {
      throw new UsageError(`Port ${port} is in use. Choose another: npm start -- --port ${port + 1}`);
    }
    throw error;
  }
}

function pageUrl(server: ViteDevServer | PreviewServer, tpm: string): string {
  const base = server.resolvedUrls?.local[0];
  if (!base) throw new Error("the server does not say where it listens");
  return tpm === "2.0" ? base : `${base}?tpm=${tpm}`;
}

/** Opens a browser where there is a display; says nothing where there is none. */
function openBrowser(url: string): void {
  if (!process.env.DISPLAY && !process.env.WAYLAND_DISPLAY) return;
  spawn("xdg-open", [url], { stdio: "ignore", detached: true })
    .on("error", () => undefined)
    .unref();
}

/** What is made in the background, one after the other: `src/node/tools/<tool>.ts` each. */
interface BackgroundWork {
  tool: string;
  begins: string;
  done: string;
  failed: string;
}

const KERNEL: BackgroundWork = {
  tool: "kernel",
  begins:
    "The small kernel and the saved machines are being made in the background.\n" +
    "Until the kernel is there the page boots Debian's own, which takes longer.",
  done: "The small kernel is ready: the next boot takes it.",
  failed: "The small kernel could not be built. The page goes on with Debian's own.",
};
const FIRMWARE: BackgroundWork = {
  tool: "firmware",
  begins: "The UEFI firmware, and disks that it starts from, are being made in the background.",
  done: "The UEFI firmware is ready.",
  failed: "The UEFI firmware could not be built. The page goes on with a BIOS.",
};

/**
 * Runs a tool in a process of its own, which builds at the lowest priority. It outlives neither this process nor an
 * error: the next `npm start` begins again.
 */
function inBackground(work: BackgroundWork, cache: Cache, signal: AbortSignal): Promise<void> {
  const path = join(cache.root, `${work.tool}-build.log`);
  const log = openSync(path, "w");
  const tool = join(ROOT, `src/node/tools/${work.tool}.ts`);
  const child = spawn(process.execPath, [...process.execArgv, tool, "--verbose"], {
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  signal.addEventListener("abort", () => child.kill("SIGTERM"));
  console.log(`${work.begins} (log: ${path})`);
  return new Promise((resolve) => {
    child.on("error", (error) => {
      console.error(`Nothing can be made in the background: ${error.message}`);
      resolve();
    });
    child.on("exit", (code) => {
      if (signal.aborted) return;
      if (code === 0) console.log(work.done);
      else console.error(`${work.failed} See ${path}.`);
      resolve();
    });
  });
}

async function makeTheRest(set: ImageSet, cache: Cache, signal: AbortSignal): Promise<void> {
  if (!(await set.isComplete())) await inBackground(KERNEL, cache, signal);
  if (!(await set.isUefiComplete())) await inBackground(FIRMWARE, cache, signal);
}

async function main(): Promise<void> {
  const { port, tpm, embed, open, builds, watch, help } = options();
  if (help) return void console.log(HELP);
  const signal = endOnSignal();
  const cache = new Cache();
  const set = new ImageSet(cache, printProgress());
  await set.prepare();
  signal.throwIfAborted();
  const server = await serve({ port, watch, embed }, cache);
  signal.addEventListener("abort", () => {
    server.close().then(
      () => process.exit(),
      (error: Error) => {
        console.error(error.message);
        process.exit();
      },
    );
  });
  if (builds) makeTheRest(set, cache, signal).catch((error: Error) => console.error(error.message));
  const url = pageUrl(server, tpm);
  console.log("WebTPM is ready. Open this page (Ctrl-C ends):");
  console.log(url);
  if (open) openBrowser(url);
}

main().catch(complain);
