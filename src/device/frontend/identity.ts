/**
 * The fields by which every register interface says what it is and who made it: one register in the specification (PTP
 * 1.05, "Interface Identifier Register" and "CRB Interface Identifier"), which TIS and CRB have in the same place.
 */
import type { RegisterField } from "./registers.ts";

/** The Interface Identifier, from its highest field down. */
export const IDENTIFIER = {
  LOCK: {
    name: "IntfSelLock",
    constant: "LOCK",
    bits: [19, 19],
    access: "w1s",
    meaning: "Writing 1 fixes the choice of interface until reset.",
  },
  SELECTOR: {
    name: "InterfaceSelector",
    constant: "SELECTOR",
    bits: [18, 17],
    access: "r",
    meaning: "Chooses FIFO or CRB where both exist; here the machine has one.",
    values: { 0: "FIFO", 1: "CRB" },
  },
  CAP_CRB: {
    name: "CapCRB",
    constant: "CAP_CRB",
    bits: [14, 14],
    access: "r",
    meaning: "The CRB interface exists.",
  },
  CAP_FIFO: {
    name: "CapFIFO",
    constant: "CAP_FIFO",
    bits: [13, 13],
    access: "r",
    meaning: "The FIFO interface exists.",
  },
  CAP_LOCALITY: {
    name: "CapLocality",
    constant: "CAP_LOCALITY",
    bits: [8, 8],
    access: "r",
    meaning: "1: five localities; 0: locality 0 only.",
  },
  VERSION: {
    name: "InterfaceVersion",
    constant: "VERSION",
    bits: [7, 4],
    access: "r",
    meaning: "Version of the interface that is chosen.",
    values: { 0: "FIFO as in PTP", 1: "CRB as in PTP" },
  },
  TYPE: {
    name: "InterfaceType",
    constant: "TYPE",
    bits: [3, 0],
    access: "r",
    meaning: "The interface in use.",
    values: { 0: "FIFO as in PTP", 1: "CRB", 15: "FIFO as in TIS 1.3" },
  },
} as const satisfies Record<string, RegisterField>;

/** Who made the TPM, in one word. */
export const MAKER_FIELDS = [
  { name: "DID", constant: "DEVICE", bits: [31, 16], access: "r", meaning: "Device number." },
  {
    name: "VID",
    constant: "VENDOR",
    bits: [15, 0],
    access: "r",
    meaning: "Vendor number.",
    values: { 4116: "IBM" },
  },
] as const satisfies readonly RegisterField[];
