/**
 * A real swtpm with a proxy in front that keeps every command with its response. tpm2-tools reach it by the TCTI
 * `swtpm:host=127.0.0.1,port=N`, which takes port N for commands and N + 1 for control.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TraceEntry } from "../../src/protocol/export/trace.ts";

const HEADER = 10;
const START_LIMIT = 5000;

interface RecorderOptions {
  version?: "2.0" | "1.2";
}

export class RecordingTpm {
  readonly entries: TraceEntry[] = [];
  #port = 0;
  #servers: Server[] = [];
  #sockets = new Set<Socket>();

  private constructor(
    /** A directory of its own, for state and for files of the tools. */
    readonly directory: string,
    readonly process: ChildProcess,
  ) {}

  /** Port of the commands. */
  get port(): number {
    return this.#port;
  }

  /** Starts swtpm and the proxy. @throws {Error} when swtpm does not come up in time. */
  static async start({ version = "2.0" }: RecorderOptions = {}): Promise<RecordingTpm> {
    const directory = mkdtempSync(join(tmpdir(), "webtpm-decoder-"));
    const data = join(directory, "data.sock");
    const control = join(directory, "control.sock");
    const child = spawn("swtpm", [
      "socket",
      ...(version === "2.0" ? ["--tpm2"] : []),
      ...["--tpmstate", `dir=${directory}`, "--flags", "not-need-init"],
      ...["--server", `type=unixio,path=${data}`, "--ctrl", `type=unixio,path=${control}`],
    ]);
    const tpm = new RecordingTpm(directory, child);
    try {
      await appear(data, control);
      await tpm.#listenOnPair(
        (client) => tpm.#record(client, connect(data)),
        (client) => tpm.#forward(client, connect(control)),
      );
    } catch (error) {
      await tpm.stop();
      throw error;
    }
    return tpm;
  }

  /** What TPM2TOOLS_TCTI has to be. */
  get tcti(): string {
    return `swtpm:host=127.0.0.1,port=${this.port}`;
  }

  /** Runs a tool in the directory. @returns what it printed. @throws {Error} with its error output when it fails. */
  tool(program: string, args: readonly string[] = [], input?: Uint8Array): Promise<Buffer> {
    const child = spawn(program, args, {
      cwd: this.directory,
      env: { ...process.env, TPM2TOOLS_TCTI: this.tcti },
      timeout: 120_000,
    });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    child.stdout.on("data", (chunk) => output.push(chunk));
    child.stderr.on("data", (chunk) => errors.push(chunk));
    child.stdin.end(input);
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        if (code === 0) resolve(Buffer.concat(output));
        else reject(new Error(`${program} ended with ${code}: ${Buffer.concat(errors)}`));
      });
    });
  }

  /** Sends one command through the proxy, as tools do. */
  send(command: Uint8Array): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, "127.0.0.1", () => socket.write(command));
      socket.once("error", reject);
      collect(socket, (response) => {
        socket.end(() => resolve(response));
      });
    });
  }

  async stop(): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
    this.process.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Takes two ports in a row, as the TCTI wants them; tries again when the second is not free. */
  async #listenOnPair(commands: (client: Socket) => void, control: (client: Socket) => void): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const first = await listen(0, commands);
      this.#port = (first.address() as AddressInfo).port;
      try {
        this.#servers = [first, await listen(this.#port + 1, control)];
        return;
      } catch (error) {
        first.close();
        if (attempt === 10) throw error;
      }
    }
  }

  #forward(client: Socket, tpm: Socket): void {
    for (const [from, to] of [
      [client, tpm],
      [tpm, client],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (chunk) => to.write(chunk));
      from.on("end", () => to.end());
      from.on("error", () => to.destroy());
      from.on("close", () => this.#sockets.delete(from));
    }
  }

  /** Forwards like the control channel, and keeps whole messages of both directions. */
  #record(client: Socket, tpm: Socket): void {
    this.#forward(client, tpm);
    collect(client, (request) => this.entries.push({ time: Date.now(), request }));
    collect(tpm, (response) => {
      const entry = this.entries.at(-1);
      if (!entry || entry.response) return;
      entry.response = response;
      entry.duration = Date.now() - entry.time;
    });
  }
}

/** Waits until swtpm has opened its sockets. */
async function appear(...paths: readonly string[]): Promise<void> {
  for (const begin = Date.now(); !paths.every((path) => existsSync(path)); ) {
    if (Date.now() - begin > START_LIMIT) throw new Error("swtpm did not open its sockets within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function listen(port: number, serve: (client: Socket) => void): Promise<Server> {
  const server = createServer(serve);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

/** Calls back with each whole message, by the size in its header. */
function collect(socket: Socket, whole: (message: Uint8Array) => void): void {
  let pending = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= HEADER && pending.length >= pending.readUInt32BE(2)) {
      const size = Math.max(HEADER, pending.readUInt32BE(2));
      whole(new Uint8Array(pending.subarray(0, size)));
      pending = pending.subarray(size);
    }
  });
}
