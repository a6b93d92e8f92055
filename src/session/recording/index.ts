/** Recordings of whole boots: what is kept, the file, and what it looked like at a moment. */
export { packRecording, unpackRecording } from "./file.ts";
export { decodeRecording, encodeRecording, RecordingFormatError } from "./format.ts";
export { type Frame, frameAt, moments, skipPause } from "./playback.ts";
export {
  type BootInfo,
  type BootTape,
  type LogGrowth,
  type PcrSnapshot,
  type Recording,
  recordingOf,
  type SerialChunk,
} from "./recording.ts";
