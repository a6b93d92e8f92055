/** Lesson: seal a secret to PCRs and lose it by tampering. */
import { type Finding, type Lesson, met, missing } from "../lesson.ts";
import {
  bytesOf,
  commandsNamed,
  lastDone,
  numberOf,
  type SeenCommand,
  selectedPcrs,
  sinceStart,
} from "../seen.ts";
import type { World } from "../world.ts";
import { cleanBoot, TAMPERED } from "./clean-boot.ts";
import { PARENT, SEALED } from "./sealed-object.ts";

const HANDLE = 0x8101_0001;
const SECRET = "swordfish";
const UNSEAL = `tpm2_unseal -c 0x${HANDLE.toString(16)} -p pcr:sha256:8`;

function unseals(world: World): SeenCommand[] {
  return commandsNamed(world, "TPM2_Unseal").filter(
    (command) => numberOf(command.asked("handles", "itemHandle")) === HANDLE,
  );
}

function opened(world: World): Finding {
  const last = unseals(world).at(-1);
  if (!last) {
    const gone = world.commands.findLast(
      ({ name, result }) => name === "TPM2_ReadPublic" && result.startsWith("TPM_RC_HANDLE"),
    );
    return missing(
      gone ? "This TPM holds nothing there: is it another one? Seal again." : "Nobody has asked for it.",
    );
  }
  if (!last.ok) return missing(`The TPM answered ${last.result}.`);
  const bytes = bytesOf(last.answered("parameters", "outData", "buffer"));
  return met(`The TPM gave it: “${new TextDecoder().decode(bytes)}”.`);
}

export const SEAL: Lesson = {
  id: "seal",
  title: "Seal a secret",
  about: "A secret that the TPM gives only to a machine that booted as it should, as for an encrypted disk.",
  minutes: 6,
  stage: "guest",
  steps: [
    {
      id: "policy",
      title: "Say when",
      text: [
        "A policy says when the TPM may use a key or a secret. This one: only while PCR 8, the command line, has the value it has now. So the machine must have booted as it should.",
      ],
      offers: [
        { kind: "boot", label: "Boot the good command line", tpm: "2.0" },
        { kind: "type", line: "tpm2_createpolicy -Q --policy-pcr -l sha256:8 -L pcr8.policy" },
      ],
      goals: [
        { text: "the machine is as a good boot has left it", check: cleanBoot },
        {
          text: "a policy over PCR 8 was computed",
          check: (world) =>
            lastDone(sinceStart(world), "TPM2_PolicyPCR", (command) =>
              selectedPcrs(command.asked("parameters", "pcrs")).includes(8),
            )
              ? met("TPM2_PolicyPCR has taken PCR 8 into the policy's digest.")
              : missing("No TPM2_PolicyPCR over PCR 8 has been seen."),
        },
      ],
    },
    {
      id: "seal",
      title: "Seal",
      text: [
        "Make a key to encrypt with, seal a word under it with that policy, and let the TPM keep the result.",
      ],
      offers: [
        {
          kind: "type",
          line: `tpm2_createprimary -Q -C o -G ecc -a "${PARENT}" -c primary.ctx`,
          note: "makes the key; noda: a power cut is not counted as a wrong password",
        },
        {
          kind: "type",
          line: `echo -n ${SECRET} | tpm2_create -Q -C primary.ctx -L pcr8.policy -a "${SEALED}" -i - -c sealed.ctx`,
          note: "seals the word swordfish",
        },
        {
          kind: "type",
          line: `tpm2_evictcontrol -Q -C o -c sealed.ctx 0x${HANDLE.toString(16)}`,
          note: "keeps it in the TPM, under that number, its handle",
        },
      ],
      hint: "If the handle is taken from an earlier time, free it first; then keep the new one. If a file is missing, the machine was started again: one step back.",
      remedies: [{ kind: "type", line: `tpm2_evictcontrol -C o -c 0x${HANDLE.toString(16)}` }],
      goals: [
        {
          text: "the secret is kept in the TPM",
          check(world) {
            const tried = commandsNamed(world, "TPM2_EvictControl").at(-1);
            const freed = tried && numberOf(tried.asked("handles", "objectHandle")) === HANDLE;
            if (freed) return missing("The handle is free: now keep the new secret there.");
            if (tried?.ok) return met(`It stays at handle 0x${HANDLE.toString(16)}, through power cycles.`);
            return missing(tried ? `The TPM answered ${tried.result}; see the hint.` : "It is not kept yet.");
          },
        },
      ],
    },
    {
      id: "open",
      title: "Open it",
      text: ["All is as it was: the TPM gives the secret."],
      offers: [{ kind: "type", line: UNSEAL }],
      goals: [{ text: "the TPM gives the secret", check: opened }],
    },
    {
      id: "lose",
      title: "Tamper",
      text: [
        `Somebody changes the command line. Restart with \`${TAMPERED}\` added to the command line, then ask again. The same TPM, the same object, the same Linux; another PCR 8.`,
      ],
      offers: [
        { kind: "boot", label: "Boot the tampered command line", tpm: "2.0", extra: TAMPERED },
        { kind: "type", line: UNSEAL },
      ],
      goals: [
        {
          text: "the TPM refuses",
          check(world) {
            const now = sinceStart(world);
            const last = unseals(now).at(-1);
            if (!world.starts) return missing("The machine has not been started again.");
            if (!last) return opened(now);
            if (last.ok) return missing("It still gives it. Was the other command line booted?");
            return met(`It answered ${last.result}: PCR 8 is not what the policy wants.`);
          },
        },
      ],
    },
    {
      id: "return",
      title: "Come back",
      text: ["Lost, but not for ever: boot as it should be, and the TPM gives the secret again."],
      offers: [
        { kind: "boot", label: "Boot the good command line", tpm: "2.0" },
        { kind: "type", line: UNSEAL },
      ],
      goals: [
        {
          text: "the TPM gives it again",
          check: (world) =>
            world.starts ? opened(sinceStart(world)) : missing("The machine has not been started again."),
        },
      ],
    },
  ],
};
