/** Debian's own `tpm2_eventlog` (tpm2-tools 5.4) as the other opinion on event logs. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { YamlVersion } from "../../src/protocol/eventlog/yaml.ts";

export interface ToolOutput {
  /** How it ended. */
  ends: "prints" | "refuses" | "crashes";
  /** One character per byte. */
  text: string;
  errors: string;
}

/** What the tool makes of a log. @throws when it cannot be run. */
export function tpm2Eventlog(log: Uint8Array, version: YamlVersion): ToolOutput {
  const folder = mkdtempSync(join(tmpdir(), "webtpm-eventlog-"));
  try {
    const file = join(folder, "log");
    writeFileSync(file, log);
    const { status, signal, stdout, stderr, error } = spawnSync(
      "tpm2_eventlog",
      [`--eventlog-version=${version}`, file],
      { maxBuffer: 64 << 20 },
    );
    if (error && !signal)
      throw new Error("tpm2_eventlog cannot be run; it is in Debian's package tpm2-tools", { cause: error });
    const ends = signal ? "crashes" : status === 0 ? "prints" : "refuses";
    return { ends, text: stdout.toString("latin1"), errors: stderr.toString("latin1") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
