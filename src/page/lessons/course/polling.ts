/** Lesson: polling against interrupts. */
import { type Finding, type Goal, type Lesson, met, missing, type Offer } from "../lesson.ts";
import type { World } from "../world.ts";

const COUNT = 200;
const TIMED = `time rawtpm GetRandom ${COUNT}`;
const LINES = "grep tpm0 /proc/interrupts || echo tpm0: none";

const RUN: Offer = { kind: "type", line: TIMED };
const LOOK: Offer = { kind: "type", line: LINES };

/** How often the TPM's line was counted, each time that the guest was asked; 0 where its driver has none. */
function counts({ serial }: World): number[] {
  const said = serial.matchAll(/^(?: *\d+: +(\d+) .*tpm0|tpm0: none)\r?$/gm);
  return Array.from(said, ([, count = "0"]) => Number(count));
}

/** Microseconds a command by the guest's clock, as `time` has told it last. */
function microseconds({ serial }: World): number | undefined {
  const said = serial.matchAll(
    new RegExp(`^rawtpm end GetRandom ${COUNT}\\r?\\nreal\\s+(\\d+)m\\s*([\\d.]+)s`, "gm"),
  );
  const last = [...said].at(-1);
  return last && ((Number(last[1]) * 60 + Number(last[2])) * 1e6) / COUNT;
}

const told = (us: number) => `${(us / 1000).toFixed(1)} ms`;

/** The run that `time` tells of was made since the step began. */
const ranNow = ({ commands }: World) =>
  commands.filter(({ name, ok }) => ok && name === "TPM2_GetRandom").length >= COUNT;

function took(world: World): Finding {
  const us = ranNow(world) ? microseconds(world) : undefined;
  return us === undefined
    ? missing("The commands have not all run yet.")
    : met(`A command took ${told(us)} of the guest's time.`, { polled: String(us) });
}

const booted: Goal = {
  text: "Linux is up",
  check: ({ shell, family }) =>
    shell && family === "2.0" ? met("Its shell takes lines.") : missing("There is no shell of it yet."),
};

export const POLLING: Lesson = {
  id: "polling",
  title: "Asking, or being told",
  about:
    "A driver that looks again and again, beside one that the TPM wakes: where a short command's time goes.",
  minutes: 5,
  stage: "any",
  steps: [
    {
      id: "poll",
      title: "Are you done? Are you done?",
      text: [
        "A TPM takes its time, and most drivers ask for the answer again and again: they read `TPM_STS`, sleep a little, and read it again. That is polling.",
        "Boot Linux as it usually is. The kernel counts each interrupt line in `/proc/interrupts`; the TPM has none there.",
      ],
      offers: [{ kind: "boot", label: "Boot Linux with a TPM 2.0", tpm: "2.0" }, LOOK],
      goals: [
        booted,
        {
          text: "the TPM has no interrupt line",
          check(world) {
            const now = counts(world).at(-1);
            if (now === undefined) return missing("The guest was not asked yet.");
            return now === 0
              ? met("No line is counted for tpm0: the driver polls.")
              : missing("It has one: boot with the button above.");
          },
        },
      ],
    },
    {
      id: "slow",
      title: "What asking costs",
      text: [
        `Let the TPM draw random bytes ${COUNT} times, and look at the clock.`,
        "In the pane Accesses you see the driver read `TPM_STS` until stsValid and dataAvail are there. Between the reads it sleeps: the command may be long done.",
      ],
      offers: [RUN, { kind: "pane", pane: "accesses", label: "Open the accesses" }],
      goals: [{ text: `${COUNT} commands were timed`, check: took }],
    },
    {
      id: "told",
      title: "Ring the bell",
      text: [
        "The TPM can also raise an interrupt: `TPM_INT_ENABLE` says at what, `TPM_INT_STATUS` what it was. The ACPI tables tell the driver which line; here it is IRQ 5.",
        "Boot again, with that line told, and look at the counts.",
      ],
      offers: [{ kind: "boot", label: "Boot with the interrupt", tpm: "2.0", interrupt: true }, LOOK],
      goals: [
        {
          text: "the driver has the TPM's line",
          check(world) {
            if (!world.starts || !world.shell) return missing("The machine was not started again yet.");
            const now = counts(world).at(-1);
            if (now === undefined) return missing("The guest was not asked yet.");
            return now > 0
              ? met(`It was told something ${now} times already.`, { before: String(now) })
              : missing("The driver polls still; see the hint.");
          },
        },
      ],
      hint: "Linux before 6.4 tests the line in a way that cannot succeed, and goes on polling; Debian's own kernel here is 6.1. The small kernel is newer: choose it in the pane Machine.",
    },
    {
      id: "vanish",
      title: "Watch the sleeps vanish",
      text: [
        `The same ${COUNT} commands once more, and then the counts.`,
        "The driver now sleeps until it is called, and is called when there is something to do: that the answer is there, that it may write, that it has the TPM.",
      ],
      offers: [RUN, LOOK],
      goals: [
        {
          text: `${COUNT} commands were timed`,
          check(world) {
            const us = ranNow(world) ? microseconds(world) : undefined;
            if (us === undefined) return missing("The commands have not all run yet.");
            const polled = Number(world.notes.polled);
            return met(
              polled > 0
                ? `A command took ${told(us)}; polling it was ${told(polled)}.`
                : `A command took ${told(us)}.`,
            );
          },
        },
        {
          text: "the interrupts were counted",
          check(world) {
            const more = (counts(world).at(-1) ?? 0) - Number(world.notes.before ?? "0");
            return more >= COUNT
              ? met(`${more} interrupts have come: ${(more / COUNT).toFixed(1)} a command.`)
              : missing("Ask for the counts after the commands.");
          },
        },
      ],
    },
  ],
};
