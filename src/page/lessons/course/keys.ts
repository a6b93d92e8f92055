/** Lesson: keys and signing. */
import { equalBytes, fromHex, toHex } from "../../../protocol/bytes/hex.ts";
import { hash } from "../../../protocol/eventlog/hash.ts";
import { type Lesson, met, missing } from "../lesson.ts";
import { bytesOf, commandsNamed, lastDone, type SeenCommand } from "../seen.ts";
import { isSignedBy, publicKey, required, signatureOf } from "../signature.ts";

const NOTE = "I owe you 5 coins";
const FORGED = "I owe you 500 coins";
const PRIMARY = "tpm2_createprimary -Q -C o -G ecc -c primary.ctx";

const GONE =
  "If a file is missing, the machine was started again since: its files are gone. Begin with step 1.";

/** What `echo` writes. */
const written = (text: string) => new TextEncoder().encode(`${text}\n`);

function signs(command: SeenCommand): boolean {
  const bits = command.answered("parameters", "outPublic", "publicArea", "objectAttributes")?.text ?? "";
  return bits.split(", ").includes("sign");
}

export const KEYS: Lesson = {
  id: "keys",
  title: "Keys and signing",
  about: "Keys that never leave the TPM, and a signature that this page checks.",
  minutes: 5,
  stage: "guest",
  steps: [
    {
      id: "primary",
      title: "A key from a seed",
      text: [
        "A TPM can compute keys from a secret seed of its own. Such a key is a primary key; its public part may be shown, its private part never leaves the TPM. Make one.",
      ],
      offers: [{ kind: "type", line: PRIMARY }],
      goals: [
        {
          text: "a primary key was made",
          check(world) {
            const made = lastDone(world, "TPM2_CreatePrimary");
            const key = made && publicKey(made);
            return key
              ? met(`Its public part begins ${key.slice(2, 18)}…`, { primary: key })
              : missing("No TPM2_CreatePrimary has been seen.");
          },
        },
      ],
    },
    {
      id: "same",
      title: "The same again",
      text: [
        "Make it once more. Same seed, same wishes (kind, size, use): same key. So a primary key need not be stored anywhere.",
      ],
      offers: [{ kind: "type", line: PRIMARY }],
      goals: [
        {
          text: "it came out the same",
          check(world) {
            const made = lastDone(world, "TPM2_CreatePrimary");
            if (!made) return missing("It was not made again.");
            return publicKey(made) === required(world.notes, "primary")
              ? met("The public part is the same, to the last bit.")
              : missing("This is another key: was another kind asked for?");
          },
        },
      ],
    },
    {
      id: "child",
      title: "A key for signing",
      text: [
        "Below the primary key, make one from random numbers. Out come a public part and a private part, encrypted so that only this TPM can read it.",
      ],
      offers: [
        {
          kind: "type",
          line: "tpm2_create -Q -C primary.ctx -G ecc256:ecdsa-sha256:null -u sign.pub -r sign.priv -c sign.ctx",
        },
      ],
      hint: GONE,
      goals: [
        {
          text: "a signing key was made",
          check(world) {
            const made = lastDone(world, "TPM2_CreateLoaded", signs) ?? lastDone(world, "TPM2_Create", signs);
            const key = made && publicKey(made);
            if (!made || !key) return missing("No signing key has been made in this step.");
            const size = bytesOf(made.answered("parameters", "outPrivate", "buffer"))?.length ?? 0;
            return met(`Public: ${key.slice(2, 18)}…. Private: ${size} bytes, encrypted.`, { sign: key });
          },
        },
      ],
    },
    {
      id: "sign",
      title: "Sign",
      text: [
        "Write a note and let the TPM sign it. The page has seen the public key go by, and checks the signature.",
      ],
      offers: [
        { kind: "type", line: `echo ${NOTE} > note` },
        { kind: "type", line: "tpm2_sign -Q -c sign.ctx -g sha256 -o note.sig note" },
      ],
      hint: GONE,
      goals: [
        {
          text: "the page finds the signature good",
          async check(world) {
            const made = lastDone(world, "TPM2_Sign");
            const signature = made && signatureOf(made);
            if (!made || !signature) return missing("No TPM2_Sign has been seen.");
            const digest = bytesOf(made.asked("parameters", "digest", "buffer"));
            const wanted = hash("sha256", written(NOTE));
            if (!digest || !wanted || !equalBytes(digest, wanted))
              return missing(`Something else was signed than “${NOTE}”.`);
            return (await isSignedBy(required(world.notes, "sign"), signature, written(NOTE)))
              ? met(`“${NOTE}” was signed by that key.`, { signature: toHex(signature) })
              : missing("The signature is not that key's. Was it made with another one?");
          },
        },
      ],
    },
    {
      id: "forge",
      title: "Forge",
      text: [
        "Add two zeros to the note, and ask the TPM whether the signature still holds. The page checks it too.",
      ],
      offers: [
        { kind: "type", line: `echo ${FORGED} > forged` },
        { kind: "type", line: "tpm2_verifysignature -Q -c sign.ctx -g sha256 -m forged -s note.sig" },
      ],
      hint: GONE,
      goals: [
        {
          text: "the TPM turns it down",
          check(world) {
            const tried = commandsNamed(world, "TPM2_VerifySignature").at(-1);
            if (!tried) return missing("No TPM2_VerifySignature has been seen.");
            return tried.ok
              ? missing("That one was good: check the forged note.")
              : met(`It answered ${tried.result}.`);
          },
        },
        {
          text: "the page finds it forged too",
          async check({ notes }) {
            const signature = fromHex(required(notes, "signature"));
            return (await isSignedBy(required(notes, "sign"), signature, written(FORGED)))
              ? missing("It holds!")
              : met(`“${FORGED}” was never signed by that key.`);
          },
        },
      ],
    },
  ],
};
