/** Lesson: physical presence, and why software alone may not clear a TPM. */
import { type Finding, type Lesson, met, missing } from "../lesson.ts";
import { commandsNamed, lastDone, numberOf, sinceStart } from "../seen.ts";
import type { World } from "../world.ts";

const HANDLE = 0x8100_0001;
const HEX = `0x${HANDLE.toString(16)}`;
const PASSWORD = "forgotten";
/** Physical Presence Interface Specification 1.30: "Clear". */
const CLEAR = 5;
const ANSWER = "cat /sys/class/tpm/tpm0/ppi/response";

/** Why the TPM refused to be cleared in this step; undefined when nobody has tried. */
function refused(world: World): Finding {
  const tried = commandsNamed(world, "TPM2_Clear").at(-1);
  if (!tried) return missing("No TPM2_Clear has been seen.");
  return tried.ok ? missing("It was allowed!") : met(`The TPM answered ${tried.result}.`);
}

export const PRESENCE: Lesson = {
  id: "presence",
  title: "Physical presence",
  about: "Who may clear a TPM: not the software alone, but whoever stands before the machine.",
  minutes: 6,
  stage: "guest",
  steps: [
    {
      id: "owner",
      title: "Something to lose",
      text: [
        `A TPM holds what its owner needs: keys, counters, secrets. Keep a key in it for good, at handle ${HEX}.`,
        `And set a password on the right to clear the TPM; the TPM calls it the lockout password. Nobody will remember “${PASSWORD}”.`,
      ],
      offers: [
        { kind: "type", line: "tpm2_createprimary -Q -C o -G ecc -c key.ctx" },
        { kind: "type", line: `tpm2_evictcontrol -Q -C o -c key.ctx ${HEX}` },
        { kind: "type", line: `tpm2_changeauth -c lockout ${PASSWORD}` },
      ],
      goals: [
        {
          text: "a key is kept in the TPM",
          check: (world) =>
            lastDone(
              world,
              "TPM2_EvictControl",
              (command) => numberOf(command.asked("parameters", "persistentHandle")) === HANDLE,
            )
              ? met(`It has the handle ${HEX}, through power cycles too.`)
              : missing("No TPM2_EvictControl has made one yet."),
        },
        {
          text: "clearing has a password",
          check: (world) =>
            lastDone(world, "TPM2_HierarchyChangeAuth")
              ? met("Only who knows it may clear the TPM.")
              : missing("No password was set yet."),
        },
      ],
      hint: "If the TPM answers TPM_RC_NV_DEFINED or TPM_RC_AUTH_FAIL, this was done before: the last steps undo it.",
    },
    {
      id: "refused",
      title: "Software asks",
      text: [
        "The password is lost; or somebody has taken over the system and wants the TPM empty. Besides the lockout password the platform's would do. The firmware sets that at each boot to random bytes which it forgets: no system that runs later knows it.",
        "Try with the platform's.",
      ],
      offers: [{ kind: "type", line: "tpm2_clear -c p" }],
      goals: [{ text: "the TPM refuses", check: refused }],
    },
    {
      id: "ask",
      title: "Leave a note for the firmware",
      text: [
        `The system may leave a request: operation ${CLEAR}, “Clear”, in memory that the firmware reads at the next boot, when the platform is still its own. ACPI's _DSM puts it there, Linux has a file for it.`,
        "On a real PC the firmware then asks whoever sits there to press a key, before any system runs. So no software can do it alone. The pane Machine shows the request.",
      ],
      offers: [
        { kind: "type", line: `echo ${CLEAR} > /sys/class/tpm/tpm0/ppi/request` },
        { kind: "pane", pane: "machine", label: "See the request" },
      ],
      goals: [
        {
          text: "a request waits",
          check({ presence }) {
            const { pending } = presence ?? {};
            if (!pending) return missing("Nothing waits for the firmware.");
            return pending.operation === CLEAR
              ? met("Clear (operation 5) is for the next boot.")
              : missing(`Operation ${pending.operation} waits, which is another.`);
          },
        },
      ],
    },
    {
      id: "reboot",
      title: "You are the one before the machine",
      text: [
        "Restart it. This machine's firmware takes your press of the button for the presence, and carries the request out before the system starts. In the commands you find its TPM2_Clear.",
      ],
      offers: [{ kind: "reset", label: "Restart the machine" }],
      goals: [
        {
          text: "the firmware has cleared the TPM",
          check(world) {
            const { last } = world.presence ?? {};
            if (!world.starts) return missing("The machine has not been started again.");
            if (last?.operation !== CLEAR || !lastDone(sinceStart(world), "TPM2_Clear"))
              return missing("The firmware has not come to it yet.");
            return last.result === 0
              ? met("TPM2_Clear was answered TPM_RC_SUCCESS.")
              : missing(`It could not: result 0x${last.result.toString(16)}.`);
          },
        },
      ],
    },
    {
      id: "gone",
      title: "Nothing left",
      text: [
        "Ask what came of it, and clear the TPM once more: there is no password any more that stops you.",
      ],
      offers: [
        { kind: "type", line: ANSWER },
        { kind: "type", line: `tpm2_readpublic -c ${HEX}` },
        { kind: "type", line: "tpm2_clear" },
      ],
      goals: [
        {
          text: "the system reads the firmware's answer",
          check: ({ serial }) =>
            /^5 0: Success\r?$/m.test(serial)
              ? met("5 0: Success: operation 5, result 0.")
              : missing("The guest was not asked yet."),
        },
        {
          text: "the key is gone",
          check(world) {
            const tried = commandsNamed(world, "TPM2_ReadPublic").at(-1);
            if (!tried) return missing("Nobody has looked for it.");
            return tried.ok ? missing("It is still there.") : met(`The TPM answered ${tried.result}.`);
          },
        },
        {
          text: "the password is gone",
          check: (world) =>
            lastDone(world, "TPM2_Clear")
              ? met("TPM2_Clear went through without one.")
              : missing("No TPM2_Clear has succeeded in this step."),
        },
      ],
    },
  ],
};
