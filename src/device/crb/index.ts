/** The CRB device alone: the TPM's other register interface, without a machine around it or a TPM behind it. */
export { CrbDevice, type CrbOptions } from "./device.ts";
export { DIFFERENCES as CRB_DIFFERENCES, type DifferenceId as CrbDifferenceId } from "./differences.ts";
export { CRB, crbFrontEnd } from "./front-end.ts";
export { CRB_BASE, CRB_DATA_BYTES, CRB_PACKET_BYTES, CRB_SIZE } from "./ports.ts";
export { REGISTERS as CRB_REGISTERS, type RegisterKey as CrbRegisterKey } from "./registers.ts";
