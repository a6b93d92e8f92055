/**
 * The five states of the command interface (PTP 1.05, "CRB Interface State Transitions"), and every move between them as
 * a table: the device looks its moves up here, the page draws it. There is one interface; the active locality has it.
 */
import { INT } from "./registers.ts";

/** The order gives the numbers in which shared memory keeps a state. */
export const STATES = ["idle", "ready", "reception", "execution", "completion"] as const;
export type CrbState = (typeof STATES)[number];

/** Numbers of the states in shared memory. */
export const IDLE = 0;
export const READY = 1;
export const RECEPTION = 2;
export const EXECUTION = 3;
export const COMPLETION = 4;

/** What moves the interface from state to state. */
export const EVENTS = [
  "cmdReady",
  "goIdle",
  "dataWrite",
  "commandChunk",
  "start",
  "response",
  "responseDropped",
  "responseChunk",
  "responseRetry",
  "bufferTaken",
] as const;
export type CrbEvent = (typeof EVENTS)[number];

export interface Transition {
  readonly from: CrbState;
  readonly on: CrbEvent;
  readonly to: CrbState;
  /** The interrupt that it raises, where it is enabled. */
  readonly interrupt?: number;
  readonly meaning: string;
}

export const TRANSITIONS: readonly Transition[] = [
  {
    from: "idle",
    on: "cmdReady",
    to: "ready",
    interrupt: INT.CMD_READY,
    meaning: "The TPM wakes and waits for a command.",
  },
  {
    from: "ready",
    on: "cmdReady",
    to: "ready",
    interrupt: INT.CMD_READY,
    meaning: "Ready already.",
  },
  {
    from: "idle",
    on: "dataWrite",
    to: "reception",
    meaning: "The first byte of a command wakes the TPM.",
  },
  {
    from: "ready",
    on: "dataWrite",
    to: "reception",
    meaning: "The first byte of a command arrives in the data buffer.",
  },
  {
    from: "reception",
    on: "cmdReady",
    to: "ready",
    interrupt: INT.CMD_READY,
    meaning: "The half command is given up.",
  },
  ...(["ready", "reception"] as const).flatMap((from): Transition[] => [
    {
      from,
      on: "commandChunk",
      to: "reception",
      meaning: "The buffer's bytes are a part of the command; the next part can be written.",
    },
    {
      from,
      on: "start",
      to: "execution",
      meaning: "The TPM runs the command.",
    },
  ]),
  {
    from: "execution",
    on: "response",
    to: "completion",
    interrupt: INT.START,
    meaning: "The response, or its first part, is in the data buffer: Start falls.",
  },
  {
    from: "execution",
    on: "responseDropped",
    to: "idle",
    meaning:
      "The locality has lost the TPM, or given it up, meanwhile: the answer has come and is thrown away.",
  },
  {
    from: "completion",
    on: "responseChunk",
    to: "completion",
    meaning: "The next part of the response is in the data buffer.",
  },
  {
    from: "completion",
    on: "responseRetry",
    to: "completion",
    meaning: "The response's first part is in the data buffer again.",
  },
  {
    from: "completion",
    on: "cmdReady",
    to: "ready",
    interrupt: INT.CMD_READY,
    meaning: "Done with the response, and ready for the next command.",
  },
  {
    from: "completion",
    on: "dataWrite",
    to: "reception",
    meaning: "The next command is written over the response.",
  },
  ...(["ready", "reception", "completion"] as const).flatMap((from): Transition[] => [
    {
      from,
      on: "goIdle",
      to: "idle",
      meaning: "The TPM is not needed any more.",
    },
    {
      from,
      on: "bufferTaken",
      to: "idle",
      meaning: "Another locality has got the TPM: it begins with an empty buffer.",
    },
  ]),
];

/** Rows by `event * 5 + from`; `undefined` where the event means nothing in that state. */
const byEventAndState: (Transition | undefined)[] = EVENTS.flatMap((on) =>
  STATES.map((from) => TRANSITIONS.find((row) => row.on === on && row.from === from)),
);
const eventNumber = Object.fromEntries(EVENTS.map((on, index) => [on, index])) as Record<CrbEvent, number>;

/** The row for an event in a state (a number of `STATES`), or `undefined` where the event means nothing. */
export function transition(state: number, on: CrbEvent): Transition | undefined {
  return byEventAndState[eventNumber[on] * STATES.length + state];
}

/** The number of a state in shared memory. */
export function stateNumber(state: CrbState): number {
  return STATES.indexOf(state);
}
