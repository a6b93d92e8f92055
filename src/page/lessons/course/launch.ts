/** Lesson: a dynamic launch, by hand. */
import { HARDWARE_LOCALITY } from "../../../device/tis/launch.ts";
import { ACCESS, LAUNCH_REGISTERS } from "../../../device/tis/registers.ts";
import { toHex } from "../../../protocol/bytes/hex.ts";
import { hash } from "../../../protocol/eventlog/hash.ts";
import { build } from "../../../protocol/tpm2/index.ts";
import { type Finding, type Lesson, met, missing, type Offer } from "../lesson.ts";
import { chain, holds, pcrHandle, short } from "../pcr-chain.ts";
import { commandsNamed } from "../seen.ts";
import { pcrValue, type World } from "../world.ts";

const PCR = 17;
const { HASH_START, HASH_DATA, HASH_END } = LAUNCH_REGISTERS;
const DIGEST = new Uint8Array(32).fill(0x42);

const HAND: Offer = { kind: "pane", pane: "registers", label: "Go to the registers" };

/** The bytes of the last launch since the step began, as they were written; undefined before its end. */
function launched({ accesses }: World): Uint8Array | undefined {
  const writes = accesses.filter(({ write, locality }) => write && locality === HARDWARE_LOCALITY);
  const end = writes.findLastIndex(({ offset }) => offset === HASH_END.offset);
  const start = writes.slice(0, end + 1).findLastIndex(({ offset }) => offset === HASH_START.offset);
  if (start < 0) return undefined;
  const bytes = writes.slice(start, end).filter(({ offset }) => offset === HASH_DATA.offset);
  return Uint8Array.from(bytes, ({ value }) => value);
}

/** What a launch of those bytes leaves in PCR 17 of the SHA-256 bank. */
const expected = (code: Uint8Array) => chain([hash("sha256", code) as Uint8Array]);

/** The TPM holds in PCR 17 what follows from the bytes that were launched. */
function measured(world: World): Finding {
  const code = launched(world);
  if (!code) return missing("Nothing has been launched in this step.");
  const value = expected(code);
  if (!holds(world, PCR, value))
    return missing(
      "PCR 17 is not what follows from these bytes: has a locality the TPM, or was it not started?",
    );
  return met(`PCR 17 is ${short(value)}: 32 zeros extended with the hash of your ${code.length} bytes.`, {
    pcr: toHex(value),
    code: toHex(code),
  });
}

export const LAUNCH: Lesson = {
  id: "launch",
  title: "A dynamic launch",
  about: "How a processor starts trusted code on a machine that already runs, and what the TPM says of it.",
  minutes: 5,
  stage: "bench",
  steps: [
    {
      id: "before",
      title: "All ones",
      text: [
        "A measured boot tells everything since power-on: much to trust. A processor can also begin anew in a running machine: it stops everything else, measures one piece of code and starts it. That is a dynamic launch.",
        "PCRs 17 to 22 are kept for it. Put a TPM on the bench, start it, and look: all bits are 1, which no extend could lead to.",
      ],
      offers: [
        { kind: "bench", label: "Put a TPM on the bench" },
        {
          kind: "send",
          label: "Send at locality 0",
          locality: 0,
          hex: toHex(build.TPM2_Startup()),
          note: "TPM2_Startup",
        },
        { kind: "pane", pane: "pcrs", label: "Open the PCRs" },
      ],
      goals: [
        {
          text: "PCR 17 was read",
          check(world) {
            const value = pcrValue(world, "sha256", PCR);
            if (!value) return missing("There is no TPM that was started.");
            return value.every((byte) => byte === 0xff)
              ? met("It is all ones: nothing was launched since power-on.")
              : missing("Something was launched before: put another TPM on the bench.");
          },
        },
      ],
    },
    {
      id: "refused",
      title: "Software may not",
      text: [
        "Could software pretend a launch, with an extend of its own? Try it from locality 0, where every system is.",
      ],
      offers: [
        {
          kind: "send",
          label: "Send at locality 0",
          locality: 0,
          hex: toHex(build.TPM2_PCR_Extend(PCR, [{ algorithm: "sha256", digest: DIGEST }])),
          note: `TPM2_PCR_Extend of PCR ${PCR}`,
        },
      ],
      goals: [
        {
          text: "locality 0 is refused",
          check(world) {
            const tried = commandsNamed(world, "TPM2_PCR_Extend").findLast(
              (command) => command.locality === 0 && pcrHandle(command) === PCR,
            );
            if (!tried) return missing(`No TPM2_PCR_Extend of PCR ${PCR} from locality 0 yet.`);
            return tried.ok ? missing("It was allowed!") : met(`The TPM answered ${tried.result}.`);
          },
        },
      ],
    },
    {
      id: "launch",
      title: "Be the processor",
      text: [
        `Locality 4 has three registers that no other has: ${HASH_START.name}, ${HASH_DATA.name}, ${HASH_END.name}. On a PC only the processor's microcode comes through there. On the bench you do.`,
        "Open “Dynamic launch” among the registers. The text in its box stands for the code; press Launch.",
      ],
      offers: [HAND],
      goals: [
        { text: "PCR 17 tells what was launched", check: measured },
        {
          text: "the TPM remembers that there was a launch",
          check: ({ access }) =>
            access.length && !((access[0] ?? 0) & ACCESS.ESTABLISHMENT)
              ? met("tpmEstablishment of TPM_ACCESS reads 0, which means yes.")
              : missing("tpmEstablishment of TPM_ACCESS reads 1, which means no."),
        },
      ],
    },
    {
      id: "other",
      title: "Another code, another value",
      text: [
        "Change one letter of the text and launch again. The PCRs begin at 0 each time, so PCR 17 depends on these bytes alone, not on all that ran before.",
      ],
      offers: [HAND],
      goals: [
        {
          text: "PCR 17 is another",
          check(world) {
            const code = launched(world);
            if (code && world.notes.code === toHex(code)) return missing("That was the same text.");
            const { met: done, text } = measured(world);
            if (!done) return missing(text);
            return met(`${text} Before it was ${world.notes.pcr?.slice(0, 8)}….`);
          },
        },
      ],
    },
    {
      id: "again",
      title: "The first one again",
      text: [
        "Launch the first text once more. Whoever knows the good code knows the one good value of PCR 17; a secret that is sealed to it opens for that code, whatever was booted before.",
      ],
      offers: [HAND],
      goals: [
        {
          text: "PCR 17 is as it was at first",
          check(world) {
            const { met: done, text, keep } = measured(world);
            if (!done) return missing(text);
            return keep?.pcr === world.notes.pcr
              ? met("The very same value, though another launch was between.")
              : missing("It is a value of its own: the text is not the first one.");
          },
        },
      ],
      hint: "The text was “code to launch”, if you did not change it. In the guest, too, the program `launch FILE` does the same.",
    },
  ],
};
