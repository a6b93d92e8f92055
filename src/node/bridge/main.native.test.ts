/** The command `webtpm-bridge` as a process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../protocol/bytes/hex.ts";
import { stateRoot } from "./state-directory.ts";
import { isAlive, startOverBridge, until } from "./test-server.ts";

const LIMIT = { timeout: 20_000 };
const MAIN = join(import.meta.dirname, "main.ts");

interface Command {
  child: ChildProcess;
  output: () => string;
  /** Exit code, or the signal that ended it. */
  ended: Promise<number | string>;
}

const commands: Command[] = [];
afterEach(async () => {
  for (const { child, ended } of commands.splice(0)) {
    child.kill("SIGKILL");
    await ended;
  }
});

function command(...args: string[]): Command {
  const child = spawn(process.execPath, ["--import", "tsx", MAIN, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (text) => {
    output += text;
  });
  child.stderr.on("data", (text) => {
    output += text;
  });
  const ended = once(child, "close").then(([code, signal]) => code ?? signal);
  const started = { child, output: () => output, ended };
  commands.push(started);
  return started;
}

async function listening(...args: string[]): Promise<Command & { url: string }> {
  const started = command("--port", "0", ...args);
  const url = () => /^http\S+$/m.exec(started.output())?.[0];
  await until(() => url() !== undefined, `the URL in "${started.output()}"`);
  return { ...started, url: url()! };
}

const swtpmPids = (output: string) =>
  Array.from(output.matchAll(/swtpm process (\d+)/g), ([, pid]) => Number(pid));

describe("webtpm-bridge", () => {
  it("explains itself", LIMIT, async () => {
    const help = command("--help");
    expect(await help.ended).toBe(0);
    for (const option of [
      "--port",
      "--host",
      "--allow-origin",
      "--max-sessions",
      "--idle-seconds",
      "--handshake-seconds",
      "--log",
      "--connect",
      "--chardev",
      "--tpm",
      "--allow",
      "--deny",
      "--version",
    ])
      expect(help.output()).toContain(option);
    const version = command("--version");
    expect(await version.ended).toBe(0);
    expect(version.output()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  it.each([
    [["--colour"], "Unknown option"],
    [["--port", "tpm"], "--port takes a whole number from 0 to 65535"],
    [["--tpm", "/dev/tpm0", "--allow-origin", "*"], "name the origin of each page that may use it"],
    [["--tpm", "/dev/tpm0", "--allow", "Qoute"], 'there is no command "Qoute"'],
    [["--tpm", "/dev/tpm0", "--connect", "unix:/a"], "--connect and --tpm are different TPMs"],
    [["--deny", "Clear"], "--allow, --deny and --cancel-path go with --tpm"],
    [["--connect", "127.0.0.1"], "--connect: an address is unix:/path or tcp:host:port"],
    [["--allow-origin", "example.org"], "--allow-origin takes an origin like https://example.org"],
    [["--log", "loud"], "--log takes all, refusals, none"],
  ])("ends with 2 after wrong usage: %j", LIMIT, async (args, words) => {
    const wrong = command(...args);
    expect(await wrong.ended).toBe(2);
    expect(wrong.output()).toContain(words);
  });

  it("ends with 1 when swtpm is missing, or the port is taken", LIMIT, async () => {
    const missing = command("--swtpm", "no-such-swtpm");
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const taken = command("--port", String((server.address() as { port: number }).port));
    expect(await missing.ended).toBe(1);
    expect(missing.output()).toContain("apt-get install swtpm");
    expect(await taken.ended).toBe(1);
    expect(taken.output()).toContain("EADDRINUSE");
    server.close();
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "serves a TPM until %s, and leaves nothing behind",
    LIMIT,
    async (signal) => {
      const bridge = await listening();
      const backend = await startOverBridge(bridge.url);
      const failed = new Promise<Error>((resolve) => {
        backend.onFailure = resolve;
      });
      expect(toHex(await backend.deliver(0, fromHex("80010000000c000001440000")))).toBe(
        "80010000000a00000000",
      );
      const [pid] = swtpmPids(bridge.output());
      const folders = stateDirectories(bridge.child.pid!);
      expect(folders).toHaveLength(1);
      bridge.child.kill(signal);
      expect(await bridge.ended).toBe(0);
      expect((await failed).message).toContain("the bridge is being shut down");
      expect(isAlive(pid!)).toBe(false);
      expect(folders.filter(existsSync)).toEqual([]);
      expect(bridge.output()).toMatch(/Z session \S{6} ended after/);
    },
  );

  it("that is killed takes its swtpm with it", LIMIT, async () => {
    const bridge = await listening("--log", "all");
    const backend = await startOverBridge(bridge.url);
    const [pid] = swtpmPids(bridge.output());
    expect(isAlive(pid!)).toBe(true);
    const folders = stateDirectories(bridge.child.pid!);
    expect(folders).toHaveLength(1);
    const failed = new Promise<Error>((resolve) => {
      backend.onFailure = resolve;
    });
    bridge.child.kill("SIGKILL");
    await bridge.ended;
    await failed;
    await until(() => !isAlive(pid!), "the end of swtpm");
    // It could not remove the folder any more; the next bridge does, as it starts.
    const next = await listening("--log", "refusals");
    expect(folders.filter(existsSync)).toEqual([]);
    const second = await startOverBridge(next.url);
    await second.shutdown();
    next.child.kill("SIGTERM");
    expect(await next.ended).toBe(0);
    expect(next.output()).not.toContain("session");
  });
});

function stateDirectories(pid: number): string[] {
  return readdirSync(stateRoot())
    .filter((name) => name.startsWith("webtpm-") && name.includes(`-${pid}-`))
    .map((name) => join(stateRoot(), name));
}
