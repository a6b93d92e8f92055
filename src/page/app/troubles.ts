/** What went wrong with machine or TPM, as notices: what happened, why, and what can be done. */
import type { Failure } from "../../backend/failure.ts";
import type { DriveError } from "../../machine/drive/source.ts";
import { inWords } from "../../session/errors.ts";
import { adviceFor, type Trouble, troubleText, troubleTitle } from "../boot-check/index.ts";
import type { Notice } from "../model/model.ts";
import { sentence } from "./notices.ts";

type Act = () => void;

export const takenOver = (name: string, takeBack: Act): Notice => ({
  id: "boot",
  level: "info",
  title: `Another tab has taken over “${name}”.`,
  text: "It was switched off here, and its TPM goes on there.",
  actions: [{ label: "Take it back", run: takeBack }],
});

export const notStarted = (error: Error, action: Notice["actions"][number]): Notice => ({
  id: "boot",
  level: "error",
  title: "The machine could not be started.",
  text: sentence(error.message),
  actions: [action],
});

/** @param more how it is not like a boot */
export const preparedStart = (more: string, boot: Act): Notice => ({
  id: "prepared",
  level: "info",
  title: "This machine did not boot: it goes on from a prepared one.",
  text: "Its TPM is its own. Make no keys in this guest that matter, except in the TPM.",
  more,
  actions: [{ label: "Boot from power-on", run: boot }],
});

export const otherInterface = (why: string): Notice => ({
  id: "interface",
  level: "info",
  title: "The machine gets the TIS (FIFO) interface.",
  text: why,
  actions: [],
});

export const notPrepared = (why: string): Notice => ({
  id: "prepared",
  level: "info",
  title: "This machine boots from power-on.",
  text: `${why} So there is no prepared one for these settings.`,
  actions: [],
});

export const noBench = (error: Error, retry: Act): Notice => ({
  id: "bench",
  level: "error",
  title: "No TPM could be put on the bench.",
  text: sentence(error.message),
  actions: [{ label: "Try again", run: retry }],
});

export const variablesNotKept = (error: Error, restart: Act): Notice => ({
  id: "variables",
  level: "error",
  title: "What the firmware or the guest wrote into UEFI’s variables is not kept.",
  text: `${sentence(error.message)} It is there as long as this machine runs.`,
  actions: [{ label: "Boot again", run: restart }],
});

export const notMoved = (error: Error, retry: Act): Notice => ({
  id: "tpm",
  level: "error",
  title: "The TPM could not be moved; the machine goes on as it was.",
  text: error.message,
  actions: [{ label: "Try again", run: retry }],
});

export const tpmFailed = (failure: Failure, reset: Act): Notice => ({
  id: "tpm",
  level: "error",
  title: "The TPM has failed.",
  text: `${sentence(inWords(failure))} The guest goes on without it; a reset gives machine and TPM a new start.`,
  actions: [{ label: "Reset machine and TPM", run: reset }],
});

/** Something happened to the TPM that the guest did not see. */
export const tpmMoved = (message: string): Notice => ({
  id: "tpm-moved",
  level: "info",
  title: "About the TPM:",
  text: sentence(message),
  actions: [],
});

/** A memory overwrite request was honoured. */
export const memoryOverwritten = (): Notice => ({
  id: "memory-overwritten",
  level: "info",
  title: "The guest's memory was overwritten.",
  text: "Its operating system had asked for that (memory overwrite request): all of it was filled with zeros at this reset, before the firmware started.",
  actions: [],
});

/** The firmware does not carry out what was asked for on the page. */
export const notAsked = (error: Error): Notice => ({
  id: "presence",
  level: "error",
  title: "The firmware was not asked.",
  text: sentence(error.message),
  actions: [],
});

/** A boot that was not measured, or a guest that has died. */
export const bootTrouble = (id: string, trouble: Trouble, actions: Notice["actions"]): Notice => ({
  id,
  level: "error",
  title: troubleTitle(trouble),
  text: `${troubleText(trouble)} ${adviceFor(trouble)}`,
  actions,
});

/** What is kept of a disk belongs to another one. */
export const otherDisk = (error: Error, forget: Act): Notice => ({
  id: "boot",
  level: "error",
  title: "The machine could not be started: its disk is another one.",
  text: sentence(error.message),
  actions: [{ label: "Forget what was written, and boot", run: forget }],
});

/** What the guest writes to its disk ends with the page. */
export const notAllExported = (leftOut: readonly string[]): Notice => ({
  id: "export",
  level: "warning",
  title: "The file has the machine without some of its snapshots.",
  text: `${leftOut.map(sentence).join(" ")} The rest is whole.`,
  actions: [],
});

export const diskNotKept = (error: Error): Notice => ({
  id: "disk",
  level: "warning",
  title: "What the guest writes to its disk is not kept.",
  text: `${sentence(error.message)} It is gone when this machine ends.`,
  actions: [],
});

/** A machine has ended, and its disk lacks what the guest wrote last. */
export const writesLost = (error: Error): Notice => ({
  id: "writes-lost",
  level: "error",
  title: "What the guest wrote last to its disk is lost.",
  text: `${sentence(error.message)} The disk is as after a power cut at the last write that was kept.`,
  actions: [],
});

/** A disk or CD could not be read. */
export const driveTrouble = (error: DriveError, retry: Act, bootAgain: Act): Notice => ({
  id: "drive",
  level: "error",
  title: "The guest waits for its drive.",
  text: `${sentence(error.message)} ${
    error.kind === "changed"
      ? "This machine cannot go on with it."
      : "The machine stands still meanwhile, and nothing of it is lost."
  }`,
  actions: [
    ...(error.kind === "unreadable" ? [{ label: "Try again", run: retry }] : []),
    { label: "Boot again", run: bootAgain },
  ],
});

export const emulatorStopped = (error: Error, actions: Notice["actions"]): Notice => ({
  id: "crash",
  level: "error",
  title: "The emulator has stopped.",
  text: `${error.message}. The TPM's views stay as they were.`,
  actions,
});
