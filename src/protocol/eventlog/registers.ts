/**
 * The registers that a log speaks of. The log of a confidential VM (the ACPI table CCEL points at it) has the form of
 * a TPM's crypto-agile log, but its numbers are those of measurement registers: for Intel TDX 0 is MRTD, which the
 * processor fills before the VM starts, and 1 to 4 are RTMR[0] to RTMR[3], which are extended with SHA-384.
 * Source: UEFI 2.10, section 38.4.1 (Intel TDX); TCG PC Client Platform Firmware Profile 1.06 for the form.
 */
import { TPM_ALG } from "../tpm2/algorithms.ts";
import { EVENT_TYPES } from "./event-types.ts";
import { type EventLog, type LogEvent, PCR_COUNT, type Registers } from "./log.ts";
import { latin1 } from "./text.ts";

/** MRTD and four RTMRs. */
const RTMR_COUNT = 5;
/** What a TPM's PCR would be, by number: UEFI's table of the mapping. */
const PCRS_OF_RTMR = ["", "PCR 1 and 7", "PCR 2 to 6", "PCR 8 to 15", "no PCR: applications"] as const;
/** How TDX' firmware names the list of what the host gave it (the hand-off blocks). */
const TD_HOB = "td_hob";

/** How many registers a log can speak of. */
export function registerCount(registers: Registers): number {
  return registers === "RTMR" ? RTMR_COUNT : PCR_COUNT;
}

/** "PCR 4", "RTMR[1]" or "MRTD". */
export function registerName(registers: Registers, index: number): string {
  if (registers === "PCR") return `PCR ${index}`;
  return index === 0 ? "MRTD" : `RTMR[${index - 1}]`;
}

/** What is measured into a register of a confidential VM, in words; undefined for PCRs. */
export function registerMeaning(registers: Registers, index: number): string | undefined {
  if (registers === "PCR") return undefined;
  if (index === 0) return "The confidential VM's firmware, measured by the processor before it starts.";
  const pcrs = PCRS_OF_RTMR[index];
  return pcrs && `A confidential VM's register, with what a TPM has in ${pcrs}.`;
}

/**
 * Which registers a log speaks of. A log does not say so; a TDX VM's has SHA-384 only, no register above 4, and in
 * register 1 what a TPM's log has elsewhere: the variables of Secure Boot (PCR 7), or the host's hand-off blocks.
 */
export function registersOf({
  format,
  algorithms,
  events,
}: Pick<EventLog, "format" | "algorithms" | "events">) {
  if (format !== "2.0" || algorithms.length !== 1 || algorithms[0]?.id !== TPM_ALG.SHA384.id) return "PCR";
  const measured = events.filter(({ type }) => type !== EVENT_TYPES.EV_NO_ACTION.id);
  if (measured.some(({ pcr }) => pcr >= RTMR_COUNT)) return "PCR";
  return measured.some(isOfTdx) ? "RTMR" : "PCR";
}

function isOfTdx({ pcr, type, data }: LogEvent): boolean {
  if (pcr !== 1) return false;
  if (type === EVENT_TYPES.EV_EFI_VARIABLE_DRIVER_CONFIG.id) return true;
  return latin1(data.subarray(0, TD_HOB.length + 1)).includes(TD_HOB);
}
