/** Lesson: PCRs and extend. */
import { toHex } from "../../../protocol/bytes/hex.ts";
import { hash } from "../../../protocol/eventlog/hash.ts";
import { type Finding, type Goal, type Lesson, met, missing } from "../lesson.ts";
import { chain, chainOf, holds, pcrHandle, short } from "../pcr-chain.ts";
import { commandsNamed, lastDone, readsPcr } from "../seen.ts";
import { pcrValue, type World } from "../world.ts";

/** Anybody may reset this one (PC Client Platform TPM Profile, "PCR attributes"). */
const PCR = 16;

const digestOf = (word: string): Uint8Array =>
  hash("sha256", new TextEncoder().encode(word)) ?? new Uint8Array(32);
const APPLE = digestOf("apple");
const BANANA = digestOf("banana");
const extendLine = (digest: Uint8Array) => `tpm2_pcrextend ${PCR}:sha256=${toHex(digest)}`;

/** Since the last reset of the PCR, exactly these went in, and the TPM holds what they lead to. */
function became(world: World, wanted: readonly Uint8Array[]): Finding {
  const seen = chainOf(world, PCR);
  if (!seen) return missing(`PCR ${PCR} has not been reset in this step.`);
  const right = seen.digests.length === wanted.length && toHex(seen.value) === toHex(chain(wanted));
  if (!right) {
    const count = seen.digests.length;
    if (count < wanted.length) return missing(`${count} of ${wanted.length} extends so far since the reset.`);
    return missing("Something else was extended. Reset the PCR and try again.");
  }
  const same = holds(world, PCR, seen.value);
  if (!same) return missing(`The lesson computes ${short(seen.value)}; the TPM's value is being read.`);
  return met(`The lesson computes ${short(seen.value)}, and this is what the TPM holds.`, {
    [wanted[0] === APPLE ? "forward" : "backward"]: toHex(seen.value),
  });
}

const predicted: Goal = {
  text: "the TPM holds the value foretold",
  check(world) {
    const value = chain([APPLE, BANANA]);
    const real = pcrValue(world, "sha256", PCR);
    if (holds(world, PCR, value))
      return met(`PCR ${PCR} is ${toHex(value)}, as foretold.`, { forward: toHex(value) });
    return missing(`Foretold: ${toHex(value)}. Now: ${real ? toHex(real) : "not read yet"}.`);
  },
};

export const PCRS: Lesson = {
  id: "pcrs",
  title: "PCRs and extend",
  about: "A register that can only be added to, and why that makes it a good witness.",
  minutes: 5,
  stage: "guest",
  steps: [
    {
      id: "read",
      title: "Read a PCR",
      text: [
        "A TPM has 24 Platform Configuration Registers, PCRs. Each holds a hash, and for each hash algorithm there is a set of them, a bank. Read PCR 16 of the SHA-256 bank; it is for trying things out. The pane PCRs shows all of them.",
      ],
      offers: [
        { kind: "type", line: `tpm2_pcrread sha256:${PCR}` },
        { kind: "pane", pane: "pcrs", label: "Open the PCRs" },
      ],
      goals: [
        {
          text: `PCR ${PCR} was read`,
          check: (world) =>
            lastDone(world, "TPM2_PCR_Read", (command) => readsPcr(command, PCR))
              ? met("The guest has read it with TPM2_PCR_Read.")
              : missing("No TPM2_PCR_Read for it has been seen."),
        },
      ],
    },
    {
      id: "extend",
      title: "Extend it",
      text: [
        "A PCR cannot be written, only extended: new value = SHA-256(old value ‖ digest), one behind the other. The digest is the hash of what is to be noted, here of the word apple. Reset PCR 16 to zeros, then extend it.",
      ],
      offers: [
        { kind: "type", line: `tpm2_pcrreset ${PCR}` },
        { kind: "type", line: extendLine(APPLE), note: "the SHA-256 of apple" },
      ],
      goals: [
        {
          text: "reset, extended with apple, and the value is right",
          check: (world) => became(world, [APPLE]),
        },
      ],
    },
    {
      id: "predict",
      title: "Foretell the next value",
      text: [
        "Who knows the value and the digest knows the next value. The lesson has computed it already, below. Extend with the hash of banana and compare.",
      ],
      offers: [{ kind: "type", line: extendLine(BANANA), note: "the SHA-256 of banana" }],
      goals: [predicted],
      hint: "If something else went in, go back one step: reset, apple, then banana.",
    },
    {
      id: "order",
      title: "Order matters",
      text: ["The same two, the other way round: banana first, then apple."],
      offers: [
        { kind: "type", line: `tpm2_pcrreset ${PCR}` },
        { kind: "type", line: extendLine(BANANA), note: "the SHA-256 of banana" },
        { kind: "type", line: extendLine(APPLE), note: "the SHA-256 of apple" },
      ],
      goals: [
        {
          text: "banana, then apple, and the value is right",
          check: (world) => became(world, [BANANA, APPLE]),
        },
        {
          text: "it is another value than before",
          check({ notes }) {
            const { forward, backward } = notes;
            const before = forward ?? toHex(chain([APPLE, BANANA]));
            if (!backward) return missing("Both are compared as soon as both are there.");
            return backward === before
              ? missing("They are the same.")
              : met(`${before.slice(0, 8)}… one way, ${backward.slice(0, 8)}… the other.`);
          },
        },
      ],
    },
    {
      id: "no-way-back",
      title: "No way back",
      text: [
        "PCR 16 may be reset by anybody. PCRs 0 to 15 hold what was booted: until the next power-on nobody can set them back. That makes them good witnesses. Try it with PCR 0; the TPM refuses.",
      ],
      offers: [{ kind: "type", line: "tpm2_pcrreset 0" }],
      goals: [
        {
          text: "the TPM has refused to reset PCR 0",
          check(world) {
            const tried = commandsNamed(world, "TPM2_PCR_Reset").findLast(
              (command) => pcrHandle(command) === 0,
            );
            if (!tried) return missing("Nobody has tried.");
            return tried.ok
              ? missing("It was reset! This TPM is not made for a PC.")
              : met(`It answered ${tried.result}: no locality may do that.`);
          },
        },
      ],
    },
  ],
};
