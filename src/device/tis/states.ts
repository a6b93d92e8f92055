/**
 * The five states of the command interface (TIS 1.3 and PTP 1.05, "State Transition Table"), and every move between
 * them as a table: the device looks its moves up here, the page draws it.
 */
import { INT, STS } from "./registers.ts";

/** The order gives the numbers in which shared memory keeps a state. */
export const STATES = ["idle", "ready", "completion", "execution", "reception"] as const;
export type TisState = (typeof STATES)[number];

/** Numbers of the states in shared memory. */
export const IDLE = 0;
export const READY = 1;
export const COMPLETION = 2;
export const EXECUTION = 3;
export const RECEPTION = 4;

/** What moves a locality from state to state. */
export const EVENTS = [
  "commandReady",
  "fifoWrite",
  "commandComplete",
  "tpmGo",
  "response",
  "responseDropped",
  "commandAborted",
  "lastByteRead",
  "responseRetry",
  "localityLost",
  "bufferTaken",
] as const;
export type TisEvent = (typeof EVENTS)[number];

export interface Transition {
  readonly from: TisState;
  readonly on: TisEvent;
  readonly to: TisState;
  /** TPM_STS afterwards, without burstCount, tpmFamily and selfTestDone; unchanged where absent. */
  readonly sts?: number;
  /** Interrupts that it raises: each entry sets all its bits of TPM_INT_STATUS if one of them is enabled. */
  readonly interrupts?: readonly number[];
  readonly meaning: string;
}

export const TRANSITIONS: readonly Transition[] = [
  {
    from: "idle",
    on: "commandReady",
    to: "ready",
    sts: STS.COMMAND_READY,
    interrupts: [INT.COMMAND_READY],
    meaning: "The locality prepares to send a command.",
  },
  {
    from: "ready",
    on: "commandReady",
    to: "ready",
    meaning: "Ready already.",
  },
  {
    from: "ready",
    on: "fifoWrite",
    to: "reception",
    sts: STS.VALID | STS.EXPECT,
    meaning: "The first byte of a command arrives.",
  },
  {
    from: "reception",
    on: "commandComplete",
    to: "reception",
    sts: STS.VALID,
    meaning: "As many bytes are there as the command's size field says, or the buffer is full: Expect falls.",
  },
  {
    from: "reception",
    on: "commandReady",
    to: "ready",
    sts: STS.COMMAND_READY,
    interrupts: [INT.COMMAND_READY],
    meaning: "The half command is thrown away.",
  },
  {
    from: "reception",
    on: "tpmGo",
    to: "execution",
    meaning: "The TPM runs the command.",
  },
  {
    from: "execution",
    on: "response",
    to: "completion",
    sts: STS.VALID | STS.DATA_AVAIL,
    interrupts: [INT.DATA_AVAIL | INT.STS_VALID],
    meaning: "The response can be read.",
  },
  {
    from: "execution",
    on: "commandAborted",
    to: "ready",
    sts: STS.COMMAND_READY,
    interrupts: [INT.COMMAND_READY, INT.DATA_AVAIL | INT.STS_VALID],
    meaning: "commandReady had been written meanwhile: the answer has come and is thrown away.",
  },
  {
    from: "execution",
    on: "responseDropped",
    to: "idle",
    sts: 0,
    meaning: "A higher locality has seized the TPM meanwhile: the answer has come and is thrown away.",
  },
  {
    from: "completion",
    on: "commandReady",
    to: "ready",
    sts: STS.COMMAND_READY,
    interrupts: [INT.COMMAND_READY],
    meaning: "Done with the response.",
  },
  {
    from: "completion",
    on: "lastByteRead",
    to: "completion",
    sts: STS.VALID,
    interrupts: [INT.STS_VALID],
    meaning: "The whole response has been read: dataAvail falls.",
  },
  {
    from: "completion",
    on: "responseRetry",
    to: "completion",
    sts: STS.VALID | STS.DATA_AVAIL,
    meaning: "The response is readable from its start again.",
  },
  {
    from: "ready",
    on: "localityLost",
    to: "idle",
    sts: 0,
    meaning: "The locality gave up the TPM, or lost it.",
  },
  {
    from: "reception",
    on: "localityLost",
    to: "idle",
    sts: 0,
    meaning: "The locality gave up the TPM, or lost it: the half command is thrown away.",
  },
  ...(["ready", "completion", "execution", "reception"] as const).map((from) => ({
    from,
    on: "bufferTaken" as const,
    to: "idle" as const,
    sts: 0,
    meaning: "Another locality sends a command into the one buffer that all share.",
  })),
];

/** Rows by `event * 5 + from`; `undefined` where the event means nothing in that state. */
const byEventAndState: (Transition | undefined)[] = EVENTS.flatMap((on) =>
  STATES.map((from) => TRANSITIONS.find((row) => row.on === on && row.from === from)),
);
const eventNumber = Object.fromEntries(EVENTS.map((on, index) => [on, index])) as Record<TisEvent, number>;

/** The row for an event in a state (a number of `STATES`), or `undefined` where the event means nothing. */
export function transition(state: number, on: TisEvent): Transition | undefined {
  return byEventAndState[eventNumber[on] * STATES.length + state];
}

/** The number of a state in shared memory. */
export function stateNumber(state: TisState): number {
  return STATES.indexOf(state);
}
