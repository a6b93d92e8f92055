/** Byte channels over Node's sockets: TCP connections and socket pairs. */
import { connect, type Socket } from "node:net";
import { type ByteChannel, ChannelClosedError } from "../../backend/channel.ts";

/** A byte channel that says when the far side takes nothing, and can let it wait in turn. */
export interface SocketChannel extends ByteChannel {
  /** Bytes that were sent and that the far side has not taken yet. */
  readonly waiting: number;
  /** True from a `send` that found the far side busy until {@link onDrain}. */
  readonly full: boolean;
  /** Called when the far side has taken what waited. */
  onDrain: (() => void) | undefined;
  /** Stops and goes on reading: the far side waits when it has filled the system's buffers. */
  pause(): void;
  resume(): void;
}

/** A socket that is connected, as a byte channel. @param name for error messages, e.g. "127.0.0.1:2322". */
export function socketChannel(socket: Socket, name: string): SocketChannel {
  let open = true;
  let failure: Error | undefined;
  const channel: SocketChannel = {
    onData: undefined,
    onClose: undefined,
    onDrain: undefined,
    get waiting() {
      return socket.writableLength;
    },
    get full() {
      return socket.writableNeedDrain;
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    send(bytes) {
      if (!open || socket.destroyed) throw new ChannelClosedError(`the connection to ${name} is closed`);
      socket.write(bytes);
    },
    close() {
      finish(undefined);
      socket.destroy();
    },
  };
  function finish(error: Error | undefined): void {
    if (!open) return;
    open = false;
    channel.onClose?.(error);
  }
  socket.on("data", (chunk) => channel.onData?.(chunk));
  socket.on("drain", () => channel.onDrain?.());
  socket.on("error", (error) => {
    failure = new ChannelClosedError(`${name}: ${error.message}`, { cause: error });
  });
  // The far side has said its last word; nothing we send would be answered.
  socket.on("end", () => socket.destroy());
  socket.on("close", () => finish(failure));
  return channel;
}

/** Where something listens: a TCP port, or a Unix domain socket. */
export type SocketAddress = { host: string; port: number } | { path: string };

/**
 * Connects. Small writes are sent at once. @param name for error messages.
 * @throws {ChannelClosedError} when nothing listens there, or no connection comes about within `limit` milliseconds.
 */
export function openSocket(address: SocketAddress, name: string, limit = 10_000): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...address, noDelay: true });
    const timer = setTimeout(() => fail(new Error(`no connection within ${limit / 1000} s`)), limit);
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new ChannelClosedError(`cannot connect to ${name}: ${error.message}`, { cause: error }));
    };
    socket.once("error", fail);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", fail);
      resolve(socket);
    });
  });
}

/** A TCP port as a byte channel, e.g. one of `swtpm socket --server type=tcp,port=…`. @throws {ChannelClosedError} */
export async function connectTcp(host: string, port: number, limit?: number): Promise<ByteChannel> {
  const name = `${host}:${port}`;
  return socketChannel(await openSocket({ host, port }, name, limit), name);
}
