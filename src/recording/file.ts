/** Recordings as files: gzip around the JSON of format.ts, by the browser's own compressor. */
import { decodeRecording, encodeRecording, RecordingFormatError } from "./format.ts";
import type { Recording } from "./recording.ts";

/** A file that unpacks to more than this is not looked at, in bytes. */
const MOST_BYTES = 256 * 2 ** 20;

export async function packRecording(recording: Recording): Promise<Uint8Array<ArrayBuffer>> {
  const text = new Blob([encodeRecording(recording)]);
  const packed = text.stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/** @throws {RecordingFormatError} saying what is wrong with the file. */
export async function unpackRecording(bytes: Uint8Array<ArrayBuffer>): Promise<Recording> {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b)
    throw new RecordingFormatError(
      "this file is no recording of a boot: it does not begin as a gzip file does",
    );
  return decodeRecording(await gunzip(bytes));
}

async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length;
      if (size > MOST_BYTES) break;
      text += decoder.decode(part.value, { stream: true });
    }
  } catch (error) {
    throw new RecordingFormatError("this recording is damaged: it cannot be unpacked", { cause: error });
  }
  if (size > MOST_BYTES) throw new RecordingFormatError("this recording is too large for this page");
  return text + decoder.decode();
}
