/** Numbers within bytes, by their offset; {@link ByteReader} is for reading one after the other. */

/** A view of just these bytes, which may be part of a larger buffer. */
export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
