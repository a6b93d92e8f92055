/** The device alone: the TPM's register interface, without a machine around it or a TPM behind it. */

export type { Difference } from "../frontend/differences.ts";
export { TisDevice, type TisOptions } from "./device.ts";
export { DIFFERENCES, type DifferenceId } from "./differences.ts";
export { TIS } from "./front-end.ts";
export * from "./ports.ts";
export { REGISTERS, type Register, type RegisterField, type RegisterKey, registerAt } from "./registers.ts";
export type { TisState } from "./states.ts";
