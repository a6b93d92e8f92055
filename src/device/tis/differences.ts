/**
 * Where this device wants to differ from QEMU's tpm-tis (7.2 with swtpm), and why. The comparison with QEMU explains
 * every mismatch by one of these entries or fails; the documentation shows the same table.
 */

import type { Difference } from "../frontend/differences.ts";

const PTP_STATES = "PTP 1.05 and TIS 1.3, State Transition Table";

export const DIFFERENCES = {
  "seize-drops-response": {
    qemu: "After a seize during execution the seized locality ends in completion and can read the response later.",
    here: "The response is dropped and the seized locality is idle, without a dataAvail interrupt.",
    reason: "A seize aborts the command; what it answered belongs to nobody.",
    spec: "PTP 1.05 and TIS 1.3, Access Register (Seize); State Transition Table",
    seenIn: "registers",
  },
  "half-command-dropped": {
    qemu: "A locality that loses or gives up the TPM during reception keeps Expect and its half command.",
    here: "The half command is dropped and the locality is idle.",
    reason: "A later owner would otherwise go on in the middle of somebody's command.",
    spec: PTP_STATES,
    seenIn: "registers",
  },
  "ready-given-up": {
    qemu: "A locality that loses or gives up the TPM in ready state is ready when it has it again.",
    here: "It is idle then: commandReady comes before the next command, and its interrupt with it.",
    reason:
      "Linux tests the interrupt by a command, for which it waits a millisecond: that of commandReady comes in time, however long the TPM takes.",
    spec: "PTP 1.05 and TIS 1.3, Access Register (activeLocality); State Transition Table",
    seenIn: "registers",
  },
  "buffer-taken": {
    qemu: "A command's first byte is stored behind what another locality had read or written, in the one buffer that all share; that locality still shows its response, with the new command's bytes in it.",
    here: "A command starts at the buffer's begin, and takes the buffer: every other locality becomes idle.",
    reason: "No locality may see or change what another one sends or receives.",
    spec: PTP_STATES,
    seenIn: "registers",
  },
  "size-of-32-bits": {
    qemu: "Only the low 16 bits of a command's size field are compared with what has arrived: a size of 0x0001000A is complete after 10 bytes.",
    here: "All 32 bits count. A size that the buffer cannot hold keeps Expect until the buffer is full.",
    reason: "The size field has 32 bits.",
    spec: "TPM 2.0 Part 1, Command/Response Structure",
    seenIn: "registers",
  },
  "short-command": {
    qemu: "A command of less than 10 bytes is sent to swtpm, which waits for the rest for ever; the next commandReady freezes the machine.",
    here: "The interface answers it itself: TPM_RC_COMMAND_SIZE, or TPM_BAD_PARAM_SIZE for a TPM 1.2.",
    reason: "A guest must not be able to hang the TPM or the machine.",
    spec: "TPM 2.0 Part 3, Command Header Validation",
    seenIn: "registers",
  },
  "reset-lowers-irq": {
    qemu: "A reset clears TPM_INT_STATUS but leaves the interrupt line as it was.",
    here: "A reset lowers the line.",
    reason: "Nothing could ever lower it after the reset, since nothing is pending.",
    spec: "PTP 1.05 and TIS 1.3, Interrupt Status Register",
    seenIn: "registers",
  },
  "one-command-at-a-time": {
    qemu: "When an owner gives up the TPM during execution, the next one can overwrite the running command's bytes, and its tpmGo is lost or mixed up with it.",
    here: "The next owner's command takes the buffer, the running one is cancelled and its answer dropped; the new command waits for that answer and then runs.",
    reason: "Two commands at once would corrupt both.",
    spec: PTP_STATES,
    seenIn: "unsafe",
  },
  "wrong-size-stays-here": {
    qemu: "A command whose size field differs from the bytes sent goes to swtpm as it is.",
    here: "The interface gives the TPM's answer to it at once, without asking the TPM.",
    reason: "A byte stream to the TPM must never get out of step. The guest sees the same bytes.",
    spec: "TPM 2.0 Part 3, Command Header Validation",
    seenIn: "registers",
  },
  "establishment-locality": {
    qemu: "resetEstablishmentBit is passed on with the locality of the last command, or with none.",
    here: "It is passed on with the locality that wrote it.",
    reason: "Only localities 3 and 4 may reset the flag; the TPM checks the locality that it is told.",
    spec: "PTP 1.05, Status Register (resetEstablishmentBit)",
    seenIn: "behind",
  },
  "cancel-in-order": {
    qemu: "A cancel can reach swtpm before the command that it is meant for, and the machine stands still until swtpm has answered it.",
    here: "A cancel belongs to its command. It follows that command to swtpm, in order; a command that still waits is answered TPM_RC_CANCELED instead, and never sent. Nothing waits for either.",
    reason: "A cancel must hit its command; a slow TPM must not stop the machine.",
    spec: "PTP 1.05, Status Register (commandCancel)",
    seenIn: "behind",
  },
  "failure-response": {
    qemu: "When the TPM cannot be asked, the response is a TPM 1.2 error, whatever the TPM.",
    here: "It is TPM_RC_FAILURE for a TPM 2.0, and TPM_FAIL for a TPM 1.2.",
    reason: "A TPM 2.0 driver takes the tag 00C4 for another kind of TPM.",
    spec: "TPM 2.0 Part 1, Failure Mode",
    seenIn: "behind",
  },
  "response-checked": {
    qemu: "The size field of the TPM's response is trusted.",
    here: "A response that is shorter than its header, larger than the buffer, or not as long as it says, is replaced by the failure response.",
    reason: "What the TPM's side sends must not be able to break the interface.",
    spec: "TPM 2.0 Part 1, Command/Response Structure",
    seenIn: "behind",
  },
  "failure-mode": {
    qemu: "When the TPM cannot be started, the whole machine ends (older versions: every register reads 0).",
    here: "Every register reads 0 and ignores writes; the machine goes on.",
    reason: "Losing the TPM must not lose the page.",
    spec: "PTP 1.05 and TIS 1.3, Access Register (tpmRegValidSts)",
    seenIn: "behind",
  },
  "dynamic-launch": {
    qemu: "TPM_HASH_START, TPM_HASH_DATA and TPM_HASH_END at locality 4 are ignored.",
    here: "They measure a dynamic launch into PCR 17, if no locality has the TPM, and set the establishment flag.",
    reason:
      "A reader is to see one. On a PC the chipset keeps software from locality 4; nothing does here, as nothing does in QEMU.",
    spec: "PTP 1.05 and TIS 1.3, TPM_HASH_START, TPM_HASH_DATA, TPM_HASH_END",
    seenIn: "unsafe",
  },
  "no-debug-register": {
    qemu: "Reading offset 0xF90 prints the device's state on the host's standard error.",
    here: "Nothing is there. Both read as all ones.",
    reason: "A guest must not be able to fill the host's log.",
    spec: "PTP 1.05 and TIS 1.3, Register Space",
    seenIn: "behind",
  },
} as const satisfies Record<string, Difference>;

export type DifferenceId = keyof typeof DIFFERENCES;
