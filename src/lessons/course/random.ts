/** Lesson: random numbers. */
import { equalBytes, toHex } from "../../bytes/hex.ts";
import { type Goal, type Lesson, met, missing } from "../lesson.ts";
import { bytesOf, commandsNamed, lastDone, numberOf, type SeenCommand } from "../seen.ts";
import type { World } from "../world.ts";

const requested = (command: SeenCommand) => numberOf(command.asked("parameters", "bytesRequested"));
const given = (command: SeenCommand) => bytesOf(command.answered("parameters", "randomBytes", "buffer"));

/** Draws of so many bytes; the kernel and the tools draw others for themselves. */
function draws(world: World, count: number): Uint8Array[] {
  return commandsNamed(world, "TPM2_GetRandom")
    .filter((command) => command.ok && requested(command) === count)
    .flatMap((command) => given(command) ?? []);
}

const DRAWN = 11;
const twice: Goal = {
  text: `${DRAWN} bytes were drawn twice`,
  check(world) {
    const found = draws(world, DRAWN);
    const [first, second] = found.slice(-2);
    if (!first || !second) return missing(`${found.length} of 2 draws of ${DRAWN} bytes so far.`);
    return equalBytes(first, second)
      ? missing("Both were the same: that TPM is broken.")
      : met(`${toHex(first)}, then ${toHex(second)}: not the same.`);
  },
};

export const RANDOM: Lesson = {
  id: "random",
  title: "Random numbers",
  about: "Draw random bytes from a shell, and see the command that goes to the TPM for it.",
  minutes: 3,
  stage: "guest",
  steps: [
    {
      id: "draw",
      title: "Draw some",
      text: ["Keys are only as good as the random numbers they come from. Ask the TPM for 8 bytes."],
      offers: [{ kind: "type", line: "tpm2_getrandom --hex 8" }],
      goals: [
        {
          text: "the TPM gave 8 random bytes",
          check(world) {
            const bytes = draws(world, 8).at(-1);
            return bytes
              ? met(`It gave ${toHex(bytes)}.`)
              : missing("No TPM2_GetRandom for 8 bytes has been seen.");
          },
        },
      ],
    },
    {
      id: "look",
      title: "Look at the bytes",
      text: [
        "Open the commands and pick that TPM2_GetRandom: 12 bytes went to the TPM, and 20 came back. Linux and the tools draw numbers of their own, so look for the one with `bytesRequested` 8.",
      ],
      offers: [{ kind: "pane", pane: "commands", label: "Open the commands" }],
      goals: [
        {
          text: "a TPM2_GetRandom for 8 bytes is picked",
          check({ selected }) {
            if (!selected) return missing("No command is picked.");
            if (selected.name !== "TPM2_GetRandom") return missing(`${selected.name} is picked.`);
            const count = requested(selected);
            return count === 8
              ? met("Its response holds the very bytes that the shell has printed.")
              : missing(`This one asks for ${count} bytes.`);
          },
        },
      ],
      hint: "Arrow keys move in the list. The latest commands are at its end.",
    },
    {
      id: "twice",
      title: "Never the same",
      text: [`Draw ${DRAWN} bytes, twice.`],
      offers: [
        { kind: "type", line: `tpm2_getrandom --hex ${DRAWN}` },
        { kind: "type", line: `tpm2_getrandom --hex ${DRAWN}` },
      ],
      goals: [twice],
    },
    {
      id: "stir",
      title: "Stir",
      text: [
        "You may add randomness of your own. It can never make the numbers worse: the TPM mixes it in, and does not trust it.",
      ],
      offers: [{ kind: "type", line: "echo my cat walked here | tpm2_stirrandom" }],
      goals: [
        {
          text: "the TPM has taken some of yours",
          check(world) {
            const bytes = bytesOf(
              lastDone(world, "TPM2_StirRandom")?.asked("parameters", "inData", "buffer"),
            );
            return bytes ? met(`${bytes.length} bytes were stirred in.`) : missing("No TPM2_StirRandom yet.");
          },
        },
      ],
    },
  ],
};
