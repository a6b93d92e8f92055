/** Lesson: Secure Boot accepts and refuses. */
import { toHex } from "../../../protocol/bytes/hex.ts";
import { EVENT_TYPES } from "../../../protocol/eventlog/event-types.ts";
import { secureBootMode } from "../../../protocol/uefi/secure-boot.ts";
import { type Finding, type Lesson, met, missing } from "../lesson.ts";
import { pcrValue, type World } from "../world.ts";
import { uefiShell } from "./uefi-boot.ts";

const REFUSED = /failed to load the kernel: Access Denied/;

/** The events by which the firmware says which key let something start. */
const authorities = ({ log }: World) =>
  log?.log.events.filter(({ type }) => type === EVENT_TYPES.EV_EFI_VARIABLE_AUTHORITY.id).length ?? 0;

const pcr7 = (world: World) => {
  const value = pcrValue(world, "sha256", 7);
  return value && toHex(value);
};

function refused(world: World): Finding {
  if (!world.starts) return missing("The machine has not been started again.");
  if (world.shell) return missing("It has started: that was not to be.");
  return REFUSED.test(world.serial)
    ? met("The firmware said: failed to load the kernel: Access Denied.")
    : missing("It is booting.");
}

const mode = ({ variables }: World) => variables && secureBootMode(variables);

export const SECURE_BOOT: Lesson = {
  id: "secure-boot",
  title: "Secure Boot accepts and refuses",
  about: "Keys of your own, a signed kernel, one changed bit, and what each leaves in PCR 7.",
  minutes: 8,
  stage: "any",
  steps: [
    {
      id: "enroll",
      title: "Keys of your own",
      text: [
        "Measuring tells afterwards. Secure Boot refuses before: with keys in its flash, the firmware starts only what one of them has signed.",
        "This page's server has made three keys for teaching: a platform key, a key exchange key, and one that has signed its kernel. Put them in; the machine is off for it.",
      ],
      offers: [
        { kind: "variables", label: "Put the keys in", change: "enroll" },
        { kind: "pane", pane: "uefi", label: "Open the pane UEFI" },
      ],
      goals: [
        {
          text: "Secure Boot is on",
          check: (world) =>
            mode(world) === "on"
              ? met("The platform key is there, and db has the key that signs kernels.")
              : missing(world.variables ? "There is no platform key yet." : "Open the pane UEFI."),
        },
      ],
    },
    {
      id: "accept",
      title: "Signed, and accepted",
      text: [
        "A signature covers the whole image. The firmware works out the image's hash, and looks in db for the certificate that has signed it. The one that it finds goes into PCR 7.",
      ],
      offers: [
        { kind: "boot", label: "Boot the signed kernel", tpm: "2.0", firmware: "uefi", signature: "signed" },
      ],
      goals: [
        {
          text: "the signed kernel runs",
          check(world) {
            const shell = uefiShell(world);
            if (!shell.met) return shell;
            const value = pcr7(world);
            if (!authorities(world) || !value)
              return missing("The log names no key that let it start: was Secure Boot on?");
            return met(`It runs, and PCR 7 is ${value.slice(0, 16)}….`, { accepted: value });
          },
        },
      ],
    },
    {
      id: "refuse",
      title: "One bit",
      text: [
        "Now the same kernel, with the same signature, and one bit of its code changed. Watch the console.",
      ],
      offers: [
        {
          kind: "boot",
          label: "Boot the changed kernel",
          tpm: "2.0",
          firmware: "uefi",
          signature: "tampered",
        },
      ],
      goals: [
        { text: "the firmware refuses it, in its own words", check: refused },
        {
          text: "PCR 7 names no key",
          check(world) {
            const value = pcr7(world);
            if (!world.starts || !REFUSED.test(world.serial) || !value) return missing("It is booting.");
            if (value === world.notes.accepted || authorities(world)) return missing("It is as it was.");
            return met(`It is ${value.slice(0, 16)}…: keys and mode are the same, and nobody was let in.`);
          },
        },
      ],
    },
    {
      id: "revoke",
      title: "Signed, and revoked",
      text: [
        "A signature is for good; a kernel may turn out to have a hole. So there is dbx: what is on it is refused, whoever has signed it. Put this server's kernel on it, and boot the signed one again.",
      ],
      offers: [
        { kind: "variables", label: "Revoke the kernel", change: "revoke" },
        { kind: "boot", label: "Boot the signed kernel", tpm: "2.0", firmware: "uefi", signature: "signed" },
      ],
      goals: [
        {
          text: "dbx has it",
          check: ({ variables }) =>
            variables?.some(({ name }) => name === "dbx")
              ? met("Its hash is on the list.")
              : missing("dbx is empty."),
        },
        { text: "the firmware refuses it", check: refused },
      ],
    },
    {
      id: "clear",
      title: "Open again",
      text: [
        "Take the keys out, so that any kernel boots, and the lessons after this one find the machine as it was.",
      ],
      offers: [
        { kind: "variables", label: "Take all keys out", change: "clear" },
        { kind: "boot", label: "Boot the unsigned kernel", tpm: "2.0", firmware: "uefi" },
      ],
      goals: [
        {
          text: "an unsigned kernel runs, and nobody has looked",
          check(world) {
            if (mode(world) !== "setup") return missing("The keys are still there.");
            if (!world.starts) return missing("The machine has not been started again.");
            return uefiShell(world);
          },
        },
      ],
    },
  ],
};
