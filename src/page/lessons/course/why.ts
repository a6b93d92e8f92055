/** Lesson, the first one: watch a measured boot, and see why it matters. */
import { type Finding, type Lesson, met, missing } from "../lesson.ts";
import { bytesOf, commandsNamed, numberOf, type SeenCommand, sinceStart } from "../seen.ts";
import type { World } from "../world.ts";
import { cleanBoot, TAMPERED } from "./clean-boot.ts";
import { PARENT, SEALED } from "./sealed-object.ts";

/** Where the TPM keeps the key; not that of the lesson about sealing. */
const HANDLE = 0x8101_0002;
const AT = `0x${HANDLE.toString(16)}`;
const KEY = "the key of the disk";
const UNLOCK = `tpm2_unseal -c ${AT} -p pcr:sha256:8`;

function unlocks(world: World): SeenCommand[] {
  return commandsNamed(world, "TPM2_Unseal").filter(
    (command) => numberOf(command.asked("handles", "itemHandle")) === HANDLE,
  );
}

function opened(world: World): Finding {
  const last = unlocks(world).at(-1);
  if (!last) return missing("Nobody has asked for the key.");
  if (!last.ok) return missing(`The TPM answered ${last.result}.`);
  const bytes = bytesOf(last.answered("parameters", "outData", "buffer"));
  return met(`The TPM gave it: “${new TextDecoder().decode(bytes)}”. The disk opens.`);
}

export const WHY: Lesson = {
  id: "why",
  title: "Watch a measured boot, and see why it matters",
  about: "A disk whose key comes out only when nothing was changed on the way up.",
  minutes: 4,
  stage: "any",
  steps: [
    {
      id: "boot",
      title: "Switch it on",
      text: [
        "A TPM is a small chip beside the processor. It has registers called PCRs, into which nobody can write a value of their own choice: a new one is always mixed with the old one.",
        "Boot Linux and look at the PCRs. Each part of the boot measures the next one before it runs: it takes a fingerprint of it, a hash, and mixes that into a PCR.",
      ],
      offers: [
        { kind: "boot", label: "Boot Linux with a TPM", tpm: "2.0" },
        { kind: "pane", pane: "pcrs", label: "Show the PCRs" },
      ],
      goals: [
        {
          text: "the boot was measured, and its shell is there",
          check(world) {
            const found = cleanBoot(world);
            if (!found.met) return found;
            return world.shell ? met("PCRs 0 to 9 say what was started.") : missing("It is still booting.");
          },
        },
      ],
    },
    {
      id: "lock",
      title: "Lock the disk",
      text: [
        "Now give the TPM the key of a disk, to be given out only while PCR 8 is what it is now. PCR 8 has the fingerprint of the kernel's command line, which says how Linux is to start. This is called sealing.",
      ],
      offers: [
        {
          kind: "type",
          line: `cd /tmp; tpm2_evictcontrol -Q -C o -c ${AT} 2>/dev/null; tpm2_createpolicy -Q --policy-pcr -l sha256:8 -L policy && tpm2_createprimary -Q -C o -G ecc -a "${PARENT}" -c parent && echo -n '${KEY}' | tpm2_create -Q -C parent -L policy -a "${SEALED}" -i - -c sealed && tpm2_evictcontrol -Q -C o -c sealed ${AT}`,
          note: "makes the condition, seals the key under it, and lets the TPM keep it",
        },
      ],
      goals: [
        {
          text: "the TPM keeps the key",
          check(world) {
            const last = commandsNamed(sinceStart(world), "TPM2_EvictControl").at(-1);
            const freed = last && numberOf(last.asked("handles", "objectHandle")) === HANDLE;
            if (last?.ok && !freed) return met("It stays in the TPM when the power goes.");
            return missing(last && !freed ? `The TPM answered ${last.result}.` : "It is not there yet.");
          },
        },
      ],
    },
    {
      id: "unlock",
      title: "Open it",
      text: ["Nothing has changed since: the TPM gives the key, and nobody had to type a password."],
      offers: [{ kind: "type", line: UNLOCK }],
      goals: [{ text: "the TPM gives the key", check: opened }],
    },
    {
      id: "attack",
      title: "Be the attacker",
      text: [
        `Somebody has the machine for an hour, and adds \`${TAMPERED}\` to its command line. It is the same TPM, the same disk and the same Linux. Ask for the key again.`,
      ],
      offers: [
        { kind: "boot", label: "Boot the changed command line", tpm: "2.0", extra: TAMPERED },
        { kind: "type", line: UNLOCK },
      ],
      goals: [
        {
          text: "the TPM refuses",
          check(world) {
            if (!world.starts) return missing("The machine has not been started again.");
            const last = unlocks(sinceStart(world)).at(-1);
            if (!last) return missing("Nobody has asked for the key yet.");
            if (last.ok) return missing("It still gives it. Was the changed command line booted?");
            return met(`It answered ${last.result}: PCR 8 is another one, and the disk stays shut.`);
          },
        },
        { text: "you have seen which PCR gave it away", check: pcrsInSight },
      ],
      hint: "The PCRs say which of them differ from the boot before.",
      remedies: [{ kind: "pane", pane: "pcrs", label: "Show the PCRs" }],
    },
    {
      id: "again",
      title: "And back",
      text: [
        "Boot as it should be: the same fingerprints give the same PCRs, and the disk opens. That is what a measured boot is for. The next lessons show how each part of it works.",
      ],
      offers: [
        { kind: "boot", label: "Boot it as it was", tpm: "2.0" },
        { kind: "type", line: UNLOCK },
      ],
      goals: [
        {
          text: "the TPM gives the key again",
          check: (world) =>
            world.starts ? opened(sinceStart(world)) : missing("The machine has not been started again."),
        },
      ],
    },
  ],
};

function pcrsInSight({ panes }: World): Finding {
  return panes.includes("pcrs") ? met("PCR 8, and no other.") : missing("Open the PCRs.");
}
