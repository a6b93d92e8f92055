/** How the image files are packed, and how they are unpacked while they arrive. */
import type { ImageFile } from "./manifest.ts";

export type ByteStream = ReadableStream<Uint8Array<ArrayBuffer>>;

interface Packing {
  /** What such a file begins with. */
  magic: readonly number[];
  unpack(packed: ByteStream): Promise<ByteStream>;
}

const PACKINGS: Readonly<Record<Exclude<ImageFile["compression"], "none">, Packing>> = {
  gzip: {
    // RFC 1952, section 2.3.1: ID1 and ID2.
    magic: [0x1f, 0x8b],
    unpack: async (packed) => packed.pipeThrough(new DecompressionStream("gzip")),
  },
  xz: {
    // The .xz file format 1.2, section 2.1.1.1.
    magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
    async unpack(packed) {
      // Who imports CommonJS decides by itself where its exports are.
      const module: { default?: typeof import("xz-decompress") } & Partial<typeof import("xz-decompress")> =
        await import("xz-decompress");
      const { XzReadableStream } = (
        module.XzReadableStream ? module : module.default
      ) as typeof import("xz-decompress");
      return new XzReadableStream(packed) as ByteStream;
    },
  },
};

/**
 * What is in a file. Many servers send a packed file as the packed form of another, which the browser has unpacked then:
 * what has arrived is known by its first bytes.
 * @param arrived the file from its beginning
 * @returns a stream that ends with an error when the packed bytes are damaged or not whole.
 */
export async function unpacked(
  arrived: ByteStream,
  compression: ImageFile["compression"],
): Promise<ByteStream> {
  if (compression === "none") return arrived;
  const { magic, unpack } = PACKINGS[compression];
  const reader = arrived.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  const first: number[] = [];
  while (first.length < magic.length) {
    const part = await reader.read();
    if (part.done) break;
    parts.push(part.value);
    first.push(...part.value.subarray(0, magic.length));
  }
  const whole: ByteStream = new ReadableStream({
    async pull(controller) {
      const part = parts.shift() ?? (await reader.read()).value;
      if (part) controller.enqueue(part);
      else controller.close();
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return magic.every((byte, i) => first[i] === byte) ? unpack(whole) : whole;
}
