/** Lesson: TPM 1.2 and 2.0. */
import { toHex } from "../../../protocol/bytes/hex.ts";
import { type Lesson, met, missing } from "../lesson.ts";
import { bytesOf, commandsNamed, lastDone } from "../seen.ts";
import { pcrValue } from "../world.ts";
import { replays } from "./boot.ts";

export const FAMILIES: Lesson = {
  id: "families",
  title: "TPM 1.2 and 2.0",
  about: "The same registers, the same idea, two languages.",
  minutes: 5,
  stage: "any",
  steps: [
    {
      id: "old",
      title: "The older one",
      text: [
        "TPM 1.2 is from 2003, made for SHA-1 and RSA; 2.0 is from 2014 and open to others. Firmware and Linux know both. Boot with a 1.2. A new one has to make an RSA key first, so give it a moment.",
      ],
      offers: [{ kind: "boot", label: "Boot Linux with a TPM 1.2", tpm: "1.2" }],
      goals: [
        {
          text: "Linux is up, with a TPM 1.2",
          check({ shell, family }) {
            if (family !== "1.2") return missing(family ? `The TPM is a ${family}.` : "There is no TPM yet.");
            return shell
              ? met("Its driver has found it behind the same registers.")
              : missing("It is booting.");
          },
        },
      ],
    },
    {
      id: "pcrs",
      title: "One bank of PCRs",
      text: [
        "Read its PCRs: there is one bank, SHA-1, 20 bytes each. Look at the commands too: they are called TPM_…, not TPM2_…",
      ],
      offers: [
        { kind: "type", line: "cat /sys/class/tpm/tpm0/pcrs" },
        { kind: "pane", pane: "commands", label: "Open the commands" },
      ],
      goals: [
        {
          text: "the guest has read PCRs of 20 bytes",
          check(world) {
            const read = commandsNamed(world, "TPM_PCRRead").filter(({ ok }) => ok);
            const first = bytesOf(read[0]?.answered("parameters", "outDigest"));
            const value = pcrValue(world, "sha1", 8);
            if (!read.length) return missing("No TPM_PCRRead has been seen.");
            return met(`${read.length} PCRs, one TPM_PCRRead each, ${first?.length ?? 20} bytes.`, {
              ...(value && { sha1: toHex(value) }),
            });
          },
        },
        {
          text: "each event of the log has one digest",
          check({ log }) {
            const names = log?.log.algorithms.map(({ name }) => name) ?? [];
            if (!names.length) return missing("There is no event log.");
            return names.length === 1 ? met(`One each: ${names[0]}.`) : missing(`There are ${names.length}.`);
          },
        },
      ],
    },
    {
      id: "new",
      title: "The newer one",
      text: [
        "Now the same machine with a TPM 2.0. Every measurement goes into several banks at once, so that a broken hash can be left behind.",
      ],
      offers: [
        { kind: "boot", label: "Boot Linux with a TPM 2.0", tpm: "2.0" },
        { kind: "type", line: "tpm2_pcrread sha1:8+sha256:8" },
      ],
      goals: [
        {
          text: "the guest has read PCR 8 with TPM 2.0's command",
          check: (world) =>
            lastDone(
              world,
              "TPM2_PCR_Read",
              (command) => (command.answered("parameters", "pcrValues")?.children?.length ?? 0) > 2,
            )
              ? met("One TPM2_PCR_Read gave both banks.")
              : missing("No TPM2_PCR_Read of two banks has been seen."),
        },
        {
          text: "the log has several digests for each event, and explains the PCRs",
          check(world) {
            const names = world.log?.log.algorithms.map(({ name }) => name) ?? [];
            if (names.length < 2) return missing("The log on the page has one each so far.");
            const found = replays(world);
            return found.met ? met(`${names.join(", ")}. ${found.text}`) : found;
          },
        },
        {
          text: "PCR 8 of the SHA-1 bank is the same in both worlds",
          check(world) {
            const now = pcrValue(world, "sha1", 8);
            const before = world.notes.sha1;
            if (world.family !== "2.0" || !now) return missing("Boot the TPM 2.0.");
            if (before === undefined)
              return missing("The value of the TPM 1.2 was not noted: one step back.");
            return toHex(now) === before
              ? met(
                  `${before.slice(0, 16)}…: the same command line, the same hash, the same way of extending.`,
                )
              : missing(`It was ${before.slice(0, 16)}…, it is ${toHex(now).slice(0, 16)}….`);
          },
        },
      ],
    },
  ],
};
