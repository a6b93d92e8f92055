/** The bridge for servers of one's own, in Node; inside Vite's servers there is `bridgePlugin` for it. */
export { type Bridge, type BridgeServerOptions, createBridge } from "./bridge.ts";
