/** gzip by the platform, in slices, so that the page goes on meanwhile and can show how far it is. */

const SLICE = 1 << 20;

/** @param done how many of the bytes are through. */
export function gzip(bytes: Uint8Array, done: (bytes: number) => void): Promise<Uint8Array> {
  return through(bytes, new CompressionStream("gzip"), done, () => undefined);
}

/**
 * @param limit how many bytes may come out; more are refused before they are kept.
 * @param done how many bytes have come out.
 */
export function gunzip(bytes: Uint8Array, limit: number, done: (bytes: number) => void): Promise<Uint8Array> {
  return through(
    bytes,
    new DecompressionStream("gzip"),
    () => undefined,
    (count) => {
      if (count > limit) throw new RangeError(`more than ${limit} bytes come out of it`);
      done(count);
    },
  );
}

async function through(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  read: (bytes: number) => void,
  written: (bytes: number) => void,
): Promise<Uint8Array> {
  let at = 0;
  const slices = new ReadableStream<BufferSource>({
    pull(controller) {
      if (at < bytes.length) {
        controller.enqueue(bytes.subarray(at, at + SLICE) as Uint8Array<ArrayBuffer>);
        at = Math.min(at + SLICE, bytes.length);
        read(at);
      } else controller.close();
    },
  });
  const chunks: Uint8Array[] = [];
  let count = 0;
  const reader = slices.pipeThrough(stream as ReadableWritablePair<Uint8Array, BufferSource>).getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    chunks.push(next.value);
    count += next.value.length;
    written(count);
  }
  return joined(chunks, count);
}

export function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
