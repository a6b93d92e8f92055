/** An event log from a file, e.g. another machine's `/sys/kernel/security/tpm0/binary_bios_measurements`. */
import { isImaList } from "../../eventlog/index.ts";
import { logView } from "../../page-model/log-view.ts";
import type { LogView } from "../../page-model/model.ts";
import type { PcrBank } from "../../session/types.ts";

/** A file that is no event log; the message says what it is instead, where that can be told. */
export class LogFileError extends Error {
  override readonly name = "LogFileError";
}

/**
 * The log with its replay, compared with the PCRs of the TPM that is there now.
 * @throws {LogFileError}
 */
export function readLogFile(bytes: Uint8Array, pcrs: readonly PcrBank[]): LogView {
  if (isImaList(bytes)) throw new LogFileError("it is a list of Linux's IMA: open it under “Linux’s list”");
  const view = logView(bytes, pcrs);
  if (!view.log.events.length) throw new LogFileError("it has no event as firmware writes them");
  return view;
}
