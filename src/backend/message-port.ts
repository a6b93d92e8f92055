/** A byte channel over a MessagePort: to a machine in another worker of the same page. */
import { type ByteChannel, ChannelClosedError } from "./channel.ts";

/**
 * What goes over the port: bytes; the end with its reason; or the name of a Web Lock that the sender's worker holds
 * as long as it lives, since nothing else tells of a worker's death.
 */
export type PortMessage = ArrayBuffer | { closed: string | undefined } | { alive: string };

/** What is needed of a port; Node's and the browser's both have it. */
export interface MessagePortLike {
  postMessage(message: PortMessage, transfer: ArrayBuffer[]): void;
  onmessage: ((event: { data: PortMessage }) => void) | null;
  close(): void;
}

/** Makes a channel of a port whose other end is a channel too. */
export function messagePortChannel(port: MessagePort | MessagePortLike): ByteChannel {
  const end = port as MessagePortLike;
  let open = true;
  const channel: ByteChannel = {
    onData: undefined,
    onClose: undefined,
    send(bytes) {
      if (!open) throw new ChannelClosedError("the channel to the hidden machine is closed");
      const copy = bytes.slice().buffer;
      end.postMessage(copy, [copy]);
    },
    close() {
      if (!open) return;
      open = false;
      end.postMessage({ closed: undefined }, []);
      end.close();
      channel.onClose?.(undefined);
    },
  };
  const finish = (reason: string | undefined) => {
    if (!open) return;
    open = false;
    end.close();
    channel.onClose?.(reason === undefined ? undefined : new ChannelClosedError(reason));
  };
  end.onmessage = ({ data }) => {
    if (!open) return;
    if (data instanceof ArrayBuffer) channel.onData?.(new Uint8Array(data));
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

/** Joins a channel of this thread to a port: what comes on one goes out on the other. */
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
}
