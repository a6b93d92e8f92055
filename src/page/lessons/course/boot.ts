/** Lesson: watch a measured boot. */
import { equalBytes, toHex } from "../../../protocol/bytes/hex.ts";
import { describeEvent, type LogEvent } from "../../../protocol/eventlog/index.ts";
import { type Finding, type Lesson, met, missing } from "../lesson.ts";
import { bytesOf, lastDone, selectedPcrs } from "../seen.ts";
import { type LogFacts, pcrValue, type World } from "../world.ts";

/** The event that holds the kernel's command line, and its SHA-256. */
export function commandLineEvent(log: LogFacts | undefined): { event: LogEvent; digest: string } | undefined {
  const sha256 = log?.log.algorithms.find(({ name }) => name === "sha256")?.id;
  const event = log?.log.events.find(
    (entry) => entry.pcr === 8 && new TextDecoder().decode(entry.data).startsWith("kernel_cmdline:"),
  );
  const digest = event?.digests.find(({ algorithm }) => algorithm === sha256)?.digest;
  return event && digest && { event, digest: toHex(digest) };
}

/** Whether the log, replayed, gives what the TPM holds. */
export function replays({ log }: World): Finding {
  if (!log) return missing("There is no event log yet.");
  const wrong = log.comparison.filter(({ result }) => result === "differs");
  if (wrong.length) return missing(`PCR ${wrong[0]?.pcr}: ${wrong[0]?.reason}`);
  const right = log.comparison.filter(({ result }) => result === "explained");
  if (!right.length) return missing("The PCRs have not been read yet.");
  const pcrs = new Set(right.map(({ pcr }) => pcr));
  return met(`${log.log.events.length} events; replayed, they give the values of ${pcrs.size} PCRs.`);
}

export const BOOT: Lesson = {
  id: "boot",
  title: "Watch a measured boot",
  about: "Each part of the boot measures the next one before it runs; the event log tells the story.",
  minutes: 5,
  stage: "any",
  steps: [
    {
      id: "start",
      title: "Switch it on",
      text: [
        "Boot Linux, and keep an eye on the PCRs. Firmware, boot ROM and kernel each measure what comes next: they hash it and extend a PCR with it, before it runs.",
      ],
      offers: [
        { kind: "boot", label: "Boot Linux with a TPM 2.0", tpm: "2.0" },
        { kind: "pane", pane: "pcrs", label: "Open the PCRs" },
      ],
      goals: [
        {
          text: "the machine has started and measured",
          check(world) {
            if (!world.starts) return missing("It was not started in this step.");
            const count = world.log?.log.events.length ?? 0;
            return count ? met(`${count} measurements are in the log.`) : missing("Nothing is measured yet.");
          },
        },
        {
          text: "Linux is up",
          check: ({ shell }) => (shell ? met("Its shell waits.") : missing("It is still booting, or off.")),
        },
      ],
    },
    {
      id: "log",
      title: "Read the log",
      text: [
        "A PCR is a mere hash. So the firmware also writes down what it measured: the event log. To replay it is to compute all its extends again, from zeros; if that does not give the PCRs' values, the log lies.",
      ],
      offers: [{ kind: "pane", pane: "eventlog", label: "Open the event log" }],
      goals: [
        {
          text: "the event log is in sight",
          check: ({ panes }) => (panes.includes("eventlog") ? met("It is shown.") : missing("Open it.")),
        },
        { text: "replayed, it gives the TPM's PCRs", check: replays },
      ],
    },
    {
      id: "cmdline",
      title: "Check a measurement yourself",
      text: [
        "PCR 8 holds the kernel's command line. It says how Linux is to start. Hash in the guest what Linux says its command line is, and compare with the log.",
      ],
      offers: [{ kind: "type", line: "tr -d '\\n' < /proc/cmdline | sha256sum" }],
      goals: [
        {
          text: "the guest's own hash is the one in the log",
          check({ log, serial }) {
            const found = commandLineEvent(log);
            if (!found) return missing("The log has no command line in PCR 8: boot Linux, measured.");
            const { text } = describeEvent(found.event, log?.log);
            return serial.includes(found.digest)
              ? met(
                  `Event ${found.event.index} says ${found.digest.slice(0, 16)}…, and so does the guest: ${text}`,
                )
              : missing(`The log says ${found.digest.slice(0, 16)}… in event ${found.event.index}.`);
          },
        },
      ],
    },
    {
      id: "compare",
      title: "And the PCR itself",
      text: [
        "Let the guest read PCRs 0, 8 and 9, and compare what it gets with the page's replay of the log.",
      ],
      offers: [{ kind: "type", line: "tpm2_pcrread sha256:0,8,9" }],
      goals: [
        {
          text: "the guest reads what the log gives",
          check(world) {
            const read = lastDone(world, "TPM2_PCR_Read", (command) =>
              [0, 8, 9].every((pcr) =>
                selectedPcrs(command.answered("parameters", "pcrSelectionOut")).includes(pcr),
              ),
            );
            if (!read) return missing("The guest has not read these three.");
            const replayed = world.log?.banks.find(({ algorithm }) => algorithm === "sha256")?.values;
            const digests = read.answered("parameters", "pcrValues")?.children?.slice(1) ?? [];
            const wrong = [0, 8, 9].filter((pcr, i) => {
              const value = bytesOf(digests[i]?.children?.at(-1));
              const wanted = replayed?.[pcr];
              return !value || !wanted || !equalBytes(value, wanted);
            });
            if (wrong.length) return missing(`PCR ${wrong.join(", ")} is not what the log gives.`);
            return met(
              `All three agree; PCR 8 is ${toHex(pcrValue(world, "sha256", 8) ?? new Uint8Array()).slice(0, 16)}…`,
            );
          },
        },
      ],
    },
  ],
};
