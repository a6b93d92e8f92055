/** Programs that run beside a test. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { join } from "node:path";
import type { Readable } from "node:stream";

const ROOT = join(import.meta.dirname, "..");

export interface StartOptions {
  /** Default: the project's folder. */
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

export class StartedProgram {
  readonly #child: ChildProcessByStdio<null, Readable, null>;
  readonly #name: string;
  readonly #ended: Promise<unknown>;

  constructor(program: string, args: readonly string[], { cwd = ROOT, env }: StartOptions = {}) {
    this.#name = program;
    this.#child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#ended = new Promise((resolve) => this.#child.once("exit", resolve).once("error", resolve));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Waits until what it prints from now on matches. @throws when it ends before that. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    let output = "";
    return new Promise((resolve, reject) => {
      this.#child.stdout.on("data", (text: Buffer) => {
        output += text;
        const match = pattern.exec(output);
        if (match) resolve(match);
      });
      this.#child.once("error", reject);
      this.#child.once("exit", (code) => reject(new Error(`${this.#name} ended with ${code}: ${output}`)));
    });
  }

  /** Ends it, where it still runs, and waits for that. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }
}

/** The page as `npm start` serves it, at a port of its own. */
export interface StartedPage {
  /** The page's address, with a slash at its end. */
  url: string;
  stop(): Promise<void>;
}

/** @param options further ones of `npm start` */
export async function startPage(...options: string[]): Promise<StartedPage> {
  const all = ["src/node/tools/run.mjs", "start", "--port", "0", "--no-open", "--no-kernel", ...options];
  const program = new StartedProgram(process.execPath, all);
  const [url] = await program.said(/^http:\S+$/m);
  return { url, stop: () => program.stop() };
}
