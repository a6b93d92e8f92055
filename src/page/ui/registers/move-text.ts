/** A move of the command interface's state machine, in words. */

import type { StateTrace } from "../../../device/frontend/trace.ts";
import type { RegisterInterface } from "../../../device/interfaces/interfaces.ts";
import { interfaceMark, packAccess } from "../../../session/trace/access.ts";
import { describeAccess, unpackAccess } from "../../../session/trace/index.ts";

/** "Locality 0: reception → execution, by the write of tpmGo to TPM_STS. The TPM runs the command." */
export function moveText(
  { locality, event, from, to, access }: StateTrace,
  through: RegisterInterface,
): string {
  const step = from === to ? `stays in ${to}` : `${from} → ${to}`;
  const meaning = through.transitions.find((move) => move.from === from && move.on === event)?.meaning ?? "";
  if (!access) return `Locality ${locality}: ${step}, by the TPM's answer. ${meaning}`;
  const { address, size, value } = access;
  const word = packAccess(address, size, value !== undefined, "guest", interfaceMark(through));
  const { register, fields } = describeAccess(unpackAccess(0, 0, word, value ?? 0));
  const what =
    value === undefined
      ? `a read of ${register}`
      : `the write ${fields ? `of ${fields} ` : ""}to ${register}`;
  return `Locality ${locality}: ${step}, by ${what}. ${meaning}`;
}
