/** A byte channel over a MessagePort: to a machine in another worker of the same page. */
import { type ByteChannel, ChannelClosedError } from "./channel.ts";

/** What goes over the port: bytes, or the end with its reason. */
export type PortMessage = ArrayBuffer | { closed: string | undefined };

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
  end.onmessage = ({ data }) => {
    if (!open) return;
    if (data instanceof ArrayBuffer) return channel.onData?.(new Uint8Array(data));
    open = false;
    end.close();
    channel.onClose?.(data.closed === undefined ? undefined : new ChannelClosedError(data.closed));
  };
  return channel;
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
    else channel.close();
  };
}
