/** Whether a boot was measured: everything that other folders use. */
export { BootCheck, type Expected, SILENT_S } from "./boot-check.ts";
export type { BootEvent, SeenCommand } from "./events.ts";
export { bootReport } from "./report.ts";
export { type BootVerdict, concernsTpm, type GuestDied, type Trouble } from "./verdict.ts";
export { adviceFor, measurementTitle, troubleText, troubleTitle, verdictLine } from "./words.ts";
