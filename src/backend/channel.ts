/**
 * A bidirectional stream of bytes: a WebSocket, a TCP socket, a port of a hidden machine. Chunk boundaries mean
 * nothing on the receiving side; one `send` is delivered to the far side as one write where that can be done.
 */
export interface ByteChannel {
  /** Sends `bytes` whole and in order. @throws {ChannelClosedError} after the channel has closed. */
  send(bytes: Uint8Array): void;
  /** Called with each chunk that arrives, in order. Set before the first event-loop turn after opening. */
  onData: ((bytes: Uint8Array) => void) | undefined;
  /** Called once, when the channel closes from either side; `error` says why where that is known. */
  onClose: ((error: Error | undefined) => void) | undefined;
  /** Closes the channel; calls `onClose` if it was still open. */
  close(): void;
}

/** The two channels of one swtpm. */
export interface SwtpmChannels {
  /** swtpm's control channel (`--ctrl`). */
  control: ByteChannel;
  /** swtpm's data channel (`--server`): TPM commands and responses. */
  data: ByteChannel;
}

/** The channel is closed, or could not be opened. */
export class ChannelClosedError extends Error {
  override name = "ChannelClosedError";
}
