/** An emulated TPM is slow: a TPM 1.2 makes its RSA keys within CMD_INIT. In milliseconds. */
export const HIDDEN_TIMEOUTS = { probe: 60_000, control: 300_000 };
