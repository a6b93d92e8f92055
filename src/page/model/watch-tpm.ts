/** Carries what a TPM tells into the page's state. */
import { compareWithPcrs } from "../../protocol/eventlog/index.ts";
import type { PcrBank, TpmHandle, TpmStatus } from "../../session/types.ts";
import { interfaceState } from "./interface.ts";
import { logView } from "./log-view.ts";
import type { PageStore } from "./model.ts";
import { NOTHING_SELECTED } from "./selection.ts";

import { Spaced } from "./spaced.ts";

/** How often the status line looks at the registers, in milliseconds. */
const LOOK_MS = 250;
const SERVES: ReadonlySet<TpmStatus["phase"]> = new Set(["ready", "executing"]);

/**
 * @param onReset called when the TPM was reset, before the views are emptied.
 * @returns a function that ends the watch.
 */
export function watchTpm(tpm: TpmHandle, store: PageStore, onReset: () => void): () => void {
  // To parse and to replay it takes a while, and a guest may write it without end.
  const log = new Spaced(() => showLog(store, tpm));
  const news = () => store.news({ commandNews: store.state.commandNews + 1 });
  const ends = [
    tpm.on("status", (status) => {
      // From command to command is the guest's doing; everything else is waited for.
      const { tpm: before } = store.state;
      if (before && SERVES.has(before.phase) && SERVES.has(status.phase)) store.news({ tpm: status });
      else store.update({ tpm: status });
    }),
    tpm.on("commandstart", ({ origin }) => {
      if (origin === "guest") store.news({ guestCommands: store.state.guestCommands + 1 });
      news();
    }),
    tpm.on("command", news),
    tpm.on("presence", (presence) => store.update({ presence })),
    tpm.on("pcrs", (pcrs) => showPcrs(store, pcrs)),
    tpm.on("eventlog", () => log.ask()),
    tpm.on("reset", () => {
      onReset();
      store.update({ log: undefined, pcrs: [], changedPcrs: new Set(), ima: undefined, ...NOTHING_SELECTED });
    }),
  ];
  store.update({
    handle: tpm,
    tpm: tpm.status,
    presence: tpm.presence,
    commands: tpm.commands,
    guestCommands: 0,
    ima: undefined,
  });
  news();
  const timer = setInterval(() => look(tpm, store), LOOK_MS);
  return () => {
    clearInterval(timer);
    log.stop();
    for (const end of ends) end();
  };
}

function look(tpm: TpmHandle, store: PageStore): void {
  const now = interfaceState(tpm);
  const before = store.state.interface;
  if (before?.locality !== now.locality || before?.state !== now.state) store.news({ interface: now });
}

/** Shows values that were read; marks what is not as it was. */
export function showPcrs(store: PageStore, pcrs: PcrBank[]): void {
  const { pcrs: before, bank, log, changedPcrs: marked } = store.state;
  const changed = changedPcrs(before, pcrs);
  const chosen = pcrs.some(({ algorithm }) => algorithm === bank) ? bank : preferredBank(pcrs);
  store.update({
    pcrs,
    bank: chosen,
    // Values that were only read again leave the marks of the last change alone.
    changedPcrs: changed.size ? changed : marked,
    ...(log && { log: { ...log, comparison: compareWithPcrs(log.banks, pcrs) } }),
  });
}

function preferredBank(pcrs: readonly PcrBank[]): string {
  return (pcrs.find(({ algorithm }) => algorithm === "sha256") ?? pcrs[0])?.algorithm ?? "sha256";
}

/** `algorithm:index` of what is not as before. The first values of all are no change. */
export function changedPcrs(before: readonly PcrBank[], now: readonly PcrBank[]): Set<string> {
  const changed = new Set<string>();
  for (const { algorithm, values } of now) {
    const old = before.find((bank) => bank.algorithm === algorithm)?.values;
    values.forEach((value, pcr) => {
      if (old?.[pcr] && old[pcr].join() !== value.join()) changed.add(`${algorithm}:${pcr}`);
    });
  }
  return changed;
}

/** Shows the event log as it stands. */
export function showLog(store: PageStore, tpm: TpmHandle): void {
  const bytes = tpm.eventLog().slice();
  const { pcrs, previous } = store.state;
  store.news({ log: bytes.length ? logView(bytes, pcrs, previous) : undefined });
}
