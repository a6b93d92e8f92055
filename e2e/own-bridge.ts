/** A bridge of a test's own: one that can be killed and started again, and one that is far away. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import WebSocket, { WebSocketServer } from "ws";
import { StartedProgram } from "./started-program.ts";

/** The bridge's command in a process of its own. */
export class OwnBridge {
  #program: StartedProgram | undefined;
  #port = 0;
  readonly #origin: string;

  /** @param origin of the page that may use it. */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /** E.g. "http://127.0.0.1:40123/tpm"; the same after each start. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/tpm`;
  }

  /** Resolves when the bridge can be used. */
  async start(): Promise<void> {
    const options = ["--port", `${this.#port}`, "--allow-origin", this.#origin];
    const args = ["--import", "tsx", "src/node/bridge/main.ts", ...options];
    this.#program = new StartedProgram(process.execPath, args);
    const [, port] = await this.#program.said(/http:\/\/[^/]*:(\d+)\/tpm/);
    this.#port = Number(port);
  }

  /** Process ids of the swtpm processes that it runs, oldest first. */
  swtpmProcesses(): number[] {
    const list = execFileSync("ps", ["-e", "-o", "pid=,ppid=,comm=", "--sort=start_time"], {
      encoding: "utf8",
    });
    const rows = list
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/));
    return rows.flatMap(([pid, parent, name]) =>
      name === "swtpm" && Number(parent) === this.#program?.pid ? [Number(pid)] : [],
    );
  }

  /** As a crash would end it. */
  kill(): Promise<void> {
    return this.#end("SIGKILL");
  }

  stop(): Promise<void> {
    return this.#end("SIGTERM");
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const program = this.#program;
    this.#program = undefined;
    await program?.stop(signal);
  }
}

/** Milliseconds that the answer to a TPM command is kept back, by the command. */
export type Delay = (command: Uint8Array) => number;

export interface SlowHop {
  /** The bridge's URL by way of the hop. */
  url: string;
  /** Delays there were so far. */
  readonly delays: readonly number[];
  stop(): void;
}

/** Answers without anything but a code: TPM_RC_SUCCESS, and "I am broken". */
const TPM_RC_SUCCESS = "80010000000a00000000";
const TPM_RC_FAILURE = "80010000000a00000101";

/**
 * Carries everything between pages and the bridge at `bridge`, and delays the TPM's answers.
 * @param refuses commands, with a bare code for an answer, that are said to have failed.
 */
export async function startSlowHop(
  bridge: string,
  delay: Delay,
  refuses: (command: Uint8Array) => boolean = () => false,
): Promise<SlowHop> {
  const delays: number[] = [];
  const { origin } = new URL(bridge);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { host: _, connection: __, ...headers } = request.headers;
    const answer = await fetch(new URL(request.url ?? "/", origin), {
      method: request.method ?? "GET",
      headers: headers as Record<string, string>,
      ...(chunks.length && { body: Buffer.concat(chunks) }),
    });
    const { "transfer-encoding": ___, ...kept } = Object.fromEntries(answer.headers);
    response.writeHead(answer.status, kept).end(Buffer.from(await answer.arrayBuffer()));
  });
  const sockets = new WebSocketServer({
    server,
    handleProtocols: (offered) => offered.values().next().value!,
  });
  sockets.on("connection", (page, { url, headers, headers: { origin: from } }) => {
    const offered = headers["sec-websocket-protocol"]?.split(/,\s*/) ?? [];
    const there = new WebSocket(new URL(url ?? "/", origin.replace(/^http/, "ws")), offered, {
      ...(from && { origin: from }),
    });
    const late = (command: Uint8Array) => delays[delays.push(delay(command)) - 1]!;
    if (url?.endsWith("/data")) carry(page, there, late, refuses);
    else carry(page, there);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tpm`,
    delays,
    stop: () => end(server, sockets),
  };
}

function carry(
  page: WebSocket,
  there: WebSocket,
  late: Delay = () => 0,
  refuses: (command: Uint8Array) => boolean = () => false,
): void {
  const early: Buffer[] = [];
  let pause = 0;
  let refused = false;
  page.on("message", (data: Buffer) => {
    pause = late(data);
    refused = refuses(data);
    if (there.readyState === WebSocket.OPEN) there.send(data);
    else early.push(data);
  });
  there.on("open", () => {
    for (const data of early.splice(0)) there.send(data);
  });
  there.on("message", (data: Buffer) => {
    const answer = refused ? failed(data) : data;
    setTimeout(() => page.send(answer), pause);
  });
  page.on("close", () => there.close());
  there.on("close", () => page.close());
  // The close that follows tells the other side.
  for (const socket of [page, there]) socket.on("error", () => undefined);
}

const failed = (answer: Buffer) =>
  Buffer.from(answer.toString("hex").replace(TPM_RC_SUCCESS, TPM_RC_FAILURE), "hex");

function end(server: Server, sockets: WebSocketServer): void {
  for (const client of sockets.clients) client.terminate();
  sockets.close();
  server.closeAllConnections();
  server.close();
}
