/** Lesson: tamper and see it. */
import { toHex } from "../../../protocol/bytes/hex.ts";
import { type Goal, type Lesson, met, missing } from "../lesson.ts";
import { pcrValue, type World } from "../world.ts";
import { cleanBoot, EVIL } from "./clean-boot.ts";

/** PCRs 0 to 9 as hex, in a row; undefined until they were read. */
function bootPcrs(world: World): string[] | undefined {
  const values = Array.from({ length: 10 }, (_, pcr) => pcrValue(world, "sha256", pcr));
  return values.every((value) => value) ? values.map((value) => toHex(value as Uint8Array)) : undefined;
}

const untouched: Goal = {
  text: "the good PCRs are noted",
  check(world) {
    const clean = cleanBoot(world);
    if (!clean.met) return clean;
    const pcrs = bootPcrs(world);
    return pcrs
      ? met(`PCR 8 is ${pcrs[8]?.slice(0, 16)}… when all is well.`, { good: pcrs.join(" ") })
      : missing("The page has not read the PCRs yet.");
  },
};

export const TAMPER: Lesson = {
  id: "tamper",
  title: "Tamper and see it",
  about: "Change what is booted, and find the one event that gives it away.",
  minutes: 4,
  stage: "any",
  steps: [
    {
      id: "good",
      title: "The good state",
      text: [
        "To notice a change one must know the good state. Boot Linux as it should be; the lesson notes PCRs 0 to 9.",
      ],
      offers: [{ kind: "boot", label: "Boot the good command line", tpm: "2.0" }],
      goals: [untouched],
    },
    {
      id: "evil",
      title: "The evil maid",
      text: [
        `Somebody was alone with the machine and has changed the kernel's command line: \`${EVIL}\` was added. The later init counts, so Linux looks the same.`,
      ],
      offers: [{ kind: "boot", label: "Boot the tampered command line", tpm: "2.0", extra: EVIL }],
      goals: [
        {
          text: "PCR 8 is another",
          check(world) {
            const good = world.notes.good?.split(" ");
            if (!good) return missing("The good state was not noted: do the step before.");
            if (!world.starts) return missing("The machine has not been started again.");
            const now = bootPcrs(world);
            if (!now || !world.shell) return missing("It is booting.");
            const changed = now.flatMap((value, pcr) => (value === good[pcr] ? [] : [pcr]));
            if (!changed.length) return missing("All PCRs are as they were.");
            if (changed.join() !== "8")
              return missing(`PCR ${changed.join(", ")} differ: more has changed than the line.`);
            return met(`${good[8]?.slice(0, 16)}… is now ${now[8]?.slice(0, 16)}…; all others are the same.`);
          },
        },
      ],
    },
    {
      id: "find",
      title: "Find it",
      text: [
        "The PCR says that something changed, not what. The event log does: the page sets it beside the log of the boot before.",
      ],
      offers: [{ kind: "pane", pane: "eventlog", label: "Open the event log" }],
      goals: [
        {
          text: "the event that differs is in sight",
          check({ panes, log }) {
            const changed = log?.differences?.filter(({ kind }) => kind !== "same") ?? [];
            const [first] = changed;
            if (!first) return missing("This log and the one before are the same: boot the tampered line.");
            if (!panes.includes("eventlog")) return missing("It is there: open the event log.");
            return met(`Event ${first.b?.index ?? first.a?.index}, in ${first.reason}`);
          },
        },
      ],
    },
    {
      id: "back",
      title: "Put it right",
      text: ["Boot the good command line again: all values return, as nothing else has changed."],
      offers: [{ kind: "boot", label: "Boot the good command line", tpm: "2.0" }],
      goals: [
        {
          text: "the PCRs are the good ones",
          check(world) {
            if (!world.starts) return missing("The machine has not been started again.");
            const now = bootPcrs(world);
            if (!now || !world.shell) return missing("It is booting.");
            return now.join(" ") === world.notes.good
              ? met("All ten are as they were noted.")
              : missing("They are not as noted yet.");
          },
        },
      ],
    },
  ],
};
