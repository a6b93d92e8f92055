/** How a verdict is coloured, beside its words. */
import type { BootVerdict } from "../../boot-check/index.ts";
import type { Tone } from "../shell/status.ts";

/** Good is only what was checked. */
export function measurementTone({ kind }: BootVerdict): Tone {
  if (kind === "measured") return "good";
  if (kind === "unchecked") return "plain";
  return kind === "checking" ? "busy" : "bad";
}
