/** Accesses to the register interface, recorded: for views, the boot timeline and recordings. */
export { type Access, isData, nextWord, type Origin, unpackAccess } from "./access.ts";
export { type Breakpoint, breakpointText } from "./breakpoints.ts";
export type { CommandSpan } from "./commands.ts";
export { type AccessText, describeAccess, readBefore } from "./describe.ts";
export { type AccessFilter, FILTER_WORDS, FilterError, parseFilter } from "./filter.ts";
export type { KeptBreakpoint } from "./kept-breakpoints.ts";
export { type TracedTpm, TraceRecorder } from "./recorder.ts";
export { type JsonAccess, RING_CAPACITY, TraceFormatError, TraceRing } from "./ring.ts";
export { type TraceRow, TraceRows } from "./rows.ts";
export { type AccessRun, accessesOf, foldAccesses } from "./runs.ts";
export { BREAKPOINT_HOLD, type Step, type Stop, type TracedMachine } from "./stepping.ts";
