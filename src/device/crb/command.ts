/**
 * Command in, response out: the control area's registers, the data buffer, chunks, and the TPM's answer (PTP 1.05,
 * "CRB Interface State Transitions"; PTP 1.07 for chunks).
 */
import {
  declaredSize,
  failureResponse,
  HEADER_BYTES,
  isWellFormed,
  wrongSizeResponse,
} from "../frontend/packet.ts";
import type { CrbCore } from "./core.ts";
import { WORD } from "./layout.ts";
import { finishHandOver, losesTpm } from "./locality.ts";
import { CRB_DATA_BYTES } from "./ports.ts";
import { CTRL_CANCEL, CTRL_REQ, CTRL_START } from "./registers.ts";
import { COMPLETION, EXECUTION, READY, RECEPTION } from "./states.ts";

const REQUESTS = CTRL_REQ.CMD_READY | CTRL_REQ.GO_IDLE;

/** A write to TPM_CRB_CTRL_REQ. Both requests at once contradict each other, and are none. */
export function writeRequest(core: CrbCore, value: number): void {
  const request = value & REQUESTS;
  if (request !== CTRL_REQ.CMD_READY && request !== CTRL_REQ.GO_IDLE) return;
  if (!core.move(request === CTRL_REQ.CMD_READY ? "cmdReady" : "goIdle")) return;
  core.words[WORD.PACKET_LENGTH] = 0;
  core.words[WORD.OFFSET] = 0;
}

/** A write to TPM_CRB_CTRL_CANCEL. */
export function writeCancel(core: CrbCore, value: number): void {
  core.words[WORD.CANCEL] = value & CTRL_CANCEL.CANCEL;
  if (value & CTRL_CANCEL.CANCEL && core.executing) core.cancelCommand();
}

/** A write to TPM_CRB_CTRL_START. */
export function writeStart(core: CrbCore, value: number): void {
  const { state } = core;
  const filling = state === READY || state === RECEPTION;
  if (value & CTRL_START.START) {
    if (filling) start(core);
  } else if (core.words[WORD.CHUNKS] === 0) return;
  else if (value & CTRL_START.NEXT_CHUNK) {
    if (filling) gatherChunk(core);
    else if (state === COMPLETION) nextResponseChunk(core);
  } else if (value & CTRL_START.RSP_RETRY && state === COMPLETION) {
    core.words[WORD.OFFSET] = 0;
    showChunk(core);
    core.move("responseRetry");
  }
}

/**
 * The low `size` bytes of `value`, lowest first, into the data buffer. @param at offset in it. An idle TPM wakes by them:
 * SeaBIOS asks for cmdReady only after a command, and QEMU's buffer takes its first one.
 */
export function writeData(core: CrbCore, at: number, size: number, value: number): void {
  if (core.state === EXECUTION) return;
  if (core.state === COMPLETION) {
    core.words[WORD.PACKET_LENGTH] = 0;
    core.words[WORD.OFFSET] = 0;
  }
  for (let i = 0; i < size; i++) core.data[at + i] = value >>> (8 * i);
  core.move("dataWrite");
}

// --- the command ---

/** The data buffer's bytes follow those that were gathered. What does not fit any more is not kept. */
function gatherChunk(core: CrbCore): void {
  const { words, packet, data } = core;
  const length = words[WORD.PACKET_LENGTH]!;
  const fits = data.subarray(0, Math.max(0, packet.length - length));
  packet.set(fits, length);
  words[WORD.PACKET_LENGTH] = length + fits.length;
  core.move("commandChunk");
}

/** The command runs from the data buffer; with chunks before it, from all of them. */
function start(core: CrbCore): void {
  const { words } = core;
  const command = wholeCommand(core);
  const begin = words[WORD.PACKET_LENGTH] === 0 ? core.data : core.packet;
  words[WORD.PACKET_LENGTH] = 0;
  words[WORD.OFFSET] = 0;
  core.move("start");
  if (isWellFormed(command, command.length) && command.length <= words[WORD.BUFFER_SIZE]!) {
    core.startCommand(command);
  } else endExecution(core, wrongSizeResponse("2.0", begin));
}

/** As many bytes as the command's size field says, as far as they are there. */
function wholeCommand(core: CrbCore): Uint8Array {
  const { words, packet, data } = core;
  const gathered = words[WORD.PACKET_LENGTH]!;
  if (gathered === 0) return data.slice(0, Math.min(declaredSize(data), data.length));
  const last = data.subarray(0, Math.max(0, Math.min(declaredSize(packet) - gathered, data.length)));
  const whole = new Uint8Array(gathered + last.length);
  whole.set(packet.subarray(0, gathered));
  whole.set(last, gathered);
  return whole;
}

// --- the response ---

/** The TPM has answered the command that the sink's `execute` was given. */
export function acceptResponse(core: CrbCore, response: Uint8Array): void {
  const usable = response.length <= core.words[WORD.BUFFER_SIZE]! && isWellFormed(response, response.length);
  endExecution(core, usable ? response : failureResponse("2.0"));
}

/** The command is over; what was put off until then happens. */
function endExecution(core: CrbCore, response: Uint8Array): void {
  if (losesTpm(core)) {
    core.move("responseDropped");
    finishHandOver(core);
    return;
  }
  const { words } = core;
  if (words[WORD.CHUNKS]) {
    core.packet.set(response);
    words[WORD.PACKET_LENGTH] = response.length;
    showChunk(core);
  } else core.data.set(response);
  core.move("response");
}

function nextResponseChunk(core: CrbCore): void {
  const { words } = core;
  const next = words[WORD.OFFSET]! + CRB_DATA_BYTES;
  if (next >= words[WORD.PACKET_LENGTH]!) return;
  words[WORD.OFFSET] = next;
  showChunk(core);
  core.move("responseChunk");
}

/** The part of the response from `OFFSET` on, as much as the data buffer holds. */
function showChunk(core: CrbCore): void {
  const { words, packet, data } = core;
  const begin = words[WORD.OFFSET]!;
  data.set(packet.subarray(begin, Math.min(begin + CRB_DATA_BYTES, words[WORD.PACKET_LENGTH]!)));
}

/** The least and the most that a device's largest packet can be set to. */
export function usableBufferSize(size: number, largest: number): number {
  if (!(size >= HEADER_BYTES)) {
    throw new RangeError(`a TPM's buffer holds at least ${HEADER_BYTES} bytes, got ${size}`);
  }
  return Math.min(Math.floor(size), largest);
}
