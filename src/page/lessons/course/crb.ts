/** Lesson: the mailbox way, CRB beside TIS. */

import { CTRL_REQ, CTRL_START, LOC_CTRL } from "../../../device/crb/registers.ts";
import { toHex } from "../../../protocol/bytes/hex.ts";
import { type Finding, type Lesson, met, missing, type Offer } from "../lesson.ts";
import { bytesOf, lastDone } from "../seen.ts";
import type { World } from "../world.ts";

const REGISTERS: Offer = { kind: "pane", pane: "registers", label: "Go to the registers" };

/** Whether the reader has written those bits to a register since the step began. */
function wrote(world: World, register: "LOC_CTRL" | "CTRL_REQ" | "CTRL_START", bits: number): boolean {
  return world.accesses.some(
    ({ write, register: key, value }) => write && key === register && (value & bits) !== 0,
  );
}

/** Bytes of the data buffer that were written or read since the step began. */
function bufferBytes(world: World, write: boolean): number {
  return world.accesses
    .filter(({ register, write: written }) => register === "DATA_BUFFER" && written === write)
    .reduce((bytes, { size }) => bytes + size, 0);
}

function ran(world: World): Finding {
  if (!wrote(world, "CTRL_START", CTRL_START.START)) return missing("Nobody has written Start yet.");
  const last = world.commands.at(-1);
  if (!last) return missing("Start was written, but no command has ended.");
  return met(`${last.name} was answered ${last.result}.`);
}

export const CRB: Lesson = {
  id: "crb",
  title: "The mailbox way: CRB",
  about: "The other register interface of PCs: a buffer in place of a byte-wide slot, and what that changes.",
  minutes: 4,
  stage: "bench",
  interface: "CRB",
  steps: [
    {
      id: "bench",
      title: "Another counter at the same address",
      text: [
        "Through TIS every byte of a command goes through one register, `TPM_DATA_FIFO`, and a driver keeps asking how many more it may write.",
        "Newer PCs have CRB, the command response buffer: memory that both sides see, like a mailbox. It is for a TPM 2.0 only, and it lies at the same address: `TPM_CRB_INTF_ID` says which of the two a driver has found.",
        "Put a TPM with CRB on the bench, and open its registers.",
      ],
      offers: [
        { kind: "bench", label: "Put a TPM with CRB on the bench" },
        { kind: "pane", pane: "registers", label: "Open the registers" },
      ],
      goals: [
        {
          text: "a TPM with the CRB interface is on the bench",
          check({ bench, registers }) {
            if (!bench) return missing("There is none yet.");
            if (registers !== "CRB") return missing("The one on the bench has the TIS interface.");
            return met("It is there, and nobody else uses it.");
          },
        },
        {
          text: "its registers are in sight",
          check: ({ panes }) =>
            panes.includes("registers") ? met("They are shown beside.") : missing("Open the pane Registers."),
        },
      ],
    },
    {
      id: "wake",
      title: "Your turn: requestAccess, cmdReady",
      text: [
        "The localities are the same five as before. `requestAccess` asks for the TPM, by a write to `TPM_LOC_CTRL`; `TPM_LOC_STS` answers with Granted.",
        "A CRB TPM may sleep: the bit tpmIdle of `TPM_CRB_CTRL_STS` says so. `cmdReady` wakes it.",
      ],
      offers: [REGISTERS],
      goals: [
        {
          text: "a locality has the TPM, and has woken it",
          check(world) {
            if (world.interface?.locality === undefined) return missing("No locality has the TPM yet.");
            if (!wrote(world, "CTRL_REQ", CTRL_REQ.CMD_READY))
              return missing(`Locality ${world.interface.locality} has it, and it is idle: write cmdReady.`);
            return met(`Locality ${world.interface.locality} has the TPM, and it is awake.`);
          },
        },
      ],
    },
    {
      id: "fill",
      title: "Into the mailbox",
      text: [
        "Press `fill the buffer`: the bytes go to `TPM_CRB_DATA_BUFFER`, each to its own place. Nobody counts them on the way: there is no Expect and no burstCount, and a driver may write them in any order, four or eight at a time.",
      ],
      offers: [REGISTERS],
      goals: [
        {
          text: "a command lies in the buffer",
          check(world) {
            const bytes = bufferBytes(world, true);
            if (bytes < 10) return missing(`${bytes} bytes have gone in; the header alone has 10.`);
            if (world.interface?.state !== "reception" && !world.commands.length)
              return missing(`${bytes} bytes were written, but the TPM did not take them.`);
            return met(`${bytes} bytes lie in the buffer.`);
          },
        },
      ],
    },
    {
      id: "start",
      title: "Start, and the answer where the command was",
      text: [
        "`Start` runs it. The bit stays 1 while the TPM works, and falls when the response lies in the buffer, over the command. A driver waits for that one bit.",
        "Then press `read response`.",
      ],
      offers: [REGISTERS],
      goals: [
        { text: "the TPM has run a command", check: ran },
        {
          text: "the response was read from the buffer",
          check(world) {
            const bytes = bufferBytes(world, false);
            return bytes >= 10
              ? met(`${bytes} bytes were read.`)
              : missing(`${bytes} bytes were read so far; a response has at least 10.`);
          },
        },
      ],
    },
    {
      id: "again",
      title: "Once more, and to sleep",
      text: [
        "Choose TPM2_GetRandom from the examples and take it through: `cmdReady`, `fill the buffer`, `Start`, `read response`. Then `goIdle`, which lets the TPM sleep, and `give back`.",
        "In the pane Accesses you see what it took: two short runs of bytes, and a handful of writes around them. Over TIS it was a question before each piece.",
      ],
      offers: [REGISTERS],
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
          text: "it sleeps, and was given back",
          check(world) {
            if (!wrote(world, "CTRL_REQ", CTRL_REQ.GO_IDLE)) return missing("Nobody has written goIdle yet.");
            if (!wrote(world, "LOC_CTRL", LOC_CTRL.RELINQUISH))
              return missing("Write Relinquish to TPM_LOC_CTRL: the button “give back”.");
            if (world.interface?.locality !== undefined)
              return missing(`Locality ${world.interface.locality} still has it.`);
            return met("The TPM is idle, and no locality has it.");
          },
        },
      ],
    },
  ],
};
