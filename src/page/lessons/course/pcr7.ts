/** Lesson: what PCR 7 is. */
import { toHex } from "../../../protocol/bytes/hex.ts";
import { expectedPcr7 } from "../../../protocol/uefi/pcr7.ts";
import { secureBootMode } from "../../../protocol/uefi/secure-boot.ts";
import { type Finding, type Lesson, met, missing } from "../lesson.ts";
import { pcrValue, type World } from "../world.ts";
import { uefiShell } from "./uefi-boot.ts";

/** PCR 7 of a machine that has come to its shell, against what the variables alone give. */
function workedOut(world: World): Finding {
  const shell = uefiShell(world);
  if (!shell.met) return shell;
  const value = pcrValue(world, "sha256", 7);
  const expected = world.variables && expectedPcr7(world.variables, undefined);
  if (!value || !expected) return missing("The page has not read PCR and variables yet.");
  const text = toHex(value);
  if (text !== toHex(expected))
    return missing(
      "It is not what the variables give: a key has let the kernel start, or they have changed since.",
    );
  return met(`${text.slice(0, 16)}… is what SecureBoot, PK, KEK, db, dbx and a separator give.`, {
    pcr7: text,
  });
}

export const PCR7: Lesson = {
  id: "pcr7",
  title: "What PCR 7 is",
  about: "The one PCR that stays the same through updates: who may say what boots.",
  minutes: 5,
  stage: "any",
  steps: [
    {
      id: "keys",
      title: "Five variables",
      text: [
        "UEFI keeps in its flash who may say what boots. `PK` is the owner's key, `KEK` has those that may change the lists, `db` lists what may start, `dbx` what may not; `SecureBoot` says whether anybody looks at them.",
        "Take all keys out to begin with, and look at the pane UEFI.",
      ],
      offers: [
        { kind: "variables", label: "Take all keys out", change: "clear" },
        { kind: "pane", pane: "uefi", label: "Open the pane UEFI" },
      ],
      goals: [
        {
          text: "there is no platform key",
          check: ({ variables }) =>
            variables && secureBootMode(variables) === "setup"
              ? met("This is setup mode.")
              : missing(variables ? "There is one: take it out." : "Open the pane UEFI."),
        },
      ],
    },
    {
      id: "empty",
      title: "Measured all the same",
      text: [
        "That there are no keys is measured, too: five names with nothing behind them, and a separator. Boot, and compare: the lesson works PCR 7 out from the variables alone.",
      ],
      offers: [{ kind: "boot", label: "Boot with UEFI", tpm: "2.0", firmware: "uefi" }],
      goals: [{ text: "PCR 7 is what the variables give", check: workedOut }],
    },
    {
      id: "same",
      title: "Another kernel line, the same PCR 7",
      text: [
        "A new command line, a new kernel or a new initrd goes elsewhere: into PCRs 4, 5 and 9. So a secret that is sealed to PCR 7 can be had after an update, as long as whoever may sign is the same. That is why disks are sealed to it.",
        "Boot with another command line.",
      ],
      offers: [
        { kind: "boot", label: "Boot another command line", tpm: "2.0", firmware: "uefi", extra: "quiet" },
      ],
      goals: [
        {
          text: "PCR 7 is the same",
          check(world) {
            if (!world.starts) return missing("The machine has not been started again.");
            const now = workedOut(world);
            if (!now.met) return now;
            return now.keep?.pcr7 === world.notes.pcr7
              ? met("It is the same, bit by bit.")
              : missing("It is another: do the step before again.");
          },
        },
      ],
    },
  ],
};
