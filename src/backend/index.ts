/** The TPM behind the device: the port, and the client of swtpm over any two byte channels. */
export type { ByteChannel, SwtpmChannels } from "./channel.ts";
export { ChannelClosedError } from "./channel.ts";
export * from "./errors.ts";
export { FAILURE_CODES, type Failure, type FailureCode, failureCode, toError, toFailure } from "./failure.ts";
export { joinChannel, messagePortChannel } from "./message-port.ts";
export { OrderedTpm } from "./ordered.ts";
export * from "./port.ts";
export { ProcessBackend, type ProcessTpm, type ProcessTpmOptions } from "./process-tpm.ts";
export { SwtpmBackend } from "./swtpm-backend.ts";
export type { SwtpmOptions as SwtpmBackendOptions, SwtpmTimeouts } from "./swtpm-session.ts";
export {
  type BridgeConnection,
  type BridgeOptions,
  BridgeRefusedError,
  connectBridge,
  connectWebSocketPair,
  openWebSocketChannel,
  type WebSocketOptions,
} from "./websocket.ts";
