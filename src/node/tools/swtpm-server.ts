/**
 * A byte channel of a swtpm, served over TCP as `swtpm socket` serves it: one client at a time, the next one waits
 * until the first has left, and the TPM goes on in between.
 */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { ByteChannel } from "../../backend/channel.ts";
import type { Protocol } from "./swtpm-requests.ts";

/** Only programs of this machine are served. */
const HOST = "127.0.0.1";
/** How long swtpm waits for the rest of a request, in milliseconds. */
const REST_MS = 500;

export interface ServerOptions {
  /** The channel's name, for people. */
  name: string;
  /** 0 takes a free one. */
  port: number;
  channel: ByteChannel;
  protocol: Protocol;
  /** What came from swtpm is no answer to what was asked: nothing further can be served. */
  onTrouble(error: Error): void;
}

/** A channel served on a port. */
export class SwtpmServer {
  readonly name: string;
  readonly port: number;
  readonly #options: ServerOptions;
  readonly #server: ReturnType<typeof createServer>;
  /** Clients; the first is served. */
  readonly #clients: Socket[] = [];
  #received = Buffer.alloc(0);
  /** Whose request swtpm works on; its answer is for nobody else. */
  #asking: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @throws when the port cannot be had. */
  static async listen(options: ServerOptions): Promise<SwtpmServer> {
    const { name, port } = options;
    const server = createServer({ noDelay: true, pauseOnConnect: true });
    server.listen(port, HOST);
    try {
      await once(server, "listening");
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new Error(`cannot listen on port ${port} for the ${name} channel: ${reason}`, { cause });
    }
    return new SwtpmServer(options, server);
  }

  private constructor(options: ServerOptions, server: ReturnType<typeof createServer>) {
    this.#options = options;
    this.#server = server;
    this.name = options.name;
    this.port = (server.address() as AddressInfo).port;
    options.channel.onData = (bytes) => this.#answer(bytes);
    server.on("connection", (socket: Socket) => this.#connected(socket));
  }

  /** Ends all connections and frees the port. */
  close(): void {
    clearTimeout(this.#timer);
    this.#server.close();
    for (const socket of this.#clients.splice(0)) socket.destroy();
  }

  #connected(socket: Socket): void {
    this.#clients.push(socket);
    // What is wrong with a connection ends it, which is all that matters here.
    socket.on("error", () => undefined);
    socket.on("close", () => this.#left(socket));
    if (this.#clients[0] === socket) this.#serve(socket);
  }

  #serve(socket: Socket): void {
    socket.on("data", (bytes: Buffer) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#next();
    });
    if (!this.#asking) socket.resume();
  }

  #left(socket: Socket): void {
    const served = this.#clients[0] === socket;
    this.#clients.splice(this.#clients.indexOf(socket), 1);
    if (!served) return;
    clearTimeout(this.#timer);
    this.#received = Buffer.alloc(0);
    const [next] = this.#clients;
    if (next) this.#serve(next);
  }

  /** Hands the next request over, if it is whole and none runs. */
  #next(): void {
    clearTimeout(this.#timer);
    const [client] = this.#clients;
    if (!client || this.#asking || this.#received.length === 0) return;
    const length = this.#options.protocol.requestLength(this.#received);
    if (length > 0) this.#send(client, length);
    else this.#timer = setTimeout(() => this.#incomplete(client), REST_MS);
  }

  /** The rest of a request does not come. */
  #incomplete(client: Socket): void {
    const fate = this.#options.protocol.incomplete(this.#received);
    if (fate === "pass") this.#send(client, this.#received.length);
    else if (fate === "close") client.destroy();
  }

  #send(client: Socket, length: number): void {
    const { protocol, channel } = this.#options;
    const request = Uint8Array.from(this.#received.subarray(0, length));
    this.#received = this.#received.subarray(length);
    this.#asking = client;
    client.pause();
    channel.send(protocol.begin(request));
  }

  #answer(chunk: Uint8Array): void {
    let answer: Uint8Array | undefined;
    try {
      answer = this.#options.protocol.answer(chunk);
    } catch (error) {
      this.#options.onTrouble(error as Error);
      return;
    }
    if (!answer) return;
    const asking = this.#asking;
    this.#asking = undefined;
    const [client] = this.#clients;
    if (client === asking) client?.write(answer);
    client?.resume();
    this.#next();
  }
}
