/**
 * The registers of the command response buffer (CRB) interface in one locality's page: every register and every bit,
 * once. The device takes its masks and reset values from here; whoever shows registers reads the same table.
 *
 * Sources: PC Client Platform TPM Profile (PTP) 1.05, section 6.5.3, and 1.07 for chunks. `spec` names the section by
 * its title.
 */
import { masks, type Register } from "../frontend/registers.ts";
import { CRB_BASE, CRB_DATA_BYTES } from "./ports.ts";
import { CONTROL_REGISTERS } from "./registers-control.ts";
import { LOCALITY_REGISTERS } from "./registers-locality.ts";

const DATA_OFFSET = 0x80;

export const REGISTERS = {
  ...LOCALITY_REGISTERS,
  ...CONTROL_REGISTERS,
  CTRL_CMD_SIZE: {
    name: "TPM_CRB_CTRL_CMD_SIZE",
    offset: 0x58,
    size: 4,
    access: "r",
    reset: { "2.0": CRB_DATA_BYTES },
    meaning: "Bytes of the command buffer.",
    spec: "Command Size",
    fields: [],
  },
  CTRL_CMD_LADDR: {
    name: "TPM_CRB_CTRL_CMD_LADDR",
    offset: 0x5c,
    size: 4,
    access: "r",
    reset: { "2.0": CRB_BASE + DATA_OFFSET },
    meaning: "Where the command buffer begins, low half: this locality's data buffer.",
    spec: "Command Low Address",
    fields: [],
  },
  CTRL_CMD_HADDR: {
    name: "TPM_CRB_CTRL_CMD_HADDR",
    offset: 0x60,
    size: 4,
    access: "r",
    reset: { "2.0": 0 },
    meaning: "Where the command buffer begins, high half.",
    spec: "Command High Address",
    fields: [],
  },
  CTRL_RSP_SIZE: {
    name: "TPM_CRB_CTRL_RSP_SIZE",
    offset: 0x64,
    size: 4,
    access: "r",
    reset: { "2.0": CRB_DATA_BYTES },
    meaning: "Bytes of the response buffer, which is the command's.",
    spec: "Response Size",
    fields: [],
  },
  CTRL_RSP_ADDR: {
    name: "TPM_CRB_CTRL_RSP_ADDR",
    offset: 0x68,
    size: 4,
    access: "r",
    reset: { "2.0": CRB_BASE + DATA_OFFSET },
    meaning: "Where the response buffer begins, low half: where the command's does.",
    spec: "Response Address",
    fields: [],
  },
  CTRL_RSP_HADDR: {
    name: "TPM_CRB_CTRL_RSP_ADDR",
    offset: 0x6c,
    size: 4,
    access: "r",
    reset: { "2.0": 0 },
    meaning: "Where the response buffer begins, high half.",
    spec: "Response Address",
    fields: [],
  },
  DATA_BUFFER: {
    name: "TPM_CRB_DATA_BUFFER",
    offset: DATA_OFFSET,
    size: 4,
    span: CRB_DATA_BYTES,
    access: "rw",
    reset: { "2.0": 0xffff_ffff },
    meaning: "The command, then its response: memory of the active locality's, all ones to the others.",
    spec: "Data Buffer",
    fields: [],
  },
} as const satisfies Record<string, Register>;

export type RegisterKey = keyof typeof REGISTERS;

/** Bits of TPM_LOC_STATE. */
export const LOC_STATE = masks(REGISTERS.LOC_STATE);
/** Bits of TPM_LOC_CTRL. */
export const LOC_CTRL = masks(REGISTERS.LOC_CTRL);
/** Bits of TPM_LOC_STS. */
export const LOC_STS = masks(REGISTERS.LOC_STS);
/** Bits of the low half of TPM_CRB_INTF_ID. */
export const INTF_ID = masks(REGISTERS.INTF_ID);
/** Bits of TPM_CRB_CTRL_REQ. */
export const CTRL_REQ = masks(REGISTERS.CTRL_REQ);
/** Bits of TPM_CRB_CTRL_STS. */
export const CTRL_STS = masks(REGISTERS.CTRL_STS);
/** Bits of TPM_CRB_CTRL_CANCEL. */
export const CTRL_CANCEL = masks(REGISTERS.CTRL_CANCEL);
/** Bits of TPM_CRB_CTRL_START. */
export const CTRL_START = masks(REGISTERS.CTRL_START);
/** Bits of TPM_CRB_INT_ENABLE. */
export const INT_ENABLE = masks(REGISTERS.INT_ENABLE);
/** Bits of TPM_CRB_INT_STS; the same events have the same bits in TPM_CRB_INT_ENABLE. */
export const INT = masks(REGISTERS.INT_STS);
/** Lowest bit of TPM_LOC_STATE.activeLocality. */
export const ACTIVE_LOCALITY_SHIFT = REGISTERS.LOC_STATE.fields.find(
  (field) => field.constant === "ACTIVE_LOCALITY",
)!.bits[1];
