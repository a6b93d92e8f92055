/** Physical presence in words: what was asked of the firmware, by whom, and what came of it. */
import { PPI_RESULT } from "../../device/ppi/layout.ts";
import { operationName, PCR_BANK_BITS, PPI_OPERATIONS, type PpiFamily } from "../../device/ppi/operations.ts";
import { responseCodeName } from "../../protocol/tpm2/index.ts";
import type { PresenceRequest, PresenceStatus } from "../../session/types.ts";

const SET_PCR_BANKS = 23;

const WHO: Record<NonNullable<PresenceRequest["by"]>, string> = {
  guest: "by the guest's operating system",
  page: "on this page",
};
const UNKNOWN = "before this machine's snapshot was taken";

/** The operation in words, what it does, and who asked for it. */
export function requestText(family: PpiFamily, request: PresenceRequest): string {
  const { operation, parameter, by } = request;
  const what = PPI_OPERATIONS[family][operation]?.what;
  const banks = family === "2.0" && operation === SET_PCR_BANKS ? ` (${banksText(parameter)})` : "";
  return `${operationName(family, operation)}${what ? `, which ${what}${banks}` : ""}; asked for ${by ? WHO[by] : UNKNOWN}`;
}

function banksText(parameter: number): string {
  const banks = PCR_BANK_BITS.filter((_, bit) => parameter & (1 << bit));
  return banks.length ? banks.join(", ") : "none";
}

/** What the firmware said of the operation that it carried out last. */
export function resultText(family: PpiFamily, result: number): string {
  if (result === PPI_RESULT.SUCCESS) return "done";
  if (result === PPI_RESULT.USER_ABORT) return "the user refused it";
  if (result === PPI_RESULT.FIRMWARE_FAILURE)
    return "the firmware could not do it: it does not know the operation, or the parameter is not for this TPM";
  return `the TPM refused it: ${responseCodeName(result, family)}`;
}

/** What becomes, or has become, of the guest's memory at a reset. */
export function memoryText({
  overwrite,
  overwritten,
}: Pick<PresenceStatus, "overwrite" | "overwritten">): string {
  if (overwrite)
    return "It is overwritten with zeros at the next reset, before the firmware starts: the guest's operating system asked for that.";
  if (overwritten)
    return "It was overwritten with zeros at the last reset, before the firmware started, as the guest's operating system had asked.";
  return "Nobody has asked for it to be overwritten: it outlives a reset.";
}

/** Operations that can be asked for with a number alone, as choices. */
export function choices(family: PpiFamily): { operation: number; label: string }[] {
  return Object.entries(PPI_OPERATIONS[family])
    .map(([number, { name, what, implemented }]) => ({ operation: Number(number), name, what, implemented }))
    .filter(({ operation, implemented }) => implemented && operation !== 0)
    .filter(({ operation }) => family !== "2.0" || operation !== SET_PCR_BANKS)
    .map(({ operation, name, what }) => ({ operation, label: `${operation}: ${name}: ${what}` }));
}
