/**
 * An emulated TPM is slow, on a busy host many times over: a TPM 1.2 makes its RSA keys within CMD_INIT. In milliseconds,
 * from when swtpm runs.
 */
export const HIDDEN_TIMEOUTS = { probe: 300_000, control: 300_000 };
