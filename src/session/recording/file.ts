/** Recordings as files: gzip around the JSON of format.ts, by the browser's own compressor. */
import { beyond, RECORDING } from "../reading/limits.ts";
import { decodeRecording, encodeRecording, RecordingFormatError } from "./format.ts";
import type { Recording } from "./recording.ts";

export async function packRecording(recording: Recording): Promise<Uint8Array<ArrayBuffer>> {
  const text = new Blob([encodeRecording(recording)]);
  const packed = text.stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** How far it is: a step in words, and what of it is done. */
type Progress = (step: string, done: number, total: number) => void;

/**
 * Takes time in proportion to the file's size, and to what is in it; see `reading/` for how to do that beside the page.
 * @throws {RecordingFormatError} saying what is wrong with the file.
 */
export async function unpackRecording(file: Blob, progress: Progress = () => undefined): Promise<Recording> {
  if (file.size > RECORDING.file)
    throw new RecordingFormatError(`this recording is too large: ${beyond(RECORDING.file, "bytes")}`);
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  if (first !== 0x1f || second !== 0x8b)
    throw new RecordingFormatError(
      "this file is no recording of a boot: it does not begin as a gzip file does",
    );
  const text = await gunzip(file, progress);
  progress("checking", 0, 0);
  return decodeRecording(text);
}

async function gunzip(file: Blob, progress: Progress): Promise<string> {
  let read = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(part, controller) {
      read += part.length;
      progress("unpacking", read, file.size);
      controller.enqueue(part);
    },
  });
  const unpacked = file.stream().pipeThrough(counted).pipeThrough(new DecompressionStream("gzip"));
  const reader = unpacked.getReader();
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  try {
    for (let part = await reader.read(); !part.done && size <= RECORDING.text; part = await reader.read()) {
      size += part.value.length;
      text += decoder.decode(part.value, { stream: true });
    }
  } catch (error) {
    throw new RecordingFormatError("this recording is damaged: it cannot be unpacked", { cause: error });
  }
  if (size <= RECORDING.text) return text + decoder.decode();
  // What is left of it is of no interest, nor whether it is sound.
  reader.cancel().catch(() => undefined);
  throw new RecordingFormatError(`this recording is too large: unpacked, ${beyond(RECORDING.text, "bytes")}`);
}
