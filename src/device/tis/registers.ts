/**
 * The TIS (FIFO) register set of one locality: every register and every bit, once. The device takes its masks and
 * reset values from here; the register inspector, the decoder and the documentation read the same table.
 *
 * Sources: TCG PC Client TPM Interface Specification (TIS) 1.3 and its successor, the FIFO interface of the PC
 * Client Platform TPM Profile (PTP) 1.05. `spec` names the section by its title, which both share.
 */
import { IDENTIFIER, MAKER_FIELDS } from "../frontend/identity.ts";
import { type FieldAccess, masks, type Register, registerIn } from "../frontend/registers.ts";

export {
  accessMask,
  bitMask,
  fieldValue,
  type Register,
  type RegisterField,
} from "../frontend/registers.ts";

/** The interrupt sources have the same bits in INT_ENABLE, INT_STATUS and INTF_CAPABILITY. */
const interruptField = <const N extends string, const C extends string, const A extends FieldAccess>(
  name: N,
  constant: C,
  bit: number,
  access: A,
  meaning: string,
) => ({ name, constant, bits: [bit, bit] as const, access, meaning });

/**
 * What a processor writes in a dynamic launch, at locality 4 alone, where they take the place of the FIFO. Write only:
 * reads give all ones.
 */
export const LAUNCH_REGISTERS = {
  HASH_END: {
    name: "TPM_HASH_END",
    offset: 0x020,
    meaning: "Ends the launch: the digest of what was written to TPM_HASH_DATA is extended into PCR 17.",
  },
  HASH_DATA: {
    name: "TPM_HASH_DATA",
    offset: 0x024,
    meaning: "Takes the bytes that are measured, up to four at a time, the low one first.",
  },
  HASH_START: {
    name: "TPM_HASH_START",
    offset: 0x028,
    meaning: "Begins a dynamic launch: PCRs 17 to 22 are reset, and the establishment flag is set.",
  },
} as const;

export const REGISTERS = {
  ACCESS: {
    name: "TPM_ACCESS",
    offset: 0x000,
    size: 1,
    access: "rw",
    reset: { "2.0": 0x81, "1.2": 0x81 },
    meaning: "Which locality uses the TPM: ask for it, take it, give it back.",
    spec: "Access Register",
    fields: [
      {
        name: "tpmRegValidSts",
        constant: "VALID",
        bits: [7, 7],
        access: "r",
        meaning: "The other bits of this register are valid.",
      },
      {
        name: "activeLocality",
        constant: "ACTIVE_LOCALITY",
        bits: [5, 5],
        access: "w1",
        meaning: "This locality uses the TPM. Writing 1 gives the TPM back, or withdraws a request.",
      },
      {
        name: "beenSeized",
        constant: "BEEN_SEIZED",
        bits: [4, 4],
        access: "w1c",
        meaning: "The TPM was taken from this locality by a higher one.",
      },
      {
        name: "Seize",
        constant: "SEIZE",
        bits: [3, 3],
        access: "w",
        meaning: "Writing 1 takes the TPM from a lower locality.",
      },
      {
        name: "pendingRequest",
        constant: "PENDING_REQUEST",
        bits: [2, 2],
        access: "r",
        meaning: "Some other locality asks for the TPM.",
      },
      {
        name: "requestUse",
        constant: "REQUEST_USE",
        bits: [1, 1],
        access: "w1",
        meaning: "This locality asks for the TPM and has not got it yet.",
      },
      {
        name: "tpmEstablishment",
        constant: "ESTABLISHMENT",
        bits: [0, 0],
        access: "r",
        meaning: "Reads 0 after a dynamic root of trust was measured, 1 before (the bit is inverted).",
      },
    ],
  },
  INT_ENABLE: {
    name: "TPM_INT_ENABLE",
    offset: 0x008,
    size: 4,
    access: "rw",
    reset: { "2.0": 0x0000_0008, "1.2": 0x0000_0008 },
    meaning: "Which events of this locality raise the interrupt line. Writable by the active locality.",
    spec: "Interrupt Enable Register",
    fields: [
      {
        name: "globalIntEnable",
        constant: "GLOBAL",
        bits: [31, 31],
        access: "rw",
        meaning: "No event interrupts while this is 0.",
      },
      interruptField(
        "commandReadyEnable",
        "COMMAND_READY",
        7,
        "rw",
        "Interrupt when commandReady becomes 1.",
      ),
      {
        name: "typePolarity",
        constant: "TYPE_POLARITY",
        bits: [4, 3],
        access: "rw",
        meaning: "Kind of the interrupt line.",
        values: { 0: "high level", 1: "low level", 2: "rising edge", 3: "falling edge" },
      },
      interruptField(
        "localityChangeIntEnable",
        "LOCALITY_CHANGE",
        2,
        "rw",
        "Interrupt when this locality becomes active.",
      ),
      interruptField("stsValidIntEnable", "STS_VALID", 1, "rw", "Interrupt when stsValid becomes 1."),
      interruptField("dataAvailIntEnable", "DATA_AVAIL", 0, "rw", "Interrupt when a response is ready."),
    ],
  },
  INT_VECTOR: {
    name: "TPM_INT_VECTOR",
    offset: 0x00c,
    size: 1,
    access: "r",
    reset: { "2.0": 5, "1.2": 5 },
    meaning: "The interrupt's number. Hard-wired here: what is written is ignored.",
    spec: "Interrupt Vector Register",
    fields: [
      {
        name: "sirqVec",
        constant: "VECTOR",
        bits: [3, 0],
        access: "r",
        meaning: "ISA interrupt number; 0 stands for none.",
      },
    ],
  },
  INT_STATUS: {
    name: "TPM_INT_STATUS",
    offset: 0x010,
    size: 4,
    access: "rw",
    reset: { "2.0": 0, "1.2": 0 },
    meaning: "Which events interrupted. The active locality writes 1 to clear; the line drops with the last.",
    spec: "Interrupt Status Register",
    fields: [
      interruptField("commandReadyIntOccurred", "COMMAND_READY", 7, "w1c", "commandReady became 1."),
      interruptField(
        "localityChangeIntOccurred",
        "LOCALITY_CHANGE",
        2,
        "w1c",
        "This locality became active.",
      ),
      interruptField("stsValidIntOccurred", "STS_VALID", 1, "w1c", "stsValid became 1."),
      interruptField("dataAvailIntOccurred", "DATA_AVAIL", 0, "w1c", "A response is ready."),
    ],
  },
  INTF_CAPABILITY: {
    name: "TPM_INTF_CAPABILITY",
    offset: 0x014,
    size: 4,
    access: "r",
    reset: { "2.0": 0x3000_0697, "1.2": 0x2000_0697 },
    meaning: "What this interface can do.",
    spec: "Interface Capability",
    fields: [
      {
        name: "InterfaceVersion",
        constant: "INTERFACE_VERSION",
        bits: [30, 28],
        access: "r",
        meaning: "Version of the register interface.",
        values: { 0: "TIS 1.21 or earlier", 2: "TIS 1.3", 3: "TIS 1.3 or PTP for TPM 2.0" },
      },
      {
        name: "DataTransferSizeSupport",
        constant: "DATA_TRANSFER_SIZE",
        bits: [10, 9],
        access: "r",
        meaning: "Largest transfer at once.",
        values: { 0: "legacy", 1: "8 bytes", 2: "32 bytes", 3: "64 bytes" },
      },
      {
        name: "BurstCountStatic",
        constant: "BURST_COUNT_STATIC",
        bits: [8, 8],
        access: "r",
        meaning: "1: burstCount never changes; 0: it changes as bytes move.",
      },
      interruptField("CommandReadyIntSupport", "COMMAND_READY", 7, "r", "The commandReady interrupt exists."),
      {
        name: "InterruptEdgeFalling",
        constant: "EDGE_FALLING",
        bits: [6, 6],
        access: "r",
        meaning: "Interrupts on a falling edge exist.",
      },
      {
        name: "InterruptEdgeRising",
        constant: "EDGE_RISING",
        bits: [5, 5],
        access: "r",
        meaning: "Interrupts on a rising edge exist.",
      },
      {
        name: "InterruptLevelLow",
        constant: "LEVEL_LOW",
        bits: [4, 4],
        access: "r",
        meaning: "Low level interrupts exist (always 1).",
      },
      {
        name: "InterruptLevelHigh",
        constant: "LEVEL_HIGH",
        bits: [3, 3],
        access: "r",
        meaning: "High level interrupts exist.",
      },
      interruptField("LocalityChangeIntSupport", "LOCALITY_CHANGE", 2, "r", "The locality interrupt exists."),
      interruptField("stsValidIntSupport", "STS_VALID", 1, "r", "The stsValid interrupt exists."),
      interruptField("dataAvailIntSupport", "DATA_AVAIL", 0, "r", "The dataAvail interrupt exists."),
    ],
  },
  STS: {
    name: "TPM_STS",
    offset: 0x018,
    size: 4,
    access: "rw",
    reset: { "2.0": 0xffff_ffff, "1.2": 0xffff_ffff },
    meaning: "State of the command. Reads all ones, and ignores writes, unless the locality is active.",
    spec: "Status Register",
    fields: [
      {
        name: "tpmFamily",
        constant: "TPM_FAMILY",
        bits: [27, 26],
        access: "r",
        meaning: "Family of the TPM.",
        values: { 0: "TPM 1.2", 1: "TPM 2.0" },
      },
      {
        name: "resetEstablishmentBit",
        constant: "RESET_ESTABLISHMENT",
        bits: [25, 25],
        access: "w",
        only: "2.0",
        meaning: "Writing 1 at locality 3 or 4 resets the establishment flag.",
      },
      {
        name: "commandCancel",
        constant: "COMMAND_CANCEL",
        bits: [24, 24],
        access: "w",
        only: "2.0",
        meaning: "Writing 1 asks for the running command to be cancelled; its response still comes.",
      },
      {
        name: "burstCount",
        constant: "BURST_COUNT",
        bits: [23, 8],
        access: "r",
        meaning: "Bytes that the FIFO takes or gives at once.",
      },
      {
        name: "stsValid",
        constant: "VALID",
        bits: [7, 7],
        access: "r",
        meaning: "dataAvail and Expect are valid.",
      },
      {
        name: "commandReady",
        constant: "COMMAND_READY",
        bits: [6, 6],
        access: "w1",
        meaning: "The TPM waits for a command. Writing 1 makes it so, aborting what goes on.",
      },
      {
        name: "tpmGo",
        constant: "TPM_GO",
        bits: [5, 5],
        access: "w",
        meaning: "Writing 1 runs the command.",
      },
      {
        name: "dataAvail",
        constant: "DATA_AVAIL",
        bits: [4, 4],
        access: "r",
        meaning: "There are response bytes to read.",
      },
      {
        name: "Expect",
        constant: "EXPECT",
        bits: [3, 3],
        access: "r",
        meaning: "The command is not complete yet.",
      },
      {
        name: "selfTestDone",
        constant: "SELF_TEST_DONE",
        bits: [2, 2],
        access: "r",
        only: "1.2",
        meaning: "A continued self test has ended well.",
      },
      {
        name: "responseRetry",
        constant: "RESPONSE_RETRY",
        bits: [1, 1],
        access: "w",
        meaning: "Writing 1 makes the response readable from its start again.",
      },
    ],
  },
  DATA_FIFO: {
    name: "TPM_DATA_FIFO",
    offset: 0x024,
    size: 4,
    access: "rw",
    reset: { "2.0": 0xffff_ffff, "1.2": 0xffff_ffff },
    meaning: "Command bytes in, response bytes out; each byte lane moves one byte, the lowest first.",
    spec: "Data FIFO Register",
    fields: [],
  },
  INTERFACE_ID: {
    name: "TPM_INTERFACE_ID",
    offset: 0x030,
    size: 4,
    access: "rw",
    reset: { "2.0": 0x0000_2100, "1.2": 0xffff_ffff },
    meaning: "Which register interface this is. One register, seen by all localities.",
    spec: "Interface Identifier Register",
    fields: [
      IDENTIFIER.LOCK,
      IDENTIFIER.SELECTOR,
      IDENTIFIER.CAP_CRB,
      IDENTIFIER.CAP_FIFO,
      IDENTIFIER.CAP_LOCALITY,
      IDENTIFIER.VERSION,
      IDENTIFIER.TYPE,
    ],
  },
  XDATA_FIFO: {
    name: "TPM_XDATA_FIFO",
    offset: 0x080,
    size: 4,
    span: 0x40,
    access: "rw",
    reset: { "2.0": 0xffff_ffff, "1.2": 0xffff_ffff },
    meaning: "The FIFO again, 64 bytes wide, for long transfers.",
    spec: "Extended Data FIFO Register",
    fields: [],
  },
  DID_VID: {
    name: "TPM_DID_VID",
    offset: 0xf00,
    size: 4,
    access: "r",
    reset: { "2.0": 0x0001_1014, "1.2": 0x0001_1014 },
    meaning: "Who made the TPM.",
    spec: "DID/VID Register",
    fields: MAKER_FIELDS,
  },
  RID: {
    name: "TPM_RID",
    offset: 0xf04,
    size: 1,
    access: "r",
    reset: { "2.0": 1, "1.2": 1 },
    meaning: "Revision of the TPM.",
    spec: "RID Register",
    fields: [{ name: "RID", constant: "REVISION", bits: [7, 0], access: "r", meaning: "Revision number." }],
  },
} as const satisfies Record<string, Register>;

export type RegisterKey = keyof typeof REGISTERS;

/** Bits of TPM_ACCESS. */
export const ACCESS = masks(REGISTERS.ACCESS);
/** Bits of TPM_STS. */
export const STS = masks(REGISTERS.STS);
/** Bits of TPM_INT_ENABLE. */
export const INT_ENABLE = masks(REGISTERS.INT_ENABLE);
/** Bits of TPM_INT_STATUS; the same events have the same bits in TPM_INT_ENABLE. */
export const INT = masks(REGISTERS.INT_STATUS);
/** Bits of TPM_INTERFACE_ID. */
export const INTERFACE_ID = masks(REGISTERS.INTERFACE_ID);
/** Lowest bit of TPM_STS.burstCount. */
export const BURST_COUNT_SHIFT = REGISTERS.STS.fields.find((field) => field.constant === "BURST_COUNT")!
  .bits[1];
/** Lowest bit of TPM_STS.tpmFamily. */
export const TPM_FAMILY_SHIFT = REGISTERS.STS.fields.find((field) => field.constant === "TPM_FAMILY")!
  .bits[1];

/** The register that answers at an offset within a locality's page; `undefined` where nothing does. */
export function registerAt(offset: number): { key: RegisterKey; register: Register } | undefined {
  return registerIn(REGISTERS, offset);
}
