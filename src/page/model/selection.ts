/**
 * The one selection that all views show: a command, the event of the log or the entry of Linux's list that tells of
 * it, and the access of the trace that ran it. Whichever of them is chosen, the others follow from it; nobody else
 * sets them.
 */

import { entryOf, extendOfEntry, extendOfEvent, extendsOfCommand } from "./chains.ts";
import type { PageState } from "./model.ts";

/** What the reader points at. */
export type Choice =
  /** By id. */
  | { command: number }
  /** By its index in the log. */
  | { event: number }
  /** By its index in Linux's list. */
  | { entry: number }
  /** By its sequence number in the trace. */
  | { access: number };

export type Selection = Pick<PageState, "command" | "event" | "entry" | "access">;

export const NOTHING_SELECTED: Selection = {
  command: undefined,
  event: undefined,
  entry: undefined,
  access: undefined,
};

/** @param choice undefined: nothing. */
export function selectionOf(state: Readonly<PageState>, choice: Choice | undefined): Selection {
  if (!choice) return NOTHING_SELECTED;
  if ("command" in choice) {
    const { command } = choice;
    return { command, ...listed(state, command), access: accessOf(state, command) };
  }
  if ("event" in choice) {
    const { event } = choice;
    const command = extendOfEvent(state, event)?.change.record.id;
    return { command, event, entry: undefined, access: accessOf(state, command) };
  }
  if ("entry" in choice) {
    const { entry } = choice;
    const command = extendOfEntry(state, entry)?.change.record.id;
    return { command, event: undefined, entry, access: accessOf(state, command) };
  }
  const { access } = choice;
  const command = state.recorder.commands.at(access)?.id;
  return { command, ...listed(state, command), access };
}

/** What tells of a command in the firmware's log and in Linux's list. */
function listed(state: Readonly<PageState>, command: number | undefined): Pick<Selection, "event" | "entry"> {
  const all = command === undefined ? [] : extendsOfCommand(state, command);
  return {
    event: all.find(({ event }) => event)?.event?.index,
    entry: all.map((one) => entryOf(state, one)).find((index) => index !== undefined),
  };
}

/** The access with which the command began to run; undefined when it was not recorded, or is no longer kept. */
function accessOf({ recorder }: Readonly<PageState>, command: number | undefined): number | undefined {
  const span = command === undefined ? undefined : recorder.commands.byId(command);
  return span && recorder.keeps(span.go) ? span.go : undefined;
}
