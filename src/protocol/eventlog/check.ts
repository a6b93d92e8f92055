/**
 * Checks an event's digests against what they should be the hash of. Many events hash something that the log does
 * not hold (a boot sector, a kernel); those can be checked only by who has that something.
 */
import { equalBytes } from "../bytes/hex.ts";
import { algorithmName } from "../tpm2/algorithms.ts";
import { efiVariable, isVariableEvent } from "./efi.ts";
import { EVENT_TYPES, eventType } from "./event-types.ts";
import { hash } from "./hash.ts";
import { type LogDigest, type LogEvent, PCR_COUNT } from "./log.ts";
import { latin1, withoutZero } from "./text.ts";

/** Something that may have been measured, such as the kernel's file. */
export interface KnownContent {
  /** For people, e.g. "the kernel". */
  name: string;
  bytes: Uint8Array;
}

export interface DigestCheck {
  /** Lower-case algorithm name. */
  algorithm: string;
  result: "matches" | "differs" | "cannot be checked";
  /** In words: what it is the hash of, or why that is not known. */
  reason: string;
}

/** What boot loaders put before a text that they measure. */
const TEXT_PREFIX = /^(grub_cmd|kernel_cmdline|module_cmdline):? /;

const LONGEST_PREFIX = 32;

/** Checks every digest of an event. @param known contents that may have been measured. */
export function checkDigests(event: LogEvent, known: readonly KnownContent[] = []): DigestCheck[] {
  if (event.type === EVENT_TYPES.EV_NO_ACTION.id)
    return event.digests.map((digest) => checkNote(digest, event));
  const contents = [...ownContents(event), ...known];
  return event.digests.map((digest) => checkDigest(event, digest, contents));
}

/** Old firmware hashes its notes all the same. */
function checkNote({ algorithm, digest }: LogDigest, { data, pcr }: LogEvent): DigestCheck {
  const name = algorithmName(algorithm);
  if (digest.every((byte) => !byte)) {
    const reason = "all zeros, as it is in an event that extends no PCR";
    return { algorithm: name, result: "matches", reason };
  }
  const own = hash(algorithm, data);
  if (own && equalBytes(own, digest)) {
    const reason = `the ${name} hash of the event's data; zeros are usual, for it was not extended`;
    return { algorithm: name, result: "matches", reason };
  }
  if (pcr >= PCR_COUNT) {
    const reason = "not zeros, as is usual in an event that extends no PCR; nothing was extended with it";
    return { algorithm: name, result: "cannot be checked", reason };
  }
  const reason = "must be all zeros in an event that extends no PCR";
  return { algorithm: name, result: "differs", reason };
}

function checkDigest(
  event: LogEvent,
  { algorithm, digest }: LogDigest,
  contents: KnownContent[],
): DigestCheck {
  const name = algorithmName(algorithm);
  const answer = (result: DigestCheck["result"], reason: string) => ({ algorithm: name, result, reason });
  if (!hash(algorithm, new Uint8Array()))
    return answer("cannot be checked", `${name} hashes are not computed here`);
  const found = contents.find(({ bytes }) => equalBytes(hash(algorithm, bytes) as Uint8Array, digest));
  if (found) return answer("matches", `the ${name} hash of ${found.name}`);
  const type = eventType(event.type);
  if (type?.covers === "data") return answer("differs", `not the ${name} hash of the event's data`);
  if (measuredText(event)) return answer("differs", `not the ${name} hash of the text in the event's data`);
  const measured = type?.measured ?? "something that only the measuring software knows";
  return answer("cannot be checked", `it is the hash of ${measured}, which is not in the log`);
}

/** What the event itself offers to be hashed, most likely first. */
function ownContents(event: LogEvent): KnownContent[] {
  const type = eventType(event.type);
  if (type?.covers === "other") return [];
  const contents = [{ name: "the event's data", bytes: event.data }];
  // Whatever the specification says: firmware differs in these two.
  const text = withoutZero(event.data);
  if (text !== event.data) contents.push({ name: "the event's data without the closing zero", bytes: text });
  const value = isVariableEvent(event.type) ? efiVariable(event.data)?.value : undefined;
  if (value) contents.push({ name: "the variable's value", bytes: value });
  const measured = measuredText(event);
  if (measured) {
    const name = "the text after the colon in the event's data";
    contents.push(
      { name, bytes: withoutZero(measured) },
      { name: `${name}, with its closing zero`, bytes: measured },
    );
  }
  return contents;
}

/** The measured text of a boot loader's event such as "kernel_cmdline: quiet", closing zero included. */
function measuredText(event: LogEvent): Uint8Array | undefined {
  if (event.type !== EVENT_TYPES.EV_IPL.id) return undefined;
  const prefix = TEXT_PREFIX.exec(latin1(event.data.subarray(0, LONGEST_PREFIX)))?.[0];
  return prefix ? event.data.subarray(prefix.length) : undefined;
}
