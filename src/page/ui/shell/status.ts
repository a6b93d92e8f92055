/** The status line in words: what the TPM, its placement, its backend, the guest's clock and the kernel are doing. */

import type { CommandRecord } from "../../../session/types.ts";
import { measurementTitle, troubleText, troubleTitle, verdictLine } from "../../boot-check/index.ts";
import type { InterfaceState, PageState } from "../../model/model.ts";
import { measurementTone } from "../boot-check/tone.ts";
import { sizeText } from "../machines/text.ts";

export type Tone = "good" | "busy" | "bad" | "plain";

export interface StatusItem {
  /** What it is about. */
  name: string;
  /** In words. */
  text: string;
  tone: Tone;
  /** The longer story, where there is one. */
  detail?: string | undefined;
  /** Changes many times a second while the guest uses the TPM. */
  live?: boolean;
}

const PHASES: Record<NonNullable<PageState["tpm"]>["phase"], { text: string; tone: Tone }> = {
  starting: { text: "starting", tone: "busy" },
  // Whether it is any good for this boot is another question.
  ready: { text: "ready", tone: "plain" },
  executing: { text: "ready", tone: "busy" },
  failed: { text: "failed", tone: "bad" },
  closed: { text: "closed", tone: "plain" },
};

/** From how many milliseconds on a command is named in the status line, with the time that it has taken. */
const LONG_MS = 1000;

/** A command that has been running for a while; undefined when there is none. */
export function longCommand(
  { commands = [] }: Pick<PageState, "commands">,
  now: number,
): CommandRecord | undefined {
  const last = commands.findLast(({ duration }) => duration === undefined);
  return last && now - last.startedAt >= LONG_MS ? last : undefined;
}

/** All items, most important first. @param now `performance.now()`, for commands that take long. */
export function statusItems(state: Readonly<PageState>, now = performance.now()): StatusItem[] {
  return [
    tpm(state, now),
    ...boot(state),
    ...placement(state),
    ...backend(state),
    clock(state),
    ...kernel(state),
  ];
}

function tpm(state: Readonly<PageState>, now: number): StatusItem {
  const { tpm, settings, interface: registers } = state;
  if (!tpm) return { name: "TPM", text: `TPM ${settings.tpm}, not started yet`, tone: "plain" };
  const { text, tone } = PHASES[tpm.phase];
  const version = tpm.version === "unspecified" ? "TPM" : `TPM ${tpm.version}`;
  const long = tpm.phase === "failed" || tpm.phase === "closed" ? undefined : longCommand(state, now);
  if (long) {
    const seconds = Math.floor((now - long.startedAt) / 1000);
    const running = `${version} runs ${long.name} (${seconds} s)`;
    return { name: "TPM", text: running, tone: "busy", detail: tpm.message, live: true };
  }
  const showsOwner =
    registers && tpm.phase !== "failed" && tpm.phase !== "closed" && tpm.phase !== "starting";
  return {
    name: "TPM",
    text: `${version} ${text}${showsOwner ? `, ${owner(registers)}` : ""}`,
    tone: tpm.phase === "ready" && state.boot?.measurement.kind === "measured" ? "good" : tone,
    detail: tpm.message,
    ...(showsOwner && { live: true }),
  };
}

/** What was checked of the boot's measurements, or what is wrong with them. */
function boot({ boot }: Readonly<PageState>): StatusItem[] {
  if (!boot) return [];
  const { measurement } = boot;
  const [trouble] = boot.tpmTroubles;
  const detail =
    measurement.kind === "measured"
      ? measurement.checks.join("\n")
      : trouble
        ? `${troubleTitle(trouble)}\n${troubleText(trouble)}`
        : measurementTitle(measurement);
  return [{ name: "Boot", text: verdictLine(measurement), tone: measurementTone(measurement), detail }];
}

/** E.g. "locality 0: reception", with the state's name in the specification; "no locality active". */
export function owner({ locality, state }: InterfaceState): string {
  return locality === undefined ? "no locality active" : `locality ${locality}: ${state}`;
}

function placement({ tpm }: Readonly<PageState>): StatusItem[] {
  if (!tpm) return [];
  const worker = tpm.placement === "worker";
  return [
    {
      name: "Device",
      text: worker ? "in a worker (isolated)" : `on the page's thread${because(tpm.placementReason)}`,
      tone: worker ? "plain" : "busy",
      detail: tpm.placementReason,
    },
  ];
}

const because = (reason: string | undefined) => (reason ? `: ${reason}` : "");

function backend({ tpm }: Readonly<PageState>): StatusItem[] {
  if (!tpm?.backendLabel) return [];
  const name = "Backend";
  const detail = tpm.backendLabel;
  if (tpm.backend !== "hidden") return [{ name, text: detail, tone: "plain", detail }];
  const memory = tpm.backendMemory ? `, ${sizeText(tpm.backendMemory)} of memory` : "";
  // What is cut off where there is little room is not to be where it runs.
  return [{ name, text: `swtpm in a hidden machine${memory}`, tone: "plain", detail }];
}

function clock({ machine, boot }: Readonly<PageState>): StatusItem {
  const name = "Guest";
  if (boot?.verdict.kind === "guest died" && (machine.phase === "running" || machine.phase === "paused"))
    return { name, text: verdictLine(boot.verdict), tone: "bad", detail: troubleText(boot.verdict) };
  switch (machine.phase) {
    case "off":
      return { name, text: "no machine yet", tone: "plain" };
    case "loading":
      return { name, text: loading(machine), tone: "busy" };
    case "failed":
      return { name, text: "the machine could not go on", tone: "bad" };
    default:
      return machine.holds.length
        ? { name, text: `guest time held: ${machine.holds.join(", ")}`, tone: "busy" }
        : { name, text: "guest time runs", tone: "plain" };
  }
}

function loading({ step, progress }: PageState["machine"]): string {
  const percent = progress === undefined ? "" : ` ${Math.floor(100 * progress)} %`;
  return `${step ?? "loading"}${percent}`;
}

function kernel({ images, machine }: Readonly<PageState>): StatusItem[] {
  const items: StatusItem[] = [];
  if (machine.label) items.push({ name: "Boots", text: machine.label, tone: "plain" });
  const build = images?.build;
  if (build?.state === "building" || build?.state === "waiting") {
    const text = `a faster, small kernel is being built: ${Math.floor(build.percent)} %`;
    items.push({ name: "Kernel", text, tone: "plain", detail: build.message });
  } else if (build?.state === "failed") {
    items.push({
      name: "Kernel",
      text: "the small kernel could not be built",
      tone: "busy",
      detail: build.message,
    });
  }
  return items;
}
