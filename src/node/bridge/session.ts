/** One session of the bridge: a TPM that is its own meanwhile, and the two WebSockets that lead to it. */
import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import { BRIDGE_CLOSE } from "../../backend/bridge-protocol.ts";
import { checkCommandMessage, DataMessageError, ResponseAssembler } from "../../protocol/swtpm/data.ts";
import type { ServedTpm } from "./tpms/source.ts";

export type ChannelName = "control" | "data";

/** The largest message in bytes. A state blob fits in one control message; TPM commands are at most a few KiB. */
export const MAX_MESSAGE: Record<ChannelName, number> = { control: 1 << 20, data: 1 << 14 };

/** Bytes of swtpm's that may wait for a client that does not read; swtpm waits from then on. */
const MOST_UNREAD = 1 << 20;

/** A close frame carries at most 123 bytes of reason (RFC 6455, section 5.5). */
const MAX_REASON = 123;

export class BridgeSession {
  /** Unguessable: whoever knows it may use the session. */
  readonly id = randomBytes(24).toString("base64url");
  /** What logs show of the id. */
  readonly label = this.id.slice(0, 6);
  readonly startedAt = Date.now();
  /** Resolves with the reason once the session is over and its TPM left. */
  readonly ended: Promise<string>;

  readonly #tpm: ServedTpm;
  readonly #sockets = new Map<ChannelName, WebSocket>();
  readonly #alive = new WeakSet<WebSocket>();
  /** Channels on which swtpm takes nothing now, with the looks since: their clients wait. */
  readonly #held = new Map<ChannelName, number>();
  readonly #responses = new ResponseAssembler(MAX_MESSAGE.data);
  #lastMessage = Date.now();
  #commandRuns = false;
  #end!: (reason: string) => void;
  #over = false;

  constructor(tpm: ServedTpm) {
    this.#tpm = tpm;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const { control, data } = tpm.channels;
    control.onData = (bytes) => this.#pass("control", bytes);
    data.onData = (bytes) => this.#answer(bytes);
    for (const name of ["control", "data"] as const)
      tpm.channels[name].onDrain = () => {
        if (this.#held.delete(name)) this.#sockets.get(name)?.resume();
      };
    void tpm.lost.then((reason) => this.end(BRIDGE_CLOSE.SWTPM_ENDED, reason));
  }

  /** What serves, for people. */
  get server(): string {
    return this.#tpm.server;
  }

  /** Both sockets are there. */
  get complete(): boolean {
    return this.#sockets.size === 2;
  }

  has(name: ChannelName): boolean {
    return this.#sockets.has(name);
  }

  /** Milliseconds since the last message from the client. */
  get idle(): number {
    return Date.now() - this.#lastMessage;
  }

  attach(name: ChannelName, socket: WebSocket): void {
    if (this.#over) {
      close(socket, BRIDGE_CLOSE.PARTNER_CLOSED, "the session has just ended");
      return;
    }
    this.#sockets.set(name, socket);
    this.#alive.add(socket);
    socket.on("message", (message: Buffer, binary: boolean) => this.#receive(name, message, binary));
    socket.on("pong", () => this.#alive.add(socket));
    // `ws` closes the socket itself, e.g. with 1009 after too large a message.
    socket.on("error", (error) => this.end(BRIDGE_CLOSE.BAD_MESSAGE, `${name} channel: ${error.message}`));
    socket.on("close", (code, reason) =>
      this.end(
        BRIDGE_CLOSE.PARTNER_CLOSED,
        `the ${name} channel was closed (${reason.length > 0 ? reason : code})`,
      ),
    );
  }

  /**
   * Notices clients that vanished without a word, and an swtpm that takes nothing. Call it every so often; both have
   * until the next call.
   */
  checkPulse(): void {
    for (const [name, socket] of this.#sockets) {
      const looks = this.#held.get(name);
      if (looks !== undefined) {
        // While nothing is read from its client, no sign of life is either.
        this.#held.set(name, looks + 1);
        this.#alive.add(socket);
        if (looks > 0)
          this.end(BRIDGE_CLOSE.SWTPM_ENDED, `swtpm takes nothing from its ${name} channel any more`);
      } else if (this.#alive.delete(socket)) socket.ping();
      else this.end(BRIDGE_CLOSE.PARTNER_CLOSED, `the ${name} channel's client does not answer any more`);
    }
  }

  /** Ends the session: both sockets, and the TPM is left. */
  end(code: number, reason: string): void {
    if (this.#over) return;
    this.#over = true;
    for (const socket of this.#sockets.values()) {
      // Its client's own close is read, too.
      socket.resume();
      close(socket, code, reason);
    }
    void this.#tpm.stop().then(() => this.#end(reason));
  }

  #receive(name: ChannelName, message: Buffer, binary: boolean): void {
    if (this.#over) return;
    this.#lastMessage = Date.now();
    // As good as an answer to a ping, which may be behind much that is on its way.
    const socket = this.#sockets.get(name);
    if (socket) this.#alive.add(socket);
    try {
      if (!binary) throw new DataMessageError(`text came on the ${name} channel, which carries bytes`);
      if (name === "data") this.#checkCommand(message);
      const channel = this.#tpm.channels[name];
      channel.send(message);
      if (channel.full && !this.#held.has(name)) {
        this.#held.set(name, 0);
        socket?.pause();
      }
    } catch (error) {
      if (error instanceof DataMessageError) this.end(BRIDGE_CLOSE.BAD_MESSAGE, error.message);
      // Else swtpm's sockets are closed; that it has ended, and why, is about to be known.
    }
  }

  /** One whole command, and never a second one before the answer: swtpm would take them for one. */
  #checkCommand(message: Buffer): void {
    if (this.#commandRuns) throw new DataMessageError("a second command came before the answer to the first");
    const { framed } = checkCommandMessage(message);
    this.#commandRuns = true;
    this.#responses.begin(framed);
  }

  /** Carries the response on, and notes when it is whole. */
  #answer(bytes: Uint8Array): void {
    try {
      if (this.#responses.push(bytes)) this.#commandRuns = false;
      this.#pass("data", bytes);
    } catch (error) {
      this.end(BRIDGE_CLOSE.SWTPM_ENDED, (error as Error).message);
    }
  }

  /** Carries swtpm's bytes to the client, no faster than that reads them. */
  #pass(name: ChannelName, bytes: Uint8Array): void {
    const socket = this.#sockets.get(name);
    if (!socket) return;
    const channel = this.#tpm.channels[name];
    socket.send(bytes, () => {
      if (socket.bufferedAmount < MOST_UNREAD) channel.resume();
    });
    if (socket.bufferedAmount >= MOST_UNREAD) channel.pause();
  }
}

function close(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, shorten(reason));
  // A client that does not close its side in time is cut off.
  const timer = setTimeout(() => socket.terminate(), 2000);
  socket.once("close", () => clearTimeout(timer));
}

/** As much of `text` as fits into a close frame. */
function shorten(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length <= MAX_REASON
    ? text
    : `${bytes.toString("latin1", 0, MAX_REASON - 3).replace(/[^ -~]/g, "?")}...`;
}
