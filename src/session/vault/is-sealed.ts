/** Whether a file needs a passphrase, for whoever has to ask for it: without what reads such files. */

/** What a sealed file begins with: its first line. */
export const MAGIC = "WEBTPM-SEALED\n";

/**
 * Told by its first bytes, whatever its name is: browsers rename what they save.
 * @throws {DOMException} when the file cannot be read.
 */
export async function isSealed(file: Blob): Promise<boolean> {
  return (await file.slice(0, MAGIC.length).text()) === MAGIC;
}
