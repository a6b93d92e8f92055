/** Lesson: NV counters, and state across a crash. */

import { viewOf } from "../../../protocol/bytes/view.ts";
import { type Finding, type Lesson, met, missing } from "../lesson.ts";
import { bytesOf, commandsNamed, lastDone, numberOf, type SeenCommand, sinceStart } from "../seen.ts";
import type { World } from "../world.ts";

const INDEX = 0x150_0020;
const HEX = `0x${INDEX.toString(16)}`;
const READ = `tpm2_nvread ${HEX} -C o -s 8 | hexdump -C`;
const INCREMENT = `tpm2_nvincrement ${HEX} -C o`;
const DEFINE = `tpm2_nvdefine -Q ${HEX} -C o -a "ownerread|ownerwrite|nt=counter"`;

const ours = (command: SeenCommand) => numberOf(command.asked("handles", "nvIndex")) === INDEX;

/** The counter's value as the guest has read it last. */
function counter(world: World): number | undefined {
  const bytes = bytesOf(lastDone(world, "TPM2_NV_Read", ours)?.answered("parameters", "data", "buffer"));
  return bytes?.length === 8 ? Number(viewOf(bytes).getBigUint64(0)) : undefined;
}

const noted = ({ notes }: World) => Number(notes.count ?? "0");

/** The counter was read and is where it was, or further. */
function kept(world: World): Finding {
  const now = counter(world);
  if (now === undefined) return missing("The guest has not read the counter in this step.");
  if (now < noted(world)) return missing(`It is ${now}, but it was ${noted(world)}: the state was lost.`);
  return met(`It is ${now}; ${noted(world)} was noted.`, { count: String(now) });
}

export const NV: Lesson = {
  id: "nv",
  title: "Counters that survive",
  about: "Memory in the TPM that outlives crashes, power cuts and this page, and never counts backwards.",
  minutes: 6,
  stage: "guest",
  steps: [
    {
      id: "define",
      title: "Room for a counter",
      text: [
        "The TPM has a little memory of its own that needs no power: NV, non-volatile. Its owner may reserve places in it, each with a number, its index. Reserve one as a counter.",
      ],
      offers: [{ kind: "type", line: DEFINE }],
      hint: "If it is there from an earlier time, remove it first; then reserve it again.",
      remedies: [{ kind: "type", line: `tpm2_nvundefine ${HEX} -C o` }],
      goals: [
        {
          text: "the index is there",
          check(world) {
            const tried = commandsNamed(world, "TPM2_NV_DefineSpace").at(-1);
            if (tried?.ok) return met(`NV index ${HEX} is a counter.`);
            return missing(
              tried ? `The TPM answered ${tried.result}; see the hint.` : "It is not defined yet.",
            );
          },
        },
      ],
    },
    {
      id: "count",
      title: "Count",
      text: ["A counter knows one motion: up by one. Do it, and read its 8 bytes."],
      offers: [
        { kind: "type", line: INCREMENT },
        { kind: "type", line: READ },
      ],
      goals: [
        {
          text: "it was raised",
          check: (world) =>
            lastDone(world, "TPM2_NV_Increment", ours) ? met("By TPM2_NV_Increment.") : missing("Not yet."),
        },
        {
          text: "and read",
          check(world) {
            const now = counter(world);
            return now === undefined ? missing("Not yet.") : met(`It is ${now}.`, { count: String(now) });
          },
        },
      ],
    },
    {
      id: "crash",
      title: "Pull the plug",
      text: [
        "Switch the machine off and on, in the middle of whatever it does, as a power cut would. The files in the guest's memory are gone; the counter is not.",
      ],
      offers: [
        { kind: "reset", label: "Power off and on" },
        { kind: "type", line: READ },
      ],
      goals: [
        {
          text: "the machine was started again",
          // The next step wants another page than this one.
          check: ({ starts, page }) => (starts ? met("It was.", { page }) : missing("Not yet.")),
        },
        {
          text: "the counter is where it was",
          check: (world) =>
            world.starts ? kept(sinceStart(world)) : missing("To be read after the power cut."),
        },
      ],
    },
    {
      id: "reload",
      title: "Close the page",
      text: [
        "The TPM's memory is kept in this browser. Reload the page: the machine is gone, and the TPM is switched off. Boot again, and read.",
      ],
      offers: [
        { kind: "reload", label: "Reload this page" },
        { kind: "boot", label: "Boot Linux with a TPM 2.0", tpm: "2.0" },
        { kind: "type", line: READ },
      ],
      goals: [
        {
          text: "the page was loaded anew",
          check({ page, notes }) {
            const before = notes.page;
            if (before === undefined || before === page)
              return missing("This is still the page of the step before.");
            return met("It was.");
          },
        },
        {
          text: "the counter is where it was",
          check: (world) =>
            world.notes.page === world.page ? missing("To be read after the reload.") : kept(world),
        },
      ],
    },
    {
      id: "never-back",
      title: "Never back",
      text: [
        "Remove the counter, make a new one of the same name, and raise it once. Does it begin at 1? No: a TPM remembers the highest count it ever had, so nobody can turn back time.",
      ],
      offers: [
        { kind: "type", line: `tpm2_nvundefine ${HEX} -C o`, note: "removes it" },
        { kind: "type", line: DEFINE, note: "makes it anew" },
        { kind: "type", line: INCREMENT },
        { kind: "type", line: READ },
      ],
      goals: [
        {
          text: "it was removed and made anew",
          check(world) {
            const gone = lastDone(world, "TPM2_NV_UndefineSpace", ours);
            const made = lastDone(world, "TPM2_NV_DefineSpace");
            return gone && made ? met("It was.") : missing(gone ? "It is removed." : "Not yet.");
          },
        },
        {
          text: "it has gone on from where the old one was",
          check(world) {
            if (!lastDone(world, "TPM2_NV_Increment", ours)) return missing("It was not raised yet.");
            const now = counter(world);
            if (now === undefined) return missing("The guest has not read it.");
            return now > noted(world)
              ? met(`It is ${now}; the old one ended at ${noted(world)}.`)
              : missing(`It is ${now}, no more than the old one's ${noted(world)}.`);
          },
        },
      ],
    },
  ],
};
