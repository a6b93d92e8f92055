/**
 * Where this YAML wants to differ from what `tpm2_eventlog` 5.4 (Debian's tpm2-tools) prints, and why. The comparison
 * with the tool explains every mismatch by one of these entries, or fails.
 */

export interface YamlDifference {
  /** What the tool does. */
  readonly tool: string;
  /** What is written here. */
  readonly here: string;
  readonly reason: string;
  /** How the tool may end: `refuses` with an error after what it could read, `crashes`, or `prints` something else. */
  readonly ends: readonly ("refuses" | "crashes" | "prints")[];
}

export const YAML_DIFFERENCES = {
  sha3: {
    tool: "Takes a SHA-3 digest for one of no bytes, and reads what follows as the event's size.",
    here: "The digests and the PCRs of SHA-3 banks.",
    reason: "TPMs with SHA-3 banks exist.",
    ends: ["refuses"],
  },
  "note-first": {
    tool: "Takes every log that begins with a note (EV_NO_ACTION) for a crypto-agile one.",
    here: "Only one that begins with Spec ID Event03 is.",
    reason: "BIOSes begin their SHA-1 logs with Spec ID Event00 or another note.",
    ends: ["refuses"],
  },
  "vendor-info": {
    tool: "Takes the vendor's bytes in the header by their own length, even when they would lie in the first event.",
    here: "The first event begins behind the header's event when there is one, as the event's size says.",
    reason: "The rest of the log would be lost.",
    ends: ["refuses"],
  },
  area: {
    tool: "Reads on in what fills a log area behind the last event.",
    here: "Zeros or 0xFF where an event should begin are the log's end.",
    reason: "A log area is larger than its log.",
    ends: ["refuses", "crashes"],
  },
  "note-without-pcr": {
    tool: "Uses the PCR number of a note as an index, also 0xFFFFFFFF, which stands for none.",
    here: "The note is listed, and no PCR is made of it.",
    reason: "Firmware and Windows write such notes.",
    ends: ["refuses", "crashes"],
  },
  "wide-text": {
    tool: "Prints (null) for a name in UTF-16 with other than ASCII characters, or ends there: it never asks for a locale.",
    here: "The name in UTF-8.",
    reason: "Partitions and boot entries have names in all languages.",
    ends: ["prints", "refuses"],
  },
  "cut-off": {
    tool: "Ends at the event that is cut off, without the PCRs.",
    here: "The PCRs that the events before it give.",
    reason: "What is there can still be replayed.",
    ends: ["refuses"],
  },
  "event-refused": {
    tool: "Ends at an event whose data has not the form of its type.",
    here: "The data in hex, and the events behind it.",
    reason: "One odd event must not hide all that follow.",
    ends: ["refuses"],
  },
} as const satisfies Record<string, YamlDifference>;

export type YamlDifferenceId = keyof typeof YAML_DIFFERENCES;
