/**
 * Who has the TPM: request, seize, relinquish (PTP 1.05, "Locality Control"). The TPM changes hands at once, or, while a
 * command runs, when the running command has been answered.
 */
import type { CrbCore } from "./core.ts";
import { LOCALITY_WORDS, NONE, STANDING, STANDING_BITS, WORD } from "./layout.ts";
import { HARDWARE_LOCALITY } from "./ports.ts";
import { INT, LOC_CTRL } from "./registers.ts";

/** Localities that may reset the establishment flag begin here. */
const FIRST_ESTABLISHMENT_LOCALITY = 3;

const bitsOf = (locality: number) => STANDING_BITS + locality * LOCALITY_WORDS;

function change(core: CrbCore, locality: number, set: number, clear: number): void {
  core.words[bitsOf(locality)] = (core.words[bitsOf(locality)]! & ~clear) | set;
}

/** A write to TPM_LOC_CTRL: each bit acts on its own, one after the other. */
export function writeLocalityControl(core: CrbCore, locality: number, value: number): void {
  if (value & LOC_CTRL.RESET_ESTABLISHMENT && locality >= FIRST_ESTABLISHMENT_LOCALITY) {
    core.resetEstablishment(locality);
  }
  // The other bits of locality 4's register are those of the processor's dynamic launch.
  if (locality >= HARDWARE_LOCALITY) return;
  const seize = (value & LOC_CTRL.SEIZE) !== 0;
  // Who seizes, does not ask or give back in the same write; nor does who gives back, ask.
  if (seize) trySeize(core, locality);
  else if (value & LOC_CTRL.RELINQUISH && core.active === locality) relinquish(core);
  else {
    if (value & LOC_CTRL.RELINQUISH) change(core, locality, 0, STANDING.REQUESTED);
    if (value & LOC_CTRL.REQUEST_ACCESS) requestAccess(core, locality);
  }
}

/** Who has given the TPM up while a command still runs, asks as everybody else does. */
function requestAccess(core: CrbCore, locality: number): void {
  change(core, locality, 0, STANDING.BEEN_SEIZED);
  if (core.active === locality && core.words[WORD.LEAVING] === 0) return;
  if (core.active === NONE) makeActive(core, locality, false);
  else change(core, locality, STANDING.REQUESTED, 0);
}

function relinquish(core: CrbCore): void {
  core.words[WORD.LEAVING] = 1;
  handOver(core);
}

/** The TPM can be taken from a lower locality, or from nobody, unless a seize of this or a higher one is pending. */
function trySeize(core: CrbCore, locality: number): void {
  const { words } = core;
  if (locality <= words[WORD.ACTIVE]! || locality <= words[WORD.SEIZING]!) return;
  words[WORD.SEIZING] = locality;
  handOver(core);
}

/** What was noted comes true: now, or when the running command has been answered, which is hurried by a cancel. */
function handOver(core: CrbCore): void {
  if (core.executing) core.cancelCommand();
  else finishHandOver(core);
}

/** True when the locality whose command runs will not have the TPM when it is answered. */
export function losesTpm(core: CrbCore): boolean {
  return core.words[WORD.LEAVING] !== 0 || core.words[WORD.SEIZING] !== NONE;
}

export function finishHandOver(core: CrbCore): void {
  const { words } = core;
  const seizing = words[WORD.SEIZING]!;
  const seized = seizing !== NONE && words[WORD.LEAVING] === 0;
  words[WORD.LEAVING] = 0;
  words[WORD.SEIZING] = NONE;
  makeActive(core, seizing !== NONE ? seizing : highestWaiting(core), seized);
}

function highestWaiting(core: CrbCore): number {
  for (let locality = HARDWARE_LOCALITY - 1; locality >= 0; locality--) {
    if (core.words[bitsOf(locality)]! & STANDING.REQUESTED) return locality;
  }
  return NONE;
}

/** @param seized taken from whoever has it. */
function makeActive(core: CrbCore, locality: number, seized: boolean): void {
  const { words } = core;
  const old = words[WORD.ACTIVE]!;
  if (old !== NONE && seized) change(core, old, STANDING.BEEN_SEIZED, 0);
  words[WORD.ACTIVE] = locality;
  if (locality !== NONE) {
    change(core, locality, 0, STANDING.REQUESTED);
    takeBuffer(core, locality);
    core.raise(locality, INT.LOCALITY_CHANGE);
  }
  if (old !== locality) core.traceOwner(old, locality, seized);
}

/** The one buffer becomes this locality's; nobody else's command or response stays in it. */
function takeBuffer(core: CrbCore, locality: number): void {
  const { words } = core;
  if (words[WORD.USER] === locality) return;
  core.move("bufferTaken");
  core.emptyBuffer();
  words[WORD.CANCEL] = 0;
  words[WORD.USER] = locality;
}
