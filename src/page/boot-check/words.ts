/** Verdicts in words: what is the case, what follows from it, and what to do. */
import type { BootVerdict, GuestDied, Trouble } from "./verdict.ts";

/** For a line with little room, without a full stop. */
export function verdictLine(verdict: BootVerdict): string {
  switch (verdict.kind) {
    case "unchecked":
      return "boot not checked";
    case "checking":
      return "boot being checked";
    case "measured":
      return "boot measured, log and PCRs agree";
    case "firmware gave up":
      return verdict.at
        ? `not measured: firmware gave up at ${verdict.at.name}`
        : "not measured by the firmware";
    case "log does not replay":
      return verdict.pcr === undefined
        ? "the log does not replay"
        : `the log does not replay: PCR ${verdict.pcr}`;
    case "kernel says":
      return "the kernel says that its TPM does not work";
    case "guest died":
      return DEATHS[verdict.how].line;
  }
}

/** What is known of the measurements, where nothing has gone wrong: a sentence. */
export function measurementTitle(verdict: Exclude<BootVerdict, GuestDied>): string {
  switch (verdict.kind) {
    case "unchecked":
      return `Not checked: ${verdict.why}.`;
    case "checking":
      return `Being checked: ${verdict.missing}.`;
    case "measured":
      return "This boot was measured: its log leads to the TPM's values.";
    default:
      return troubleTitle(verdict);
  }
}

/** As a title: a sentence. */
export function troubleTitle(trouble: Trouble): string {
  switch (trouble.kind) {
    case "firmware gave up":
      if (!trouble.at) return "The firmware did not use the TPM: nothing of this boot was measured by it.";
      return `The firmware gave the TPM up at ${trouble.at.name}, its command ${trouble.at.number}: this boot is ${
        trouble.extended.length ? "only half" : "not"
      } measured.`;
    case "log does not replay":
      return "The event log does not lead to what the TPM holds.";
    case "kernel says":
      return "The guest says that its TPM does not work.";
    case "guest died":
      return DEATHS[trouble.how].title;
  }
}

/** What is known and what follows from it, in sentences. */
export function troubleText(trouble: Trouble): string {
  switch (trouble.kind) {
    case "firmware gave up": {
      const done = trouble.extended.length
        ? `Only PCR ${numbers(trouble.extended)} of 0–7 were extended`
        : "PCR 0–7 are as after power-on";
      const off = trouble.how === "disabled" ? " The firmware has switched the TPM off for this boot." : "";
      return `${sentence(trouble.cause)}${off} ${done}: the PCRs do not say what was booted, and what is sealed to a measured boot stays shut.`;
    }
    case "log does not replay": {
      const where = trouble.pcr === undefined ? "" : `PCR ${trouble.pcr}: `;
      return sentence(`${where}${trouble.reason}`);
    }
    case "kernel says":
      return `“${trouble.line}”`;
    case "guest died":
      return trouble.line
        ? `${DEATHS[trouble.how].text} Its last words: “${trouble.line}”`
        : DEATHS[trouble.how].text;
  }
}

/** What to do about it, in sentences. */
export function adviceFor(trouble: Trouble): string {
  switch (trouble.kind) {
    case "firmware gave up":
      return trouble.how === "absent"
        ? "Use firmware that knows TPMs (SeaBIOS 1.16.2 with TCGBIOS), then boot again."
        : "Boot again. If it happens again, look at that command and its answer under “Commands”, and save a report.";
    case "log does not replay":
      return "Do not trust this log. Compare its events with the extends under “PCRs”, and boot again.";
    case "kernel says":
      return "Look at `dmesg | grep -i tpm` in the guest and at its last commands, and boot again.";
    case "guest died":
      return DEATHS[trouble.how].advice;
  }
}

interface Death {
  line: string;
  title: string;
  text: string;
  advice: string;
}

const AGAIN = "Boot again. If it happens again, save a report.";

const DEATHS: Record<GuestDied["how"], Death> = {
  panic: {
    line: "the guest has died: kernel panic",
    title: "The guest has died: its kernel panicked.",
    text: "Nothing goes on in the machine.",
    advice: AGAIN,
  },
  oops: {
    line: "the guest's kernel has failed (oops)",
    title: "The guest's kernel has hit an error in itself (an oops).",
    text: "It may go on for a while, but what it does is not to be relied on.",
    advice: AGAIN,
  },
  "nothing to boot": {
    line: "nothing to boot was found",
    title: "The firmware found nothing to boot.",
    text: "It has tried every drive.",
    advice: "Choose a disk, a CD or a kernel under “Machine”, then boot again.",
  },
  "no shell": {
    line: "the guest has no shell",
    title: "The guest could not start its shell.",
    text: "Its first program runs, and nothing else does.",
    advice: "Boot again, or take another initrd.",
  },
  restarts: {
    line: "the guest restarts again and again",
    title: "The guest restarts again and again.",
    text: "It has never come as far as its shell.",
    advice: AGAIN,
  },
  silent: {
    line: "the guest has gone silent",
    title: "The guest's shell has not come, and nothing has been heard of it for minutes of its own time.",
    text: "It may still be at work, or be stuck.",
    advice: AGAIN,
  },
  emulator: {
    line: "the emulator has stopped",
    title: "The emulator has stopped.",
    text: "The TPM's views stay as they were.",
    advice: AGAIN,
  },
};

/** "0–3, 7": ascending numbers with runs folded. */
export function numbers(list: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const number of list) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs
    .map(([from, to]) => (from === to ? `${from}` : to === from + 1 ? `${from}, ${to}` : `${from}–${to}`))
    .join(", ");
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
