/**
 * The one selection that all views show: a command, the event of the log that tells of it, and the access of the trace
 * that ran it. Whichever of the three is chosen, the others follow from it; nobody else sets them.
 */
import type { PageState } from "./model.ts";
import { extendOfEvent, extendsOfCommand } from "./pcrs/chains.ts";

/** What the reader points at. */
export type Choice =
  /** By id. */
  | { command: number }
  /** By its index in the log. */
  | { event: number }
  /** By its sequence number in the trace. */
  | { access: number };

export type Selection = Pick<PageState, "command" | "event" | "access">;

export const NOTHING_SELECTED: Selection = { command: undefined, event: undefined, access: undefined };

/** @param choice undefined: nothing. */
export function selectionOf(state: Readonly<PageState>, choice: Choice | undefined): Selection {
  if (!choice) return NOTHING_SELECTED;
  if ("command" in choice) {
    const { command } = choice;
    return { command, event: eventOf(state, command), access: accessOf(state, command) };
  }
  if ("event" in choice) {
    const { event } = choice;
    const command = extendOfEvent(state, event)?.change.record.id;
    return { command, event, access: accessOf(state, command) };
  }
  const { access } = choice;
  const command = state.recorder.commands.at(access)?.id;
  return { command, event: eventOf(state, command), access };
}

function eventOf(state: Readonly<PageState>, command: number | undefined): number | undefined {
  if (command === undefined) return undefined;
  return extendsOfCommand(state, command).find(({ event }) => event)?.event?.index;
}

/** The access with which the command began to run; undefined when it was not recorded, or is no longer kept. */
function accessOf({ recorder }: Readonly<PageState>, command: number | undefined): number | undefined {
  const span = command === undefined ? undefined : recorder.commands.byId(command);
  return span && recorder.keeps(span.go) ? span.go : undefined;
}
