/** The register interfaces that the device worker has, by the name under which the page asks for one. */
import { CRB } from "../crb/front-end.ts";
import type { FrontEnd } from "../frontend/port.ts";
import { TIS } from "../tis/front-end.ts";

const FRONT_ENDS: ReadonlyMap<string, FrontEnd> = new Map(
  [TIS, CRB].map((frontEnd) => [frontEnd.name, frontEnd]),
);

/** @throws {RangeError} for one that is not there. */
export function frontEndNamed(name: string): FrontEnd {
  const found = FRONT_ENDS.get(name);
  if (!found) throw new RangeError(`the device worker has no register interface "${name}"`);
  return found;
}

/** True for a register interface that can be in the worker: code does not cross threads. */
export const isInWorker = (frontEnd: FrontEnd): boolean => FRONT_ENDS.get(frontEnd.name) === frontEnd;
