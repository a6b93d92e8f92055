/** The bridge for servers of one's own, in Node; inside Vite's servers there is `bridgePlugin` for it. */
export { type Bridge, type BridgeServerOptions, createBridge } from "./bridge.ts";
export { chardevTpm } from "./tpms/chardev-tpm.ts";
export { type HostTpmOptions, hostTpm } from "./tpms/host-tpm.ts";
export { type RunningSwtpm, runningSwtpms } from "./tpms/running-swtpm.ts";
export type { ServedTpm, TpmSource } from "./tpms/source.ts";
