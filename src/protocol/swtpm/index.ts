/** swtpm's two channels as bytes. */
export * from "./commands.ts";
export * from "./control.ts";
export * from "./data.ts";
export { type ControlExchange, type Decoded, decodeReply, type ReplyShape } from "./exchange.ts";
export * from "./state-file.ts";
