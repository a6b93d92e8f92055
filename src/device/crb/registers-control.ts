/** The registers by which a command runs (the control area), and by which its end interrupts. */
import type { FieldAccess, Register } from "../frontend/registers.ts";

/** The interrupt sources have the same bits in INT_ENABLE and INT_STS. */
const interruptField = <const N extends string, const C extends string, const A extends FieldAccess>(
  name: N,
  constant: C,
  bit: number,
  access: A,
  meaning: string,
) => ({ name, constant, bits: [bit, bit] as const, access, meaning });

export const CONTROL_REGISTERS = {
  CTRL_REQ: {
    name: "TPM_CRB_CTRL_REQ",
    offset: 0x40,
    size: 4,
    access: "rw",
    reset: { "2.0": 0 },
    meaning: "Asks for another state. The TPM clears each bit when it is there, which is at once.",
    spec: "Control Area Request",
    fields: [
      {
        name: "goIdle",
        constant: "GO_IDLE",
        bits: [1, 1],
        access: "w",
        meaning: "Writing 1 ends the use of the TPM: the response has been read.",
      },
      {
        name: "cmdReady",
        constant: "CMD_READY",
        bits: [0, 0],
        access: "w",
        meaning: "Writing 1 makes the TPM ready for a command.",
      },
    ],
  },
  CTRL_STS: {
    name: "TPM_CRB_CTRL_STS",
    offset: 0x44,
    size: 4,
    access: "r",
    reset: { "2.0": 0x2 },
    meaning: "Whether the TPM sleeps, and whether it works.",
    spec: "Control Area Status",
    fields: [
      {
        name: "tpmIdle",
        constant: "IDLE",
        bits: [1, 1],
        access: "r",
        meaning: "The TPM is idle: cmdReady wakes it.",
      },
      {
        name: "tpmSts",
        constant: "FATAL",
        bits: [0, 0],
        access: "r",
        meaning: "The TPM has failed for good. Never seen here: then every register reads 0.",
      },
    ],
  },
  CTRL_CANCEL: {
    name: "TPM_CRB_CTRL_CANCEL",
    offset: 0x48,
    size: 4,
    access: "rw",
    reset: { "2.0": 0 },
    meaning: "Writing 1 cancels the command that runs; software writes 0 when it has ended.",
    spec: "Control Cancel",
    fields: [
      {
        name: "Cancel",
        constant: "CANCEL",
        bits: [0, 0],
        access: "rw",
        meaning: "The running command is to be cancelled; its response still comes.",
      },
    ],
  },
  CTRL_START: {
    name: "TPM_CRB_CTRL_START",
    offset: 0x4c,
    size: 4,
    access: "rw",
    reset: { "2.0": 0 },
    meaning: "Runs the command in the data buffer.",
    spec: "Control Start",
    fields: [
      {
        name: "nextChunk",
        constant: "NEXT_CHUNK",
        bits: [2, 2],
        access: "w",
        meaning:
          "Before start: the buffer holds a part of the command, more comes. Afterwards: the next part of the response.",
      },
      {
        name: "crbRspRetry",
        constant: "RSP_RETRY",
        bits: [1, 1],
        access: "w",
        meaning: "Writing 1 brings the response's first part into the buffer again.",
      },
      {
        name: "Start",
        constant: "START",
        bits: [0, 0],
        access: "w1",
        meaning: "Writing 1 runs the command; 1 as long as it runs.",
      },
    ],
  },
  INT_ENABLE: {
    name: "TPM_CRB_INT_ENABLE",
    offset: 0x50,
    size: 4,
    access: "rw",
    reset: { "2.0": 0 },
    meaning: "Which events of this locality raise the interrupt line.",
    spec: "Interrupt Control",
    fields: [
      {
        name: "globalInterruptEnable",
        constant: "GLOBAL",
        bits: [31, 31],
        access: "rw",
        meaning: "No event interrupts while this is 0.",
      },
      interruptField(
        "localityChangeIntEnable",
        "LOCALITY_CHANGE",
        3,
        "rw",
        "Interrupt when this locality gets the TPM.",
      ),
      interruptField(
        "establishmentClearIntEnable",
        "ESTABLISHMENT_CLEAR",
        2,
        "rw",
        "Interrupt when the establishment flag has been reset.",
      ),
      interruptField("cmdReadyIntEnable", "CMD_READY", 1, "rw", "Interrupt when the TPM has become ready."),
      interruptField("startIntEnable", "START", 0, "rw", "Interrupt when a command has ended."),
    ],
  },
  INT_STS: {
    name: "TPM_CRB_INT_STS",
    offset: 0x54,
    size: 4,
    access: "rw",
    reset: { "2.0": 0 },
    meaning: "Which events interrupted. Writing 1 clears; the line drops with the last.",
    spec: "Interrupt Status",
    fields: [
      interruptField("localityChangeInt", "LOCALITY_CHANGE", 3, "w1c", "This locality has got the TPM."),
      interruptField(
        "establishmentClearInt",
        "ESTABLISHMENT_CLEAR",
        2,
        "w1c",
        "The establishment flag has been reset.",
      ),
      interruptField("cmdReadyInt", "CMD_READY", 1, "w1c", "The TPM has become ready."),
      interruptField("startInt", "START", 0, "w1c", "A command has ended; its response can be read."),
    ],
  },
} as const satisfies Record<string, Register>;
