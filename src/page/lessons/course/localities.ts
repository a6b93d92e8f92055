/** Lesson: localities, and who may reset what. */

import { ACCESS } from "../../../device/tis/registers.ts";
import { toHex } from "../../../protocol/bytes/hex.ts";
import { build } from "../../../protocol/tpm2/index.ts";
import { type Goal, type Lesson, met, missing } from "../lesson.ts";
import { pcrHandle } from "../pcr-chain.ts";
import { commandsNamed, type SeenCommand } from "../seen.ts";
import type { World } from "../world.ts";

/** Localities 2 and 4 may reset it (PC Client Platform TPM Profile, "PCR attributes"). */
const PCR = 20;
const RESET = toHex(build.TPM2_PCR_Reset(PCR));

function resetFrom(world: World, locality: number): SeenCommand | undefined {
  return commandsNamed(world, "TPM2_PCR_Reset").findLast(
    (command) => command.locality === locality && pcrHandle(command) === PCR,
  );
}

/** Whether the reader has written that bit to TPM_ACCESS of a locality in this step. */
function wrote(world: World, locality: number, bit: number): boolean {
  return world.accesses.some(
    (access) =>
      access.write &&
      access.register === "ACCESS" &&
      access.locality === locality &&
      (access.value & bit) !== 0,
  );
}

const owner = ({ access }: World) => access.findIndex((value) => value & ACCESS.ACTIVE_LOCALITY);

const owns = (locality: number): Goal => ({
  text: `locality ${locality} has the TPM`,
  check(world) {
    const now = owner(world);
    if (now === locality) return met(`activeLocality is 1 at locality ${locality} and 0 at all others.`);
    return missing(now < 0 ? "No locality has it." : `Locality ${now} has it.`);
  },
});

export const LOCALITIES: Lesson = {
  id: "localities",
  title: "Localities",
  about: "Five doors into one TPM: who comes through which, and what each may do.",
  minutes: 5,
  stage: "bench",
  steps: [
    {
      id: "start",
      title: "Begin at door 0",
      text: [
        "A TPM has five doors, its localities. 0 is for firmware and ordinary systems; 1 to 3 are for a secure launch, which starts trusted code in a running machine; 4 is for the processor itself. On the bench you may be any of them.",
        "First of all the TPM wants a TPM2_Startup. Each button here writes the registers for you.",
      ],
      offers: [
        { kind: "pane", pane: "registers", label: "Open the registers" },
        {
          kind: "send",
          label: "Send at locality 0",
          locality: 0,
          hex: toHex(build.TPM2_Startup()),
          note: "TPM2_Startup",
        },
      ],
      goals: [
        {
          text: "the TPM is started",
          check(world) {
            const tried = commandsNamed(world, "TPM2_Startup").at(-1);
            if (!tried) return missing("No TPM2_Startup has been seen.");
            if (tried.ok) return met("TPM2_Startup was answered TPM_RC_SUCCESS.");
            return tried.result.startsWith("TPM_RC_INITIALIZE")
              ? met("It was started before: TPM_RC_INITIALIZE.")
              : missing(`It answered ${tried.result}.`);
          },
        },
      ],
    },
    {
      id: "refused",
      title: "Not through this door",
      text: [
        `PCRs 17 to 22 tell what a secure launch started. Ordinary software must not be able to reset them. Try PCR ${PCR} from locality 0.`,
      ],
      offers: [
        {
          kind: "send",
          label: "Send at locality 0",
          locality: 0,
          hex: RESET,
          note: `TPM2_PCR_Reset of PCR ${PCR}`,
        },
      ],
      goals: [
        {
          text: `locality 0 is refused`,
          check(world) {
            const tried = resetFrom(world, 0);
            if (!tried) return missing(`No TPM2_PCR_Reset of PCR ${PCR} from locality 0 yet.`);
            return tried.ok ? missing("It was allowed!") : met(`The TPM answered ${tried.result}.`);
          },
        },
      ],
      hint: "If it answers TPM_RC_INITIALIZE, the TPM was not started: one step back.",
    },
    {
      id: "allowed",
      title: "Through the right one",
      text: ["The very same bytes, written to the registers of locality 2, which begin at 0xFED42000."],
      offers: [
        {
          kind: "send",
          label: "Send at locality 2",
          locality: 2,
          hex: RESET,
          note: `TPM2_PCR_Reset of PCR ${PCR}`,
        },
      ],
      goals: [
        {
          text: "locality 2 may",
          check(world) {
            const tried = resetFrom(world, 2);
            if (!tried) return missing(`No TPM2_PCR_Reset of PCR ${PCR} from locality 2 yet.`);
            return tried.ok
              ? met("TPM_RC_SUCCESS. Nothing in the bytes differs; only the address they were written to.")
              : missing(`The TPM answered ${tried.result}.`);
          },
        },
      ],
    },
    {
      id: "queue",
      title: "Stand in line",
      text: [
        "Only one is served at a time. Let locality 0 take the TPM, then let locality 1 ask. Locality 1 waits; locality 0 sees the bit pendingRequest, and should hurry.",
      ],
      offers: [
        { kind: "access", label: "Locality 0: requestUse", locality: 0, value: ACCESS.REQUEST_USE },
        { kind: "access", label: "Locality 1: requestUse", locality: 1, value: ACCESS.REQUEST_USE },
        { kind: "pane", pane: "registers", label: "Watch in the registers" },
      ],
      goals: [
        owns(0),
        {
          text: "locality 1 waits",
          check({ access }) {
            const waits = ((access[1] ?? 0) & ACCESS.REQUEST_USE) !== 0;
            const seen = ((access[0] ?? 0) & ACCESS.PENDING_REQUEST) !== 0;
            return waits && seen
              ? met("It reads requestUse = 1, and locality 0 reads pendingRequest = 1.")
              : missing("Locality 1 does not ask, or locality 0 does not have the TPM.");
          },
        },
      ],
    },
    {
      id: "handover",
      title: "Next, please",
      text: ["Locality 0 gives the TPM back. The waiting one gets it at once."],
      offers: [
        { kind: "access", label: "Locality 0: give back", locality: 0, value: ACCESS.ACTIVE_LOCALITY },
      ],
      goals: [
        {
          text: "locality 0 has given it back",
          check: (world) =>
            wrote(world, 0, ACCESS.ACTIVE_LOCALITY)
              ? met("It has written activeLocality.")
              : missing("It has not yet."),
        },
        owns(1),
      ],
    },
    {
      id: "seize",
      title: "Seize",
      text: [
        "A higher locality need not wait. If locality 3 writes Seize, the lower one loses the TPM in the middle of whatever it does, and finds the bit beenSeized. Seize it from locality 1, then give it back.",
      ],
      offers: [
        { kind: "access", label: "Locality 3: Seize", locality: 3, value: ACCESS.SEIZE },
        { kind: "access", label: "Locality 3: give back", locality: 3, value: ACCESS.ACTIVE_LOCALITY },
      ],
      goals: [
        {
          text: "a lower locality was robbed",
          check(world) {
            if (!wrote(world, 3, ACCESS.SEIZE)) return missing("Locality 3 has not written Seize.");
            const robbed = world.access.findIndex((value) => value & ACCESS.BEEN_SEIZED);
            return robbed < 0
              ? missing("Nobody had the TPM, so nobody was robbed. Let locality 1 ask for it first.")
              : met(`Locality ${robbed} reads beenSeized = 1.`);
          },
        },
        {
          text: "locality 3 has given the TPM back",
          check: (world) =>
            wrote(world, 3, ACCESS.ACTIVE_LOCALITY) && owner(world) !== 3
              ? met("The door is free.")
              : missing("Not yet."),
        },
      ],
    },
  ],
};
