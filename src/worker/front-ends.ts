/** The register interfaces that the device worker has, by the name under which the page asks for one. */
import type { FrontEnd } from "../device/frontend/port.ts";
import { interfaceOf } from "../device/interfaces/interfaces.ts";

/** @throws {RangeError} for one that is not there. */
export function frontEndNamed(name: string): FrontEnd {
  const found = interfaceOf(name)?.frontEnd;
  if (!found) throw new RangeError(`the device worker has no register interface "${name}"`);
  return found;
}

/** True for a register interface that can be in the worker: code does not cross threads. */
export const isInWorker = (frontEnd: FrontEnd): boolean => interfaceOf(frontEnd.name)?.frontEnd === frontEnd;
