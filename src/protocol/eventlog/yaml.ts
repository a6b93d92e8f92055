/**
 * Writes an event log as `tpm2_eventlog` of tpm2-tools 5.4 does, byte for byte, so that the two can be compared with
 * `diff`: events, then the PCRs that replaying them gives. In two versions, as that tool has them: 1 (its default)
 * and 2, which takes more of the events' data apart.
 *
 * Where the two differ, and why, is in yaml-differences.ts.
 */
import { toHex } from "../bytes/hex.ts";
import { algorithmName } from "../tpm2/algorithms.ts";
import { type EventTypeName, eventTypeName } from "./event-types.ts";
import { extend } from "./hash.ts";
import type { EventLog, LogAlgorithm, LogEvent } from "./log.ts";
import { bytesOf, latin1, utf8 } from "./text.ts";
import { yamlData } from "./yaml-data.ts";
import { cText, type YamlVersion } from "./yaml-text.ts";

export type { YamlVersion };

const SPEC_ID_SIGNATURE_SIZE = 16;
/** So many PCRs it reckons with. Notes name none (0xFFFFFFFF). */
const ITS_PCRS = 32;

/** Types that tpm2-tools 5.4 does not know yet; it has no name for them. */
const UNKNOWN_TO_IT: readonly EventTypeName[] = [
  "EV_POST_CODE2",
  "EV_EFI_EVENT_BASE",
  "EV_EFI_GPT_EVENT2",
  "EV_EFI_HCRTM_EVENT",
  "EV_EFI_SPDM_FIRMWARE_BLOB",
  "EV_EFI_SPDM_FIRMWARE_CONFIG",
];

/** The YAML text. Bytes of the log that are no UTF-8 text come out as Latin-1; {@link eventLogYamlBytes} keeps them. */
export function eventLogYaml(log: EventLog, version: YamlVersion = 1): string {
  const bytes = eventLogYamlBytes(log, version);
  return utf8(bytes) ?? latin1(bytes);
}

/** The YAML text as the tool's very bytes. */
export function eventLogYamlBytes(log: EventLog, version: YamlVersion = 1): Uint8Array {
  const events = log.events.map((event) =>
    event.index === 0 && log.specId ? specIdEvent(event, log) : commonEvent(event, log, version),
  );
  return bytesOf(`---\nversion: ${version}\nevents:\n${events.join("")}${pcrs(log)}`);
}

function typeName(type: number): string {
  const name = eventTypeName(type);
  return name && !UNKNOWN_TO_IT.includes(name) ? name : "Unknown event type";
}

function specIdEvent(event: LogEvent, { specId }: EventLog): string {
  const algorithms = specId?.algorithms ?? [];
  const digest = event.digests[0]?.digest ?? new Uint8Array();
  const vendor = specId?.vendorInfo ?? new Uint8Array();
  return lines(
    `- EventNum: ${event.index}`,
    `  PCRIndex: ${event.pcr}`,
    `  EventType: ${typeName(event.type)}`,
    `  Digest: "${toHex(digest)}"`,
    `  EventSize: ${event.data.length}`,
    "  SpecID:",
    `  - Signature: ${cText(event.data.subarray(0, SPEC_ID_SIGNATURE_SIZE))}`,
    `    platformClass: ${specId?.platformClass}`,
    `    specVersionMinor: ${specId?.versionMinor}`,
    `    specVersionMajor: ${specId?.versionMajor}`,
    `    specErrata: ${specId?.errata}`,
    `    uintnSize: ${specId?.uintnSize}`,
    `    numberOfAlgorithms: ${algorithms.length}`,
    "    Algorithms:",
    ...algorithms.flatMap(({ name, digestSize }, i) => [
      `    - Algorithm[${i}]:`,
      `      algorithmId: ${name}`,
      `      digestSize: ${digestSize}`,
    ]),
    `    vendorInfoSize: ${vendor.length}`,
    ...(vendor.length ? [`    vendorInfo: "${toHex(vendor)}"`] : []),
  );
}

function commonEvent(event: LogEvent, log: EventLog, version: YamlVersion): string {
  return lines(
    // The tool does not number the events of a SHA-1 log.
    ...(log.format === "2.0" ? [`- EventNum: ${event.index}`] : []),
    `  PCRIndex: ${event.pcr | 0}`,
    `  EventType: ${typeName(event.type)}`,
    `  DigestCount: ${event.digests.length}`,
    "  Digests:",
    ...event.digests.flatMap(({ algorithm, digest }) => [
      `  - AlgorithmId: ${algorithmName(algorithm)}`,
      `    Digest: "${toHex(digest)}"`,
    ]),
    `  EventSize: ${event.data.length}`,
    ...(event.data.length ? yamlData(event, version) : []),
  );
}

/**
 * The section at the end, as version 5.4 of the tool reckons: it extends notes (EV_NO_ACTION) like any event, and does
 * not know the locality that a TPM was started from. On logs with such events its PCRs are not the TPM's; `replay`
 * gives those.
 */
function pcrs(log: EventLog): string {
  const sorted = log.algorithms.toSorted((a, b) => a.id - b.id);
  const banks = sorted.map((algorithm) => ({ algorithm, values: itsReplay(log, algorithm) }));
  const shown = banks.filter(({ values }) => values.size);
  return lines(
    "pcrs:",
    ...shown.flatMap(({ algorithm, values }) => [`  ${algorithm.name}:`, ...bankLines(values)]),
  );
}

function itsReplay(log: EventLog, { id, digestSize }: LogAlgorithm): Map<number, Uint8Array> {
  const values = new Map<number, Uint8Array>();
  for (const event of log.events) {
    if ((event.index === 0 && log.specId) || event.pcr >= ITS_PCRS) continue;
    const digest = event.digests.find(({ algorithm }) => algorithm === id)?.digest;
    const value = digest && extend(id, values.get(event.pcr) ?? new Uint8Array(digestSize), digest);
    if (value) values.set(event.pcr, value);
  }
  return values;
}

function bankLines(values: Map<number, Uint8Array>): string[] {
  const sorted = [...values].sort(([a], [b]) => a - b);
  return sorted.map(([pcr, value]) => `    ${String(pcr).padEnd(2)} : 0x${toHex(value)}`);
}

function lines(...all: string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
