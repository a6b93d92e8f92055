/** What holds of the device's state at any time between two accesses: for restoring, and for tests. */

import { HEADER_BYTES } from "../frontend/packet.ts";
import {
  ACCESS_BITS,
  INT_ENABLE_BITS,
  INT_STATUS_BITS,
  LOCALITY_WORDS,
  NONE,
  OWED_ABANDONED,
  OWED_ANSWER,
  STATE,
  STS_BITS,
  type TisMemory,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { LOCALITIES, TIS_BUFFER_SIZE } from "./ports.ts";
import { ACCESS, accessMask, REGISTERS, STS } from "./registers.ts";
import { COMPLETION, EXECUTION, IDLE, READY, RECEPTION, STATES } from "./states.ts";

const ACCESS_STATE = ACCESS.ACTIVE_LOCALITY | ACCESS.BEEN_SEIZED | ACCESS.SEIZE | ACCESS.REQUEST_USE;
const INT_ENABLE_WRITABLE = accessMask(REGISTERS.INT_ENABLE, "rw");
const INTERRUPTS = accessMask(REGISTERS.INT_STATUS, "w1c");

/** The values of TPM_STS that go with each state. */
const STS_OF_STATE: Readonly<Record<number, readonly number[]>> = {
  [IDLE]: [0],
  [READY]: [STS.COMMAND_READY],
  [RECEPTION]: [STS.VALID | STS.EXPECT, STS.VALID],
  [EXECUTION]: [STS.VALID],
  [COMPLETION]: [STS.VALID | STS.DATA_AVAIL, STS.VALID],
};

/**
 * Checks a state.
 * @returns what is wrong with it in words, or `undefined` when it is valid.
 */
export function validate({ words }: Pick<TisMemory, "words">): string | undefined {
  return wrongGlobals(words) ?? wrongLocalities(words) ?? wrongTogether(words);
}

const isFlag = (value: number) => value === 0 || value === 1;
const isLocalityOrNone = (value: number) => value >= NONE && value < LOCALITIES;

function wrongGlobals(words: Int32Array): string | undefined {
  const size = words[WORD.BUFFER_SIZE]!;
  const offset = words[WORD.OFFSET]!;
  const length = words[WORD.PACKET_LENGTH]!;
  if (!VERSIONS[words[WORD.VERSION]!]) return "no such TPM version";
  if (size < HEADER_BYTES || size > TIS_BUFFER_SIZE) return `a buffer of ${size} bytes`;
  if (offset < 0 || offset > size) return `FIFO offset ${offset} outside the buffer`;
  if (length < 0 || length > size) return `a packet of ${length} bytes in a buffer of ${size}`;
  const owed = words[WORD.OWED]!;
  if (owed < 0 || owed > OWED_ABANDONED) return `no such kind of owed answer: ${owed}`;
  for (const flag of [WORD.ESTABLISHED, WORD.IRQ_LEVEL, WORD.INTERFACE_LOCKED, WORD.SELF_TEST_DONE]) {
    if (!isFlag(words[flag]!)) return `flag ${flag} is ${words[flag]}`;
  }
  for (const locality of [WORD.ACTIVE, WORD.ABORTING, WORD.NEXT]) {
    if (!isLocalityOrNone(words[locality]!)) return `no such locality: ${words[locality]}`;
  }
  return undefined;
}

function wrongLocalities(words: Int32Array): string | undefined {
  for (let locality = 0; locality < LOCALITIES; locality++) {
    const first = locality * LOCALITY_WORDS;
    const state = words[STATE + first]!;
    const sts = words[STS_BITS + first]!;
    const access = words[ACCESS_BITS + first]!;
    if (!STATES[state]) return `locality ${locality}: no such state: ${state}`;
    if (!STS_OF_STATE[state]!.includes(sts))
      return `locality ${locality}: STS ${sts} in state ${STATES[state]}`;
    if (access & ~ACCESS_STATE) return `locality ${locality}: ACCESS bits ${access}`;
    if (((access & ACCESS.ACTIVE_LOCALITY) !== 0) !== (words[WORD.ACTIVE] === locality)) {
      return `locality ${locality}: activeLocality does not agree with who is active`;
    }
    if (words[INT_ENABLE_BITS + first]! & ~INT_ENABLE_WRITABLE)
      return `locality ${locality}: INT_ENABLE bits`;
    if (words[INT_STATUS_BITS + first]! & ~INTERRUPTS) return `locality ${locality}: INT_STATUS bits`;
  }
  return undefined;
}

/** The shared buffer has one user at a time. */
function wrongTogether(words: Int32Array): string | undefined {
  let executing = 0;
  let filling = 0;
  let others = 0;
  for (let locality = 0; locality < LOCALITIES; locality++) {
    const state = words[STATE + locality * LOCALITY_WORDS]!;
    if (state === EXECUTION) executing++;
    else if (state === RECEPTION) filling++;
    else if (state === COMPLETION) others++;
    if (state === RECEPTION && words[WORD.ACTIVE] !== locality) return "an inactive locality sends a command";
  }
  if (executing > 1) return "two commands at once";
  if (executing + filling > 1) return "a command is sent while another one is in the buffer";
  if (executing + filling > 0 && others > 0) return "a response and a command in one buffer";
  const owed = words[WORD.OWED]!;
  if (executing === 0 && owed === OWED_ANSWER) return "an answer is owed to nobody";
  if (executing === 1 && owed !== OWED_ANSWER && owed !== OWED_ABANDONED) return "a command that nobody runs";
  if (words[WORD.NEXT] !== NONE && executing === 0 && owed !== OWED_ABANDONED) {
    return "a change of locality that nothing holds up";
  }
  const next = words[WORD.NEXT]!;
  if (next !== NONE && words[WORD.ABORTING] === next && words[STATE + next * LOCALITY_WORDS] !== EXECUTION) {
    return "the abort of a command that does not run";
  }
  return undefined;
}
