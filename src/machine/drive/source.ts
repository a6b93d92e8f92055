/** What a disk or CD is made of before the guest has written to it. */

export interface DriveSource {
  /** For people: the name of a file, or the last part of an address. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** The same for the same content, as far as that can be told without reading it all. */
  readonly identity: string;
  /** There is nothing but zeros in it. */
  readonly empty?: boolean;
  /**
   * @param start in bytes
   * @param length in bytes, within the size
   * @returns exactly so many bytes.
   * @throws {DriveError}
   */
  read(start: number, length: number): Promise<Uint8Array>;
}

/** A drive's content cannot be had, or is not what it was. */
export class DriveError extends Error {
  override name = "DriveError";
  constructor(
    message: string,
    /**
     * - `changed`: it is another one now; asking again does not help.
     * - `unreadable`: it could not be read this time.
     */
    readonly kind: "changed" | "unreadable",
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** An image that is in memory as a whole. @param identity a digest of it, or whatever stands for one */
export function memorySource(name: string, bytes: Uint8Array, identity: string): DriveSource {
  return {
    name,
    size: bytes.length,
    identity,
    read: async (start, length) => bytes.subarray(start, start + length),
  };
}
