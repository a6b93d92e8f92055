/** An EFI image of a few bytes; for tests. */

/** The smallest image for 32 bits that has all that a signature needs: one section, of an odd length. */
export function efiImage(): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(0x200 + 0x203);
  const view = new DataView(image.buffer);
  view.setUint16(0, 0x4d5a);
  view.setUint32(0x3c, 0x40, true);
  view.setUint32(0x40, 0x4550, true);
  view.setUint16(0x44, 0x14c, true); // i386
  view.setUint16(0x46, 1, true);
  view.setUint16(0x54, 224, true);
  view.setUint16(0x56, 0x10e, true);
  view.setUint16(0x58, 0x10b, true);
  view.setUint32(0x58 + 56, 0x2000, true);
  view.setUint32(0x58 + 60, 0x200, true);
  view.setUint16(0x58 + 68, 10, true); // an EFI application
  view.setUint32(0x58 + 92, 16, true);
  const section = 0x58 + 224;
  image.set(new TextEncoder().encode(".text"), section);
  view.setUint32(section + 8, 0x203, true);
  view.setUint32(section + 12, 0x1000, true);
  view.setUint32(section + 16, 0x203, true);
  view.setUint32(section + 20, 0x200, true);
  image.fill(0x90, 0x200);
  return image;
}
