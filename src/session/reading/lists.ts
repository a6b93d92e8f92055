/** The lists within a result that may be long: they go from thread to thread in pieces, and are empty until then. */
import type { ReadingKind, Readings } from "./readers.ts";

type Lists = { [Kind in ReadingKind]: (result: Readings[Kind]["result"]) => unknown[][] };

export const LISTS: Lists = {
  recording: ({ recording: { tape, commands, accesses } }) => [
    tape.serial,
    tape.pcrs,
    tape.log,
    commands,
    accesses,
  ],
  machine: () => [],
  eventLog: ({ log }) => [log.events],
  imaList: ({ list }) => [list.entries],
  messages: ({ entries }) => [entries],
};
