/** `webtpm/device`: the TPM's register interfaces, FIFO and CRB, without a machine around them or a TPM behind them. */
export * from "./crb/index.ts";
export * from "./tis/index.ts";
