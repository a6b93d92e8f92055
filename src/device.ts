/** `webtpm/device`: the TPM's register interfaces, FIFO and CRB, without a machine around them or a TPM behind them. */
export * from "./device/crb/index.ts";
export * from "./device/tis/index.ts";
