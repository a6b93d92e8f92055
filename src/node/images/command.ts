/** Runs other programs: output line by line, the end as a promise, failures in words. */
import { type SpawnOptions, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program failed or is not there. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Called for each line of standard output. */
  onLine?: (line: string) => void;
  /** Called for each line of standard error. */
  onErrorLine?: (line: string) => void;
  /** Ends the program and everything that it started. */
  signal?: AbortSignal;
  /** Where standard output goes instead of into the result. */
  stdout?: number;
}

const KEPT_LINES = 40;

/**
 * Runs `program` and gives its standard output.
 * @throws {CommandError} with the last lines that the program printed.
 */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const spawnOptions: SpawnOptions = {
    cwd: options.cwd,
    env: { ...process.env, LC_ALL: "C", ...options.env },
    stdio: ["ignore", options.stdout ?? "pipe", "pipe"],
    // A group of its own, so that `make` can be ended with all its compilers.
    detached: true,
  };
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, spawnOptions);
    const output: string[] = [];
    const tail: string[] = [];
    const keep = (line: string) => {
      tail.push(line);
      if (tail.length > KEPT_LINES) tail.shift();
    };
    const stop = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
      } catch {
        // It has just ended by itself.
      }
    };
    options.signal?.addEventListener("abort", stop, { once: true });
    process.once("exit", stop);
    if (child.stdout) {
      createInterface({ input: child.stdout }).on("line", (line) => {
        if (options.onLine) options.onLine(line);
        else output.push(line);
        keep(line);
      });
    }
    if (child.stderr) {
      createInterface({ input: child.stderr }).on("line", (line) => {
        options.onErrorLine?.(line);
        keep(line);
      });
    }
    const settle = (error?: Error) => {
      options.signal?.removeEventListener("abort", stop);
      process.removeListener("exit", stop);
      if (error) reject(error);
      else resolve(output.join("\n"));
    };
    child.on("error", (cause) =>
      settle(new CommandError(`${program} could not be started: ${cause.message}`, { cause })),
    );
    child.on("close", (code, signal) => {
      if (code === 0) return settle();
      const how = options.signal?.aborted ? "was stopped" : `failed (${signal ?? `exit code ${code}`})`;
      settle(new CommandError(`${program} ${args.slice(0, 6).join(" ")} ${how}:\n${tail.join("\n")}`));
    });
  });
}
