/**
 * Signs EFI images as firmware verifies them: PKCS #7 SignedData over the image's Authenticode digest.
 * Sources: Windows Authenticode Portable Executable Signature Format; RFC 2315.
 */
import { createHash, type KeyObject, sign } from "node:crypto";
import {
  type BaseBlock,
  BitString,
  BmpString,
  Constructed,
  Set as DerSet,
  fromBER,
  Integer,
  Null,
  ObjectIdentifier,
  OctetString,
  Primitive,
  Sequence,
} from "asn1js";
import { Certificate } from "pkijs";
import { authenticodeDigest } from "../../../protocol/uefi/authenticode.ts";

export const SIGNING_HASH = "SHA-256";

const OID = {
  SIGNED_DATA: "1.2.840.113549.1.7.2",
  CONTENT_TYPE: "1.2.840.113549.1.9.3",
  MESSAGE_DIGEST: "1.2.840.113549.1.9.4",
  SHA256: "2.16.840.1.101.3.4.2.1",
  RSA: "1.2.840.113549.1.1.1",
  INDIRECT_DATA: "1.3.6.1.4.1.311.2.1.4",
  PE_IMAGE_DATA: "1.3.6.1.4.1.311.2.1.15",
} as const;

const oid = (value: string) => new ObjectIdentifier({ value });
const sequence = (...value: BaseBlock[]) => new Sequence({ value });
const set = (...value: BaseBlock[]) => new DerSet({ value });
const octets = (bytes: Uint8Array) => new OctetString({ valueHex: Uint8Array.from(bytes).buffer });
const algorithm = (id: string) => sequence(oid(id), new Null());
/** [number], with these inside. */
const tagged = (tagNumber: number, ...value: BaseBlock[]) =>
  new Constructed({ idBlock: { tagClass: 3, tagNumber }, value });
const der = (block: BaseBlock) => new Uint8Array(block.toBER(false));

/** SpcIndirectDataContent: that it is about a PE image, and the image's digest. */
function indirectData(digest: Uint8Array): Sequence {
  const obsolete = new BmpString({ value: "<<<Obsolete>>>" }).valueBlock.valueHexView.slice().buffer;
  const file = new Primitive({ idBlock: { tagClass: 3, tagNumber: 0 }, valueHex: obsolete });
  const data = sequence(
    new BitString({ valueHex: new ArrayBuffer(0), unusedBits: 0 }),
    tagged(0, tagged(2, file)),
  );
  return sequence(sequence(oid(OID.PE_IMAGE_DATA), data), sequence(algorithm(OID.SHA256), octets(digest)));
}

/** Without its tag and length, which is what is hashed. */
function contentOf(block: BaseBlock): Uint8Array {
  const bytes = der(block);
  const length = bytes[1] as number;
  return bytes.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}

/**
 * A signature to attach to `image`, in DER.
 * @param certificate of the signer, in DER.
 * @throws {EfiImageError} when it is no EFI image.
 */
export function signImage(image: Uint8Array, certificate: Uint8Array, key: KeyObject): Uint8Array {
  const content = indirectData(authenticodeDigest(image));
  const digest = createHash("sha256").update(contentOf(content)).digest();
  const attributes = [
    sequence(oid(OID.CONTENT_TYPE), set(oid(OID.INDIRECT_DATA))),
    sequence(oid(OID.MESSAGE_DIGEST), set(octets(digest))),
  ];
  // They are signed as a SET, and stand in the message under a tag of their own.
  const signature = sign("sha256", der(set(...attributes)), key);
  const { issuer, serialNumber } = Certificate.fromBER(Uint8Array.from(certificate).buffer);
  const signer = sequence(
    new Integer({ value: 1 }),
    sequence(issuer.toSchema(), serialNumber),
    algorithm(OID.SHA256),
    tagged(0, ...attributes),
    algorithm(OID.RSA),
    octets(signature),
  );
  const signedData = sequence(
    new Integer({ value: 1 }),
    set(algorithm(OID.SHA256)),
    sequence(oid(OID.INDIRECT_DATA), tagged(0, content)),
    tagged(0, fromBER(Uint8Array.from(certificate).buffer).result),
    set(signer),
  );
  return der(sequence(oid(OID.SIGNED_DATA), tagged(0, signedData)));
}
