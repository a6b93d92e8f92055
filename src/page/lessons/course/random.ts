/** Lesson: random numbers. */
import { equalBytes, toHex } from "../../../protocol/bytes/hex.ts";
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
      text: [
        "Keys are only as good as the random numbers they come from; a TPM has a source of its own. Let Linux ask it for 8 bytes.",
      ],
      offers: [{ kind: "type", line: "tpm2_getrandom --hex 8; echo" }],
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
        "Open the commands and find that TPM2_GetRandom. Linux and the tool draw numbers of their own too; yours is the last one that says “8 random bytes”. Pick it: its response has the bytes that the shell has printed.",
      ],
      offers: [{ kind: "pane", pane: "commands", label: "Open the commands" }],
      goals: [
        {
          text: "the TPM2_GetRandom behind your 8 bytes is picked",
          check({ selected, serial }) {
            if (!selected) return missing("No command is picked.");
            if (selected.name !== "TPM2_GetRandom") return missing(`${selected.name} is picked.`);
            const count = requested(selected);
            const bytes = given(selected);
            if (count !== 8 || !bytes) return missing(`This one asks for ${count} bytes.`);
            return serial.includes(toHex(bytes))
              ? met(`It gave ${toHex(bytes)}, the very bytes that the shell has printed.`)
              : missing(
                  `This one gave ${toHex(bytes)}, which the shell has not printed: the tool drew it for itself.`,
                );
          },
        },
      ],
      hint: "The latest commands are at the end of the list; arrow keys move in it. After a restart of the machine, draw again: one step back.",
    },
    {
      id: "twice",
      title: "Never the same",
      text: [`Draw ${DRAWN} bytes, twice. No two draws are the same.`],
      offers: [
        { kind: "type", line: `tpm2_getrandom --hex ${DRAWN}; echo` },
        { kind: "type", line: `tpm2_getrandom --hex ${DRAWN}; echo` },
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
