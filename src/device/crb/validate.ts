/** What holds of the device's state at any time between two accesses: for restoring, and for tests. */
import { HEADER_BYTES } from "../frontend/packet.ts";
import { accessMask } from "../frontend/registers.ts";
import {
  type CrbMemory,
  INT_ENABLE_BITS,
  INT_STATUS_BITS,
  LOCALITY_WORDS,
  NONE,
  STANDING,
  STANDING_BITS,
  VERSIONS,
  WORD,
} from "./layout.ts";
import { CRB_DATA_BYTES, CRB_PACKET_BYTES, HARDWARE_LOCALITY, LOCALITIES } from "./ports.ts";
import { INT_ENABLE, REGISTERS } from "./registers.ts";
import { EXECUTION, IDLE, STATES } from "./states.ts";

const INT_ENABLE_WRITABLE = accessMask(REGISTERS.INT_ENABLE, "rw");
const INTERRUPTS = accessMask(REGISTERS.INT_STS, "w1c");
const STANDINGS = STANDING.REQUESTED | STANDING.BEEN_SEIZED;
const FLAGS = ["CHUNKS", "ESTABLISHED", "IRQ_LEVEL", "INTERFACE_LOCKED", "LEAVING", "CANCEL"] as const;
/** Who can have the TPM; all of them can ask for the establishment flag's reset. */
const OWNERS = ["ACTIVE", "SEIZING", "USER"] as const;

/**
 * Checks a state.
 * @returns what is wrong with it in words, or `undefined` when it is valid.
 */
export function validate({ words }: Pick<CrbMemory, "words">): string | undefined {
  return wrongGlobals(words) ?? wrongLocalities(words) ?? wrongTogether(words);
}

function wrongGlobals(words: Int32Array): string | undefined {
  const localities = words[WORD.LOCALITIES]!;
  if (!VERSIONS[words[WORD.VERSION]!]) return "no such TPM version";
  if (localities !== 1 && localities !== LOCALITIES) return `${localities} localities`;
  for (const name of FLAGS) {
    if (words[WORD[name]] !== 0 && words[WORD[name]] !== 1) return `flag ${name} is ${words[WORD[name]]}`;
  }
  const size = words[WORD.BUFFER_SIZE]!;
  const largest = words[WORD.CHUNKS] ? CRB_PACKET_BYTES : CRB_DATA_BYTES;
  if (size < HEADER_BYTES || size > largest) return `a buffer of ${size} bytes`;
  for (const name of OWNERS) {
    const locality = words[WORD[name]]!;
    if (locality < NONE || locality >= Math.min(localities, HARDWARE_LOCALITY))
      return `no locality that can have the TPM: ${locality}`;
  }
  const clearing = words[WORD.CLEARING]!;
  if (clearing < NONE || clearing >= localities) return `no such locality: ${clearing}`;
  if (!STATES[words[WORD.STATE]!]) return `no such state: ${words[WORD.STATE]}`;
  return wrongPacket(words);
}

function wrongPacket(words: Int32Array): string | undefined {
  const length = words[WORD.PACKET_LENGTH]!;
  const offset = words[WORD.OFFSET]!;
  if (!words[WORD.CHUNKS] && (length !== 0 || offset !== 0)) return "a packet in chunks where there are none";
  if (length < 0 || length > CRB_PACKET_BYTES) return `a packet of ${length} bytes`;
  if (offset < 0 || (offset > 0 && offset >= length))
    return `offset ${offset} in a packet of ${length} bytes`;
  if (offset % CRB_DATA_BYTES !== 0) return `a chunk at ${offset}`;
  return undefined;
}

function wrongLocalities(words: Int32Array): string | undefined {
  const owners = Math.min(words[WORD.LOCALITIES]!, HARDWARE_LOCALITY);
  let level = 0;
  for (let locality = 0; locality < LOCALITIES; locality++) {
    const first = locality * LOCALITY_WORDS;
    const standing = words[STANDING_BITS + first]!;
    const enabled = words[INT_ENABLE_BITS + first]!;
    const pending = words[INT_STATUS_BITS + first]!;
    if (standing & ~STANDINGS) return `locality ${locality}: standing ${standing}`;
    if (enabled & ~INT_ENABLE_WRITABLE) return `locality ${locality}: INT_ENABLE bits`;
    if (pending & ~INTERRUPTS) return `locality ${locality}: INT_STS bits`;
    if ((standing | enabled | pending) !== 0 && locality >= owners)
      return `locality ${locality} uses a TPM that it cannot have`;
    if (enabled & INT_ENABLE.GLOBAL && enabled & pending) level = 1;
  }
  if (level !== words[WORD.IRQ_LEVEL]) return "the interrupt line does not agree with what is pending";
  return undefined;
}

function wrongTogether(words: Int32Array): string | undefined {
  const state = words[WORD.STATE]!;
  const active = words[WORD.ACTIVE]!;
  const user = words[WORD.USER]!;
  if (active !== NONE && active !== user) return "the buffer is another locality's than the TPM";
  if (user === NONE && state !== IDLE) return "a command of nobody's";
  if (state === EXECUTION) return active === NONE ? "a command runs, and nobody has the TPM" : undefined;
  if (words[WORD.LEAVING] || words[WORD.SEIZING] !== NONE)
    return "a change of locality that nothing holds up";
  if (active === NONE && hasWaiting(words)) return "a locality waits for a TPM that nobody has";
  return undefined;
}

function hasWaiting(words: Int32Array): boolean {
  for (let locality = 0; locality < LOCALITIES; locality++) {
    if (words[STANDING_BITS + locality * LOCALITY_WORDS]! & STANDING.REQUESTED) return true;
  }
  return false;
}
