/**
 * Where this device wants to differ from QEMU's tpm-crb (7.2 with swtpm), and why. The comparison with QEMU explains
 * every mismatch by one of these entries or fails; the documentation shows the same table.
 */
import type { Difference } from "../frontend/differences.ts";

const PTP_STATES = "PTP 1.05, CRB Interface State Transitions";
const PTP_LOCALITY = "PTP 1.05, Locality Control and Locality Status";

export const DIFFERENCES = {
  "bits-on-their-own": {
    qemu: "A write to a control register counts only if its whole value is one of those that QEMU knows: a reserved bit beside it, or two bits at once, make it nothing.",
    here: "Each bit acts on its own, whatever the reserved ones are. cmdReady and goIdle at once are neither.",
    reason: "Reserved bits may be written as anything; and what one bit asks for, another one does not undo.",
    spec: "PTP 1.05, Register Space",
    seenIn: "registers",
  },
  "control-needs-locality": {
    qemu: "cmdReady and goIdle are obeyed while no locality has the TPM.",
    here: "The control area is the active locality's: what others write there is ignored.",
    reason: "Nobody may change the state of a TPM that he does not have.",
    spec: PTP_LOCALITY,
    seenIn: "registers",
  },
  "buffer-needs-locality": {
    qemu: "The data buffer can be read and written while no locality has the TPM.",
    here: "It reads as all ones then, and keeps what it has.",
    reason: "What is in it is the locality's that put it there.",
    spec: PTP_LOCALITY,
    seenIn: "registers",
  },
  "buffer-held": {
    qemu: "The data buffer can be written while the TPM runs the command in it; the response is then written over that.",
    here: "Writes to it are ignored until the response is there.",
    reason: "A command must not change while it runs.",
    spec: PTP_STATES,
    seenIn: "unsafe",
  },
  "data-wakes": {
    qemu: "A write to the data buffer in idle state is stored, and the TPM still shows itself idle.",
    here: "The first byte of a command wakes the TPM: tpmIdle falls.",
    reason: "SeaBIOS sends its first command without cmdReady; a TPM that has got a command is not idle.",
    spec: PTP_STATES,
    seenIn: "registers",
  },
  "start-needs-ready": {
    qemu: "Start is obeyed in idle state, and after a response, which is then taken for a command.",
    here: "Start is obeyed when the TPM is ready for a command, or has got one.",
    reason: "The state transition table has no such move.",
    spec: PTP_STATES,
    seenIn: "registers",
  },
  "running-keeps-state": {
    qemu: "cmdReady and goIdle are obeyed while a command runs: the TPM shows itself idle and busy at once.",
    here: "They are ignored until the command has ended; Cancel hurries it.",
    reason: "The state transition table has no such move.",
    spec: PTP_STATES,
    seenIn: "registers",
  },
  "relinquish-waits": {
    qemu: "A locality that gives up the TPM while a command runs loses it at once; the response comes later, for whoever is there.",
    here: "The command is cancelled, and the TPM changes hands when it has ended; its response is dropped.",
    reason: "One locality's response is not another one's to read, nor its buffer to fill.",
    spec: PTP_LOCALITY,
    seenIn: "registers",
  },
  "cancel-reads-back": {
    qemu: "TPM_CRB_CTRL_CANCEL reads 0.",
    here: "It reads 1 from when 1 is written until software writes 0.",
    reason: "Clearing it is the software's part.",
    spec: "PTP 1.05, Control Cancel",
    seenIn: "registers",
  },
  seize: {
    qemu: "Seize does nothing.",
    here: "A locality takes the TPM from a lower one, or from nobody.",
    reason: "That is how a higher locality gets a TPM that a lower one does not give back.",
    spec: PTP_LOCALITY,
    seenIn: "registers",
  },
  interrupts: {
    qemu: "There are none: the interrupt registers read 0.",
    here: "A command's end, ready, a change of locality and the flag's reset can interrupt.",
    reason: "Polling costs a guest time.",
    spec: "PTP 1.05, Interrupt Control and Interrupt Status",
    seenIn: "registers",
  },
  "interface-lock": {
    qemu: "TPM_CRB_INTF_ID.IntfSelLock cannot be set.",
    here: "Writing 1 sets it, until reset.",
    reason: "Firmware fixes the choice of interface, and looks whether it is fixed.",
    spec: "PTP 1.05, CRB Interface Identifier",
    seenIn: "registers",
  },
  "reset-empties-buffer": {
    qemu: "The data buffer keeps what it has over a reset of the machine.",
    here: "A reset empties it.",
    reason: "What comes next on the machine must not find another's command or response there.",
    spec: PTP_STATES,
    seenIn: "registers",
  },
  "short-command": {
    qemu: "A command of less than 10 bytes is sent to swtpm, which waits for the rest for ever.",
    here: "The interface answers it itself: TPM_RC_COMMAND_SIZE.",
    reason: "A guest must not be able to hang the TPM.",
    spec: "TPM 2.0 Part 3, Command Header Validation",
    seenIn: "unsafe",
  },
  "long-command-stays-here": {
    qemu: "A command that says to be larger than the data buffer goes to swtpm cut.",
    here: "The interface gives the TPM's answer to it at once, without asking the TPM.",
    reason: "A byte stream to the TPM must never get out of step. The guest sees the same bytes.",
    spec: "TPM 2.0 Part 3, Command Header Validation",
    seenIn: "registers",
  },
  localities: {
    qemu: "There is locality 0 alone.",
    here: "There are localities 0 to 3, with request, seize and relinquish; locality 4 can reset the establishment flag. With another one's turn the buffer is emptied, and the TPM idle. One locality alone can be had.",
    reason: "Operating systems and dynamic launches use them.",
    spec: PTP_LOCALITY,
    seenIn: "behind",
  },
  "cancel-in-order": {
    qemu: "A cancel can reach swtpm before the command that it is meant for, and the machine stands still until swtpm has answered it.",
    here: "A cancel follows its command, in order, and nothing waits for it.",
    reason: "A cancel must hit its command; a slow TPM must not stop the machine.",
    spec: "PTP 1.05, Control Cancel",
    seenIn: "behind",
  },
  "failure-response": {
    qemu: "When the TPM cannot be asked, the response is a TPM 1.2 error, and tpmSts is set.",
    here: "It is TPM_RC_FAILURE.",
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
    qemu: "When the TPM cannot be started, the whole machine ends.",
    here: "Every register reads 0 and ignores writes; the machine goes on.",
    reason: "Losing the TPM must not lose the page.",
    spec: "PTP 1.05, Locality State (tpmRegValidSts)",
    seenIn: "behind",
  },
} as const satisfies Record<string, Difference>;

export type DifferenceId = keyof typeof DIFFERENCES;
