/**
 * Command in, response out: writes to TPM_STS, the FIFO in both directions, and the TPM's answer (TIS 1.3 and
 * PTP 1.05, "Status Register" and "Data FIFO Register").
 */

import {
  canceledResponse,
  declaredSize,
  failureResponse,
  isContinueSelfTest,
  isWellFormed,
  SIZE_FIELD_END,
  succeeded,
  wrongSizeResponse,
} from "../frontend/packet.ts";
import type { TisCore } from "./core.ts";
import { LOCALITY_WORDS, NONE, OWED_ABANDONED, OWED_ANSWER, OWED_NOTHING, STS_BITS, WORD } from "./layout.ts";
import { finishHandOver, forgetAbort, handOver, isBeingSeized } from "./locality.ts";
import { LOCALITIES } from "./ports.ts";
import { STS } from "./registers.ts";
import { COMPLETION, EXECUTION, IDLE, READY, RECEPTION } from "./states.ts";

/** The bits of TPM_STS of which only one at a time may be written. */
const COMMANDS = STS.COMMAND_READY | STS.TPM_GO | STS.RESPONSE_RETRY;
/** Localities that may reset the establishment flag begin here. */
const FIRST_ESTABLISHMENT_LOCALITY = 3;

/** A write to TPM_STS by the active locality. */
export function writeStatus(core: TisCore, locality: number, value: number): void {
  if (!core.isTpm12) {
    if (value & STS.COMMAND_CANCEL && core.state(locality) === EXECUTION) commandCancel(core, locality);
    if (value & STS.RESET_ESTABLISHMENT && locality >= FIRST_ESTABLISHMENT_LOCALITY) {
      core.resetEstablishment(locality);
    }
  }
  switch (value & COMMANDS) {
    case STS.COMMAND_READY:
      commandReady(core, locality);
      break;
    case STS.TPM_GO:
      go(core, locality);
      break;
    case STS.RESPONSE_RETRY:
      if (core.state(locality) === COMPLETION) core.words[WORD.OFFSET] = 0;
      core.move(locality, "responseRetry");
      break;
  }
}

/** The TPM is told only of what it has: a command that waits for the end of another one is over at once. */
function commandCancel(core: TisCore, locality: number): void {
  if (core.words[WORD.OWED] !== OWED_ABANDONED) {
    core.cancelCommand();
    return;
  }
  storeResponse(core, canceledResponse());
  endExecution(core, locality);
}

function commandReady(core: TisCore, locality: number): void {
  const state = core.state(locality);
  if (state === EXECUTION) {
    // The move follows the answer to the command that runs.
    handOver(core, locality);
    return;
  }
  if (state !== IDLE) core.words[WORD.OFFSET] = 0;
  core.move(locality, "commandReady");
}

function go(core: TisCore, locality: number): void {
  const { words, fifo } = core;
  if (core.state(locality) !== RECEPTION || core.sts(locality) & STS.EXPECT) return;
  core.move(locality, "tpmGo");
  words[WORD.PACKET_LENGTH] = words[WORD.OFFSET]!;
  if (!isWellFormed(fifo, words[WORD.OFFSET]!)) refuseCommand(core, locality);
  else if (words[WORD.OWED] === OWED_NOTHING) core.startCommand();
}

/** Response bytes become readable at a locality. */
function storeResponse(core: TisCore, response: Uint8Array): void {
  core.fifo.set(response);
  core.words[WORD.PACKET_LENGTH] = response.length;
  core.words[WORD.OFFSET] = 0;
}

/** The interface answers a command itself: the TPM gets only whole ones. */
function refuseCommand(core: TisCore, locality: number): void {
  storeResponse(core, wrongSizeResponse(core.family, core.fifo));
  core.move(locality, "response");
}

// --- FIFO ---

/** Takes the low `size` bytes of `value`, lowest first. */
export function writeFifo(core: TisCore, locality: number, size: number, value: number): void {
  const { words, fifo } = core;
  if (words[WORD.ACTIVE] !== locality) return;
  if (core.state(locality) === READY) {
    takeBuffer(core, locality);
    core.move(locality, "fifoWrite");
  }
  const status = STS_BITS + locality * LOCALITY_WORDS;
  if (core.state(locality) !== RECEPTION || !(words[status]! & STS.EXPECT)) return;
  let offset = words[WORD.OFFSET]!;
  let full = false;
  for (let i = 0; i < size && !full; i++) {
    if (offset < words[WORD.BUFFER_SIZE]!) fifo[offset++] = value >>> (8 * i);
    else full = true;
  }
  words[WORD.OFFSET] = offset;
  if (full || (offset >= SIZE_FIELD_END && declaredSize(fifo) <= offset))
    core.move(locality, "commandComplete");
}

/** The one buffer becomes this locality's; nobody else keeps a response, or a claim to one, in it. */
function takeBuffer(core: TisCore, locality: number): void {
  const { words } = core;
  words[WORD.OFFSET] = 0;
  words[WORD.PACKET_LENGTH] = 0;
  for (let other = 0; other < LOCALITIES; other++) {
    if (other === locality) continue;
    if (core.state(other) === EXECUTION && words[WORD.OWED] === OWED_ANSWER) {
      words[WORD.OWED] = OWED_ABANDONED;
      core.cancelCommand();
      forgetAbort(core, other);
    }
    core.move(other, "bufferTaken");
  }
}

/** Takes `size` response bytes out of the FIFO, as far as there are any; what they are, `TisView.peek` says. */
export function consumeFifo(core: TisCore, locality: number, size: number): void {
  const { words } = core;
  if (words[WORD.ACTIVE] !== locality || core.state(locality) !== COMPLETION) return;
  if (!(core.sts(locality) & STS.DATA_AVAIL)) return;
  const end = words[WORD.PACKET_LENGTH]!;
  const offset = Math.min(words[WORD.OFFSET]! + size, end);
  words[WORD.OFFSET] = offset;
  if (offset === end) core.move(locality, "lastByteRead");
}

// --- the TPM's answer ---

/** The TPM has answered the command that `TisSink.execute` gave it. */
export function acceptResponse(core: TisCore, response: Uint8Array): void {
  const { words } = core;
  const abandoned = words[WORD.OWED] === OWED_ABANDONED;
  const locality = core.executing();
  words[WORD.OWED] = OWED_NOTHING;
  if (abandoned) {
    afterAbandoned(core, locality);
  } else {
    keepResponse(core, response);
    endExecution(core, locality);
  }
}

function keepResponse(core: TisCore, response: Uint8Array): void {
  const usable = response.length <= core.words[WORD.BUFFER_SIZE]! && isWellFormed(response, response.length);
  if (core.isTpm12 && isContinueSelfTest(core.fifo) && usable && succeeded(response)) {
    core.words[WORD.SELF_TEST_DONE] = 1;
  }
  storeResponse(core, usable ? response : failureResponse(core.family));
}

/** A locality's command is over; what was put off until then happens. */
function endExecution(core: TisCore, locality: number): void {
  const { words } = core;
  const next = words[WORD.NEXT]!;
  if (next !== NONE && words[WORD.ABORTING] === next) core.move(next, "commandAborted");
  else if (isBeingSeized(core, locality)) core.move(locality, "responseDropped");
  else core.move(locality, "response");
  if (next !== NONE) finishHandOver(core);
}

/** The answer is nobody's; a command that waited for it has its turn, unless it was aborted meanwhile. */
function afterAbandoned(core: TisCore, waiting: number): void {
  const next = core.words[WORD.NEXT]!;
  const aborted = next !== NONE && (waiting === NONE || core.words[WORD.ABORTING] === waiting);
  if (waiting !== NONE) {
    if (!aborted) core.startCommand();
    else core.move(waiting, next === waiting ? "commandAborted" : "responseDropped");
  }
  if (aborted) finishHandOver(core);
}
