/** Takes a trace of TPM commands out of the page: as a packet capture for Wireshark, or as JSON. */
export { type JsonCommand, type JsonTrace, toTraceJson } from "./json.ts";
export { toPcap } from "./pcap.ts";
export {
  CaptureError,
  type CaptureOptions,
  isCapture,
  type ReadCapture,
  readCapture,
  splitMessages,
} from "./read-pcap.ts";
export type { TraceEntry } from "./trace.ts";
