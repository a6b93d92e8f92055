/** Lesson: how a PC of today boots. */
import { EVENT_TYPES } from "../../../protocol/eventlog/event-types.ts";
import { type Finding, type Goal, type Lesson, met, missing } from "../lesson.ts";
import type { World } from "../world.ts";

/** How many events of that type the log of a machine with UEFI has. */
const count = ({ log }: World, type: keyof typeof EVENT_TYPES) =>
  log?.log.events.filter((event) => event.type === EVENT_TYPES[type].id).length ?? 0;

/** Waits for the shell of a machine with UEFI. */
export function uefiShell(world: World): Finding {
  if (world.firmware !== "uefi") return missing("The machine that runs has a BIOS, or none runs.");
  if (!world.shell) return missing("It is booting.");
  if (!count(world, "EV_EFI_PLATFORM_FIRMWARE_BLOB"))
    return missing("The page looks for the firmware's log.");
  return met(`Linux is there, and ${world.log?.log.events.length} events are in the firmware's log.`);
}

const inSight = (pane: string, name: string): Goal => ({
  text: `${name} is in sight`,
  check: ({ panes }) => (panes.includes(pane) ? met("It is shown.") : missing(`Open ${name}.`)),
});

export const UEFI_BOOT: Lesson = {
  id: "uefi-boot",
  title: "From the reset vector to a shell, on UEFI",
  about: "The firmware of today's PCs: its phases, and what each of them measures.",
  minutes: 5,
  stage: "any",
  steps: [
    {
      id: "boot",
      title: "Other firmware, same TPM",
      text: [
        "The first instruction of a PC lies 16 bytes below 4 GiB, in flash. With UEFI the program that begins there is edk2, here in its form for virtual machines, OVMF; this page's server has built it from its source.",
        "Boot it, and look at the screen: it takes half a minute or more.",
      ],
      offers: [
        { kind: "boot", label: "Boot with UEFI", tpm: "2.0", firmware: "uefi" },
        { kind: "pane", pane: "screen", label: "Look at the screen" },
      ],
      goals: [{ text: "Linux was started by UEFI firmware", check: uefiShell }],
    },
    {
      id: "phases",
      title: "SEC, PEI, DXE, BDS",
      text: [
        "`SEC` finds memory to work with and unpacks the rest. `PEI` finds RAM and the TPM, starts it, and measures the volumes with all drivers into PCR 0 before any of them runs. `DXE` runs these. `BDS` reads the boot options and starts what they name. The loader, here Linux's own EFI stub, then asks the firmware to leave.",
        "The timeline has them, judged by what was measured when.",
      ],
      offers: [{ kind: "pane", pane: "timeline", label: "Open the timeline" }],
      goals: [inSight("timeline", "the timeline")],
    },
    {
      id: "measured",
      title: "What each PCR has",
      text: [
        "PCR 0: the firmware's code. PCR 1: its settings, boot options among them. PCR 4: what it started. PCR 5: what happened then. PCR 7: Secure Boot. The kernel is an EFI application, so the firmware measures it into PCR 4; its EFI stub measures the initrd into PCR 9.",
        "Open the event log and find the kernel.",
      ],
      offers: [{ kind: "pane", pane: "eventlog", label: "Open the event log" }],
      goals: [
        inSight("eventlog", "the event log"),
        {
          text: "the firmware has measured volumes, variables and a kernel",
          check(world) {
            const [volumes, variables, started] = [
              count(world, "EV_EFI_PLATFORM_FIRMWARE_BLOB"),
              count(world, "EV_EFI_VARIABLE_BOOT") + count(world, "EV_EFI_VARIABLE_DRIVER_CONFIG"),
              count(world, "EV_EFI_BOOT_SERVICES_APPLICATION"),
            ];
            return volumes && variables && started
              ? met(`It has: ${volumes} volumes, ${variables} variables, ${started} applications.`)
              : missing("Not all of it is in the log: boot with UEFI.");
          },
        },
      ],
    },
    {
      id: "inside",
      title: "Seen from inside",
      text: [
        "Linux finds the firmware's tables, and with them its log, which it gives out as a file. It can also ask the firmware for variables while it runs.",
      ],
      offers: [{ kind: "type", line: "ls /sys/firmware/efi" }],
      goals: [
        {
          text: "the guest has looked at /sys/firmware/efi",
          check: ({ serial }) =>
            /\bsystab\b/.test(serial)
              ? met("There is the system table, and the folder for variables.")
              : missing("Type the line, or have it typed."),
        },
      ],
    },
  ],
};
