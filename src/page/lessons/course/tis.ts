/** Lesson: talk to the TIS by hand. */

import { ACCESS, STS } from "../../../device/tis/registers.ts";
import { toHex } from "../../../protocol/bytes/hex.ts";
import { type Finding, type Goal, type Lesson, met, missing } from "../lesson.ts";
import { bytesOf, lastDone } from "../seen.ts";
import type { World } from "../world.ts";

/** Whether the reader has written those bits to a register since the step began. */
function wrote(world: World, register: "ACCESS" | "STS", bits: number): boolean {
  return world.accesses.some(
    ({ write, register: key, value }) => write && key === register && (value & bits) !== 0,
  );
}

/** Bytes that have gone through the FIFO since the step began. */
function fifoBytes(world: World, write: boolean): number {
  return world.accesses.filter(
    ({ register, write: written }) => register === "DATA_FIFO" && written === write,
  ).length;
}

const owns: Goal = {
  text: "a locality has the TPM",
  check({ interface: now }: World): Finding {
    if (now?.locality === undefined)
      return missing("No locality has the TPM: activeLocality is 0 everywhere.");
    return met(`Locality ${now.locality} reads activeLocality = 1: the TPM is yours.`);
  },
};

export const TIS: Lesson = {
  id: "tis",
  title: "Talk to the TPM by hand",
  about: "How a driver hands a command over: six steps through a handful of registers.",
  minutes: 4,
  stage: "bench",
  steps: [
    {
      id: "bench",
      title: "A TPM without a computer",
      text: [
        "A TPM is a small security chip. A PC talks to it through registers, addresses in memory where it can write and read, as at an office counter: ring the bell, hand a letter over, fetch the answer. Here you are the PC. Put a TPM on the bench and open its registers.",
        "All of it works by keyboard too: Tab moves, Enter presses.",
      ],
      offers: [
        { kind: "bench", label: "Put a TPM on the bench" },
        { kind: "pane", pane: "registers", label: "Open the registers" },
      ],
      goals: [
        {
          text: "a TPM is on the bench",
          check: ({ bench }) =>
            bench ? met("It is there, and nobody else uses it.") : missing("There is none yet."),
        },
        {
          text: "its registers are in sight",
          check: ({ panes }) =>
            panes.includes("registers") ? met("They are shown beside.") : missing("Open the pane Registers."),
        },
      ],
    },
    {
      id: "request",
      title: "Ring the bell: requestUse",
      text: [
        "Five parties may use the TPM; each has its own set of registers, called a locality. Only one is served at a time. You are locality 0.",
        "In the registers, under “Play the driver”, press `requestUse`. It writes the bit of that name to `TPM_ACCESS`.",
      ],
      offers: [{ kind: "pane", pane: "registers", label: "Go to the registers" }],
      goals: [owns],
      hint: "The button is in the row of six under the heading of the registers. The next one that makes sense is filled in.",
    },
    {
      id: "ready",
      title: "Paper ready: commandReady",
      text: [
        "The TPM is idle. Press `commandReady`: it writes that bit to `TPM_STS`, the status register. The TPM empties its buffers and waits for a command; the picture shows it in Ready.",
      ],
      offers: [{ kind: "pane", pane: "registers", label: "Go to the registers" }],
      goals: [
        {
          text: "commandReady was written, and the TPM is Ready",
          check(world) {
            if (!wrote(world, "STS", STS.COMMAND_READY))
              return missing("Nobody has written commandReady yet.");
            if (world.interface?.state === "idle")
              return missing("It was written, but the state is still Idle.");
            return met("The state machine has left Idle.");
          },
        },
      ],
      hint: "A locality must have the TPM first; otherwise the write is ignored.",
    },
    {
      id: "write",
      title: "Hand the letter over",
      text: [
        "The field below the buttons holds 12 bytes: `80 01`, a length, the command code `00 00 01 44` and one parameter. It is TPM2_Startup, what a TPM wants to hear first after power-on.",
        "Press `write command`. Each byte goes to `TPM_DATA_FIFO`, the register that all bytes pass through. The bit Expect stays 1 until as many are there as the length says.",
      ],
      offers: [{ kind: "pane", pane: "registers", label: "Go to the registers" }],
      goals: [
        {
          text: "a whole command is in the FIFO",
          check(world) {
            const count = fifoBytes(world, true);
            if (count < 10) return missing(`${count} bytes have gone in; the header alone has 10.`);
            const state = world.interface?.state;
            if (state === "idle" || state === "ready")
              return missing(`${count} bytes were written, but the TPM is ${state}: it did not take them.`);
            return met(`${count} bytes have gone in.`);
          },
        },
      ],
    },
    {
      id: "go",
      title: "Go: tpmGo",
      text: [
        "Nothing runs yet. Press `tpmGo`, another bit of `TPM_STS`: it starts the command. When the TPM is through, it sets the bit dataAvail.",
      ],
      offers: [{ kind: "pane", pane: "registers", label: "Go to the registers" }],
      goals: [
        {
          text: "the TPM has run a command",
          check(world) {
            if (!wrote(world, "STS", STS.TPM_GO)) return missing("Nobody has written tpmGo yet.");
            const last = world.commands.at(-1);
            if (!last) return missing("tpmGo was written, but no command has ended.");
            return met(`${last.name} was answered ${last.result}.`);
          },
        },
      ],
      hint: "If Expect is still 1, the command is shorter than its length field says: tpmGo is ignored.",
    },
    {
      id: "read",
      title: "Fetch the answer",
      text: [
        "`burstCount` says how many bytes may be read without waiting. Press `read response`: 10 bytes, the last four of them the response code. `00 00 00 00` is TPM_RC_SUCCESS.",
      ],
      offers: [{ kind: "pane", pane: "registers", label: "Go to the registers" }],
      goals: [
        {
          text: "the response was read from the FIFO",
          check(world) {
            const count = fifoBytes(world, false);
            return count >= 10
              ? met(`${count} bytes were read.`)
              : missing(`${count} bytes were read so far; a response has at least 10.`);
          },
        },
      ],
    },
    {
      id: "again",
      title: "Now alone",
      text: [
        "Choose TPM2_GetRandom from the examples and take it through: `commandReady`, `write command`, `tpmGo`, `read response`. Then `give back`, so that others get their turn.",
      ],
      offers: [{ kind: "pane", pane: "registers", label: "Go to the registers" }],
      goals: [
        {
          text: "the TPM gave random bytes",
          check(world) {
            const command = lastDone(world, "TPM2_GetRandom");
            const bytes = bytesOf(command?.answered("parameters", "randomBytes", "buffer"));
            return bytes
              ? met(`It gave ${toHex(bytes)}.`)
              : missing("No TPM2_GetRandom has ended with TPM_RC_SUCCESS yet.");
          },
        },
        {
          text: "the TPM was given back",
          check(world) {
            if (!wrote(world, "ACCESS", ACCESS.ACTIVE_LOCALITY))
              return missing("Write activeLocality to TPM_ACCESS: the button “give back”.");
            if (world.interface?.locality !== undefined)
              return missing(`Locality ${world.interface.locality} still has it.`);
            return met("No locality has it now.");
          },
        },
      ],
    },
  ],
};
