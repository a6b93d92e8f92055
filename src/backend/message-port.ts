/** A byte channel over a MessagePort: to a machine in another worker of the same page. */
import { type ByteChannel, ChannelClosedError } from "./channel.ts";

/**
 * What goes over the port: bytes; that there is a channel at the sender's end now; the end with its reason; or the name
 * of a Web Lock that the sender's worker holds as long as it lives, since nothing else tells of a worker's death.
 */
export type PortMessage = ArrayBuffer | { open: true } | { closed: string | undefined } | { alive: string };

/** What is needed of a port; Node's and the browser's both have it. */
export interface MessagePortLike {
  postMessage(message: PortMessage, transfer: ArrayBuffer[]): void;
  onmessage: ((event: { data: PortMessage }) => void) | null;
  close(): void;
}

/** A channel whose other end may come later than this one: a machine that has yet to be loaded, and to boot. */
export interface MessagePortChannel extends ByteChannel {
  /**
   * Resolves when the other end is joined to a channel; what is sent before that waits in the port. Rejects with
   * {@link ChannelClosedError} when the channel closes first.
   */
  readonly joined: Promise<void>;
}

/** Makes a channel of a port whose other end is joined to one too ({@link joinChannel}). */
export function messagePortChannel(port: MessagePort | MessagePortLike): MessagePortChannel {
  const end = port as MessagePortLike;
  let open = true;
  let join: () => void;
  let refuse: (error: Error) => void;
  const joined = new Promise<void>((resolve, reject) => {
    join = resolve;
    refuse = reject;
  });
  // Not everybody waits for it.
  joined.catch(() => undefined);
  const channel: MessagePortChannel = {
    joined,
    onData: undefined,
    onClose: undefined,
    send(bytes) {
      if (!open) throw new ChannelClosedError("the channel to the hidden machine is closed");
      const copy = bytes.slice().buffer;
      end.postMessage(copy, [copy]);
    },
    close() {
      if (!open) return;
      end.postMessage({ closed: undefined }, []);
      finish(undefined);
    },
  };
  const finish = (reason: string | undefined) => {
    if (!open) return;
    open = false;
    end.close();
    refuse(new ChannelClosedError(reason ?? "the channel to the hidden machine is closed"));
    channel.onClose?.(reason === undefined ? undefined : new ChannelClosedError(reason));
  };
  end.onmessage = ({ data }) => {
    if (!open) return;
    if (data instanceof ArrayBuffer) channel.onData?.(new Uint8Array(data));
    else if ("open" in data) join();
    else if ("alive" in data)
      onRelease(data.alive, () => finish("the worker of the hidden machine has ended"));
    else finish(data.closed);
  };
  return channel;
}

/** Calls back when whoever holds the lock now holds it no longer. Where there are no locks, time limits have to do. */
function onRelease(lock: string, released: () => void): void {
  globalThis.navigator?.locks?.request(lock, released).catch(() => undefined);
}

/** Joins a channel of this thread to a port, and says so: what comes on one goes out on the other. */
export function joinChannel(channel: ByteChannel, port: MessagePort | MessagePortLike): void {
  const end = port as MessagePortLike;
  channel.onData = (bytes) => {
    const copy = bytes.slice().buffer;
    end.postMessage(copy, [copy]);
  };
  channel.onClose = (error) => end.postMessage({ closed: error?.message }, []);
  end.onmessage = ({ data }) => {
    if (data instanceof ArrayBuffer) channel.send(new Uint8Array(data));
    else if ("closed" in data) channel.close();
  };
  end.postMessage({ open: true }, []);
}
