/**
 * Who has the TPM: request, seize, relinquish (TIS 1.3 and PTP 1.05, "Access Register"). The TPM changes hands at
 * once, or, while a command runs, when the running command has been answered.
 */
import type { TisCore } from "./core.ts";
import { ACCESS_BITS, LOCALITY_WORDS, NONE, WORD } from "./layout.ts";
import { LOCALITIES } from "./ports.ts";
import { ACCESS, INT } from "./registers.ts";
import { RECEPTION } from "./states.ts";

const bitsOf = (locality: number) => ACCESS_BITS + locality * LOCALITY_WORDS;

const has = (core: TisCore, locality: number, bit: number) => (core.words[bitsOf(locality)]! & bit) !== 0;

function change(core: TisCore, locality: number, set: number, clear: number): void {
  core.words[bitsOf(locality)] = (core.words[bitsOf(locality)]! & ~clear) | set;
}

/** A write to TPM_ACCESS: each bit acts on its own, one after the other. */
export function writeAccess(core: TisCore, locality: number, value: number): void {
  const seize = (value & ACCESS.SEIZE) !== 0;
  // Who seizes, does not ask or give back in the same write.
  const release = !seize && (value & ACCESS.ACTIVE_LOCALITY) !== 0 && relinquish(core, locality);
  if (value & ACCESS.BEEN_SEIZED) change(core, locality, 0, ACCESS.BEEN_SEIZED);
  if (seize) trySeize(core, locality);
  else if (value & ACCESS.REQUEST_USE) requestUse(core, locality);
  if (release) makeActive(core, NONE);
}

/** @returns true when the locality has the TPM and nobody waits for it, so that nobody will have it. */
function relinquish(core: TisCore, locality: number): boolean {
  if (core.words[WORD.ACTIVE] !== locality) {
    change(core, locality, 0, ACCESS.REQUEST_USE);
    return false;
  }
  const next = highestWaiting(core);
  if (next === NONE) return true;
  handOver(core, next);
  return false;
}

function highestWaiting(core: TisCore): number {
  for (let locality = LOCALITIES - 1; locality >= 0; locality--) {
    if (has(core, locality, ACCESS.REQUEST_USE)) return locality;
  }
  return NONE;
}

/** The TPM can be taken from a lower locality, or from nobody, unless a seize of this or a higher one is pending. */
function trySeize(core: TisCore, locality: number): void {
  if (locality <= core.words[WORD.ACTIVE]!) return;
  for (let other = locality; other < LOCALITIES; other++) {
    if (has(core, other, ACCESS.SEIZE)) return;
  }
  for (let lower = 0; lower < locality; lower++) change(core, lower, 0, ACCESS.SEIZE);
  change(core, locality, ACCESS.SEIZE, 0);
  handOver(core, locality);
}

function requestUse(core: TisCore, locality: number): void {
  const active = core.words[WORD.ACTIVE]!;
  if (active === locality) return;
  if (active === NONE) makeActive(core, locality);
  else change(core, locality, ACCESS.REQUEST_USE, 0);
}

/**
 * Gives the TPM to `next`: now, or when the running command has been answered, which is hurried by a cancel. A later
 * call meanwhile takes the place of an earlier one.
 */
export function handOver(core: TisCore, next: number): void {
  core.words[WORD.ABORTING] = core.words[WORD.ACTIVE]!;
  core.words[WORD.NEXT] = next;
  if (core.executing() === NONE) finishHandOver(core);
  else core.cancelCommand();
}

/** The abort of a locality's own command needs no end any more. */
export function forgetAbort(core: TisCore, locality: number): void {
  const { words } = core;
  if (words[WORD.NEXT] !== locality || words[WORD.ABORTING] !== locality) return;
  words[WORD.NEXT] = NONE;
  words[WORD.ABORTING] = NONE;
}

/** The change that `handOver` noted comes true. */
export function finishHandOver(core: TisCore): void {
  const next = core.words[WORD.NEXT]!;
  core.words[WORD.OFFSET] = 0;
  core.words[WORD.NEXT] = NONE;
  core.words[WORD.ABORTING] = NONE;
  makeActive(core, next);
}

/** True when the noted change takes the TPM from `locality` by a seize. */
export function isBeingSeized(core: TisCore, locality: number): boolean {
  const next = core.words[WORD.NEXT]!;
  if (next === NONE || next === locality || core.words[WORD.ACTIVE] !== locality) return false;
  return has(core, next, ACCESS.SEIZE);
}

function makeActive(core: TisCore, locality: number): void {
  const { words } = core;
  const old = words[WORD.ACTIVE]!;
  const seized = locality !== NONE && has(core, locality, ACCESS.SEIZE);
  words[WORD.ACTIVE] = locality;
  if (old !== NONE && old !== locality) {
    if (seized) change(core, old, ACCESS.BEEN_SEIZED, ACCESS.ACTIVE_LOCALITY);
    else change(core, old, 0, ACCESS.ACTIVE_LOCALITY | ACCESS.REQUEST_USE);
    loseInterface(core, old);
  }
  if (locality !== NONE) {
    change(core, locality, ACCESS.ACTIVE_LOCALITY, ACCESS.REQUEST_USE | ACCESS.SEIZE);
  }
  if (old === locality) return;
  if (locality !== NONE) core.raise(locality, INT.LOCALITY_CHANGE);
  core.traceOwner(old, locality, seized);
}

/** The locality is idle again, if it was about to send a command; what was half sent is dropped. */
function loseInterface(core: TisCore, locality: number): void {
  if (core.state(locality) === RECEPTION) core.words[WORD.OFFSET] = 0;
  core.move(locality, "localityLost");
}
