/** Lesson: the two kinds of firmware, one beside the other. */
import { toHex } from "../../../protocol/bytes/hex.ts";
import { own } from "../../../protocol/bytes/own.ts";
import { EVENT_TYPES } from "../../../protocol/eventlog/event-types.ts";
import { type Finding, type Lesson, met, missing, type Notes } from "../lesson.ts";
import { pcrValue, type World } from "../world.ts";
import { uefiShell } from "./uefi-boot.ts";

const BANK = "sha256";
/** Those in which the two have nothing in common but the separator. */
const COMPARED = [0, 4, 7] as const;

const values = (world: World) => COMPARED.map((pcr) => pcrValue(world, BANK, pcr));
const noteOf = (pcr: number) => `bios${pcr}`;

/** Events of a PCR that are no separators. */
const measuredIn = ({ log }: World, wanted: number) =>
  log?.log.events.filter(({ pcr, type }) => pcr === wanted && type !== EVENT_TYPES.EV_SEPARATOR.id).length ??
  0;

function biosShell(world: World): Finding {
  if (world.firmware !== "bios") return missing("The machine that runs has UEFI, or none runs.");
  if (!world.shell || !world.log) return missing("It is booting.");
  const read = values(world);
  if (read.some((value) => !value)) return missing("The page has not read the PCRs yet.");
  const keep: Notes = Object.fromEntries(COMPARED.map((pcr, i) => [noteOf(pcr), toHex(read[i]!)]));
  return met(`Linux is there, and ${world.log.log.events.length} events are in the log.`, keep);
}

/** Against what the BIOS has left in the same PCRs. */
function otherValues(world: World): Finding {
  const shell = uefiShell(world);
  if (!shell.met) return shell;
  const read = values(world);
  if (read.some((value) => !value)) return missing("The page has not read the PCRs yet.");
  const same = COMPARED.filter((pcr, i) => own(world.notes, noteOf(pcr)) === toHex(read[i]!));
  return same.length
    ? missing(`PCR ${same.join(", ")} is as after the BIOS: begin this lesson anew.`)
    : met(`PCRs ${COMPARED.join(", ")} are others: nothing that was sealed to them would open.`);
}

export const BIOS_UEFI: Lesson = {
  id: "bios-uefi",
  title: "BIOS beside UEFI",
  about:
    "The same TPM and the same kernel under two kinds of firmware: who measures what, and where it ends up.",
  minutes: 5,
  stage: "any",
  steps: [
    {
      id: "bios",
      title: "First a BIOS",
      text: [
        "A BIOS reads the first sector of a disk and jumps to it; what comes then is not its business. This one, SeaBIOS, measures itself, its option ROMs and that sector.",
        "Boot it. The lesson keeps PCRs 0, 4 and 7 for later.",
      ],
      offers: [{ kind: "boot", label: "Boot with a BIOS", tpm: "2.0" }],
      goals: [{ text: "Linux was started from a BIOS", check: biosShell }],
    },
    {
      id: "policy",
      title: "No policy to measure",
      text: [
        "PCR 7 is for the policy by which things may boot. A BIOS has none: it puts a separator there, as into PCRs 0 to 6, by which one sees where the firmware’s measurements end, and nothing else.",
        "The kernel was measured by a loader, as GRUB does it: into PCRs 8 and 9, which no firmware uses.",
      ],
      offers: [{ kind: "pane", pane: "eventlog", label: "Open the event log" }],
      goals: [
        {
          text: "PCR 7 has its separator alone, and the kernel is in PCR 9",
          check: (world) =>
            world.firmware === "bios" && world.log && !measuredIn(world, 7) && measuredIn(world, 9)
              ? met(`Nothing else is in PCR 7; ${measuredIn(world, 9)} events are in PCR 9.`)
              : missing("Boot with a BIOS, without a command line of your own."),
        },
      ],
    },
    {
      id: "uefi",
      title: "Then UEFI",
      text: [
        "The TPM is the same chip, with the same keys; the machine is off and on again, so its PCRs begin at zero. UEFI firmware starts the same kernel itself, as a program of its own: it knows files, and signatures.",
      ],
      offers: [{ kind: "boot", label: "Boot with UEFI", tpm: "2.0", firmware: "uefi" }],
      goals: [{ text: "what was kept of the BIOS’s boot is not what is there now", check: otherValues }],
    },
    {
      id: "kernel",
      title: "Where the kernel went",
      text: [
        "It is an EFI application, and in PCR 4; only the initrd is in PCR 9, by the kernel’s own EFI stub. PCR 7 has Secure Boot’s variables, also while it is off.",
        "So a policy is made for one kind of firmware. Whoever moves a disk from a BIOS to UEFI needs the recovery key once.",
      ],
      offers: [{ kind: "pane", pane: "eventlog", label: "Open the event log" }],
      goals: [
        {
          text: "PCR 4 has the kernel, PCR 7 the policy",
          check(world) {
            const [applications, policy] = [measuredIn(world, 4), measuredIn(world, 7)];
            return world.firmware === "uefi" && applications && policy
              ? met(`${applications} events in PCR 4, ${policy} in PCR 7.`)
              : missing("Boot with UEFI.");
          },
        },
      ],
    },
  ],
};
