/** Event logs: everything that other folders use. */
export { checkDigests, type DigestCheck, type KnownContent } from "./check.ts";
export { compareLogs, type LogDifference } from "./compare-logs.ts";
export { compareWithPcrs, type PcrComparison } from "./compare-pcrs.ts";
export { DIRECT_BOOT_PREFIX, describeEvent, type EventDescription, MAKERS, type Maker } from "./describe.ts";
export type { Detail } from "./detail.ts";
export { type EventTypeName, eventTypeName } from "./event-types.ts";
export { type ExplainedChange, explainChanges } from "./explain.ts";
export { type PcrChange, pcrChanges } from "./extends.ts";
export { describeImaEntry } from "./ima/describe.ts";
export type { ImaDigest, ImaEntry, ImaField, ImaList } from "./ima/list.ts";
export { isImaList, parseImaAscii, parseImaBinary, parseImaList } from "./ima/parse.ts";
export {
  checkBootAggregate,
  checkImaEntry,
  compareImaWithPcrs,
  type ImaComparison,
  type ImaDigests,
  type ImaStep,
  replayIma,
} from "./ima/replay.ts";
export { LIMITS, type Progress } from "./limits.ts";
export type { Bank, EventLog, LogAlgorithm, LogDigest, LogEvent, Registers, SpecId } from "./log.ts";
export { parseEventLog } from "./parse.ts";
export { type ReadLog, readEventLog } from "./read.ts";
export { registerMeaning, registerName } from "./registers.ts";
export { type ReplayedBank, type ReplayStep, replay } from "./replay.ts";
export { eventLogYaml, eventLogYamlBytes, type YamlVersion } from "./yaml.ts";
