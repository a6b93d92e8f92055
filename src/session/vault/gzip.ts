/** gzip by the platform, in slices, so that the page goes on meanwhile and can show how far it is. */

const SLICE = 1 << 20;

/** @param done how many of the bytes are through. */
export function gzip(bytes: Uint8Array, done: (bytes: number) => void): Promise<Uint8Array> {
  return whole(through(bytes, new CompressionStream("gzip"), done), () => undefined);
}

/**
 * @param limit how many bytes may come out; more are refused before they are kept.
 * @param done how many bytes have come out.
 */
export function gunzip(bytes: Uint8Array, limit: number, done: (bytes: number) => void): Promise<Uint8Array> {
  return whole(gunzipped(bytes, limit), done);
}

/** The same piece by piece. */
export async function* gunzipped(bytes: Uint8Array, limit: number): AsyncGenerator<Uint8Array> {
  let count = 0;
  for await (const chunk of through(bytes, new DecompressionStream("gzip"), () => undefined)) {
    count += chunk.length;
    if (count > limit) throw new RangeError(`more than ${limit} bytes come out of it`);
    yield chunk;
  }
}

async function whole(chunks: AsyncGenerator<Uint8Array>, done: (bytes: number) => void): Promise<Uint8Array> {
  const kept: Uint8Array[] = [];
  let count = 0;
  for await (const chunk of chunks) {
    kept.push(chunk);
    count += chunk.length;
    done(count);
  }
  return joined(kept, count);
}

async function* through(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
  read: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
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
  const reader = slices.pipeThrough(stream as ReadableWritablePair<Uint8Array, BufferSource>).getReader();
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    // Of what nobody wants to have any more, nothing is unpacked. What failed has been told.
    reader.cancel().catch(() => undefined);
  }
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
