/** A boot's report as text: what was found, and everything that somebody else needs to find out why. */
import { toHex } from "../../protocol/bytes/hex.ts";
import type { Bank } from "../../protocol/eventlog/index.ts";
import type { SeenCommand } from "./events.ts";
import type { BootVerdict, Trouble } from "./verdict.ts";
import { adviceFor, troubleText, troubleTitle, verdictLine } from "./words.ts";

export interface ReportParts {
  verdict: BootVerdict;
  troubles: readonly Trouble[];
  /** What was booted with what, as label and value. */
  facts: readonly (readonly [label: string, value: string])[];
  commands: readonly SeenCommand[];
  firmwareLog: readonly string[];
  /** What the guest has sent through its serial port. */
  console: string;
  pcrs: readonly Bank[];
  log: Uint8Array;
}

/** Characters of the console's end that are kept. */
const MOST_CONSOLE = 100_000;

/** Contains no secrets of the TPM but what was sent to it in the open; ends with a newline. */
export function bootReport(parts: ReportParts): string {
  const { verdict, troubles, facts, commands, firmwareLog, console, pcrs, log } = parts;
  const sections: [string, string[]][] = [
    ["Verdict", [verdictLine(verdict), ...details(verdict), ...troubles.flatMap(told)]],
    ["Machine", facts.map(([label, value]) => `${label}: ${value}`)],
    ["TPM commands", commands.map(commandLine)],
    ["Firmware's log", [...firmwareLog]],
    ["Serial console", console.slice(-MOST_CONSOLE).replaceAll("\r", "").split("\n")],
    [
      "PCRs",
      pcrs.flatMap(({ algorithm, values }) =>
        values.map((value, pcr) => `${algorithm}:${pcr} ${toHex(value)}`),
      ),
    ],
    ["Event log, hex", [toHex(log)]],
  ];
  return `WebTPM boot report\n\n${sections.map(([title, lines]) => `## ${title}\n\n${lines.join("\n")}\n`).join("\n")}`;
}

function details(verdict: BootVerdict): readonly string[] {
  if (verdict.kind === "measured") return verdict.checks;
  if (verdict.kind === "checking") return [verdict.missing];
  return verdict.kind === "unchecked" ? [verdict.why] : [];
}

const told = (trouble: Trouble) => ["", troubleTitle(trouble), troubleText(trouble), adviceFor(trouble)];

function commandLine({ name, origin, request, response, responseName }: SeenCommand, index: number): string {
  const answer = response ? `${responseName ?? ""} ${toHex(response)}` : "no answer";
  return `${index + 1} ${origin} ${name} ${toHex(request)} -> ${answer.trim()}`;
}
