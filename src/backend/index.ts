/** The TPM behind the device: the port, and the client of swtpm over any two byte channels. */
export type { ByteChannel, SwtpmChannels } from "./channel.ts";
export { ChannelClosedError } from "./channel.ts";
export * from "./errors.ts";
export { joinChannel, messagePortChannel } from "./message-port.ts";
export * from "./port.ts";
export { SwtpmBackend, type SwtpmBackendOptions, type SwtpmTimeouts } from "./swtpm-backend.ts";
export {
  type BridgeConnection,
  type BridgeOptions,
  BridgeRefusedError,
  connectBridge,
  connectWebSocketPair,
  openWebSocketChannel,
  type WebSocketOptions,
} from "./websocket.ts";
