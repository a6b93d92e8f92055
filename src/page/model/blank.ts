/** The page's state before anything has happened. */
import { TraceRecorder } from "../../session/trace/index.ts";
import type { PageState } from "./model.ts";
import { DEFAULT_SETTINGS } from "./settings.ts";

const NO_SERIAL: PageState["serial"] = {
  text: "",
  onData: () => () => undefined,
  onStart: () => () => undefined,
};

/** @param known what is not as at the start of any page */
export function blankState(known: Partial<PageState>): PageState {
  return {
    settings: DEFAULT_SETTINGS,
    machine: { phase: "off", holds: [], boots: 0 },
    serial: NO_SERIAL,
    commands: [],
    commandNews: 0,
    guestCommands: 0,
    pcrs: [],
    changedPcrs: new Set(),
    bank: "sha256",
    bench: "closed",
    recorder: known.recorder ?? new TraceRecorder(),
    kept: { unreadable: [], chosen: undefined, snapshots: [], disks: [], auto: "off" },
    lessons: { done: {}, group: "" },
    files: { reading: {}, problems: {} },
    notices: [],
    panes: { left: "machine", right: "pcrs", front: "left" },
    theme: "auto",
    ...known,
  };
}
