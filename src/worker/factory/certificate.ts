/**
 * Certificates of endorsement keys, as the makers of TPMs give them (TCG EK Credential Profile 2.5, section 3), and of
 * the one who issues them: a key that is made for one TPM and then forgotten.
 */
import { ECDSASigValue } from "@peculiar/asn1-ecc";
import { RSAPublicKey } from "@peculiar/asn1-rsa";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  GeneralName,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import { fromHex } from "../../protocol/bytes/hex.ts";

const OID = {
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAlternativeName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  rsaEncryption: "1.2.840.113549.1.1.1",
  ecPublicKey: "1.2.840.10045.2.1",
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  /** TCG's: what a TPM is, and what its endorsement key is certified for. */
  tpmManufacturer: "2.23.133.2.1",
  tpmModel: "2.23.133.2.2",
  tpmVersion: "2.23.133.2.3",
  endorsementKeyCertificate: "2.23.133.8.1",
} as const;

/** For whoever looks: nobody vouches for this TPM. */
export const ISSUER = "WebTPM (no manufacturer): made for this virtual TPM alone";
/** "This certificate has no end" (RFC 5280, section 4.1.2.5). */
const NO_END = new Date("9999-12-31T23:59:59Z");

export type EndorsementPublic =
  | { kind: "rsa"; modulus: Uint8Array }
  /** On the curve P-256. */
  | { kind: "ecc"; x: Uint8Array; y: Uint8Array };

/** What the TPM says that it is. */
export interface TpmModel {
  /** As in certificates: "id:" and 8 digits. */
  manufacturer: string;
  model: string;
  version: string;
}

/** Issues certificates for one TPM. */
export class Issuer {
  /** Its own certificate, as DER. */
  readonly certificate: Uint8Array<ArrayBuffer>;
  readonly #key: CryptoKey;
  readonly #identifier: ArrayBuffer;

  private constructor(key: CryptoKey, identifier: ArrayBuffer, certificate: Uint8Array<ArrayBuffer>) {
    this.#key = key;
    this.#identifier = identifier;
    this.certificate = certificate;
  }

  /** Needs WebCrypto, which pages have over https and on this machine itself. */
  static async make(): Promise<Issuer> {
    const { publicKey, privateKey } = await crypto.subtle.generateKey(
      { name: "ECDSA", namedCurve: "P-256" },
      true,
      ["sign"],
    );
    const key = AsnConvert.parse(await crypto.subtle.exportKey("spki", publicKey), SubjectPublicKeyInfo);
    const identifier = await crypto.subtle.digest("SHA-1", key.subjectPublicKey);
    const extensions = [
      extension(OID.basicConstraints, true, new BasicConstraints({ cA: true, pathLenConstraint: 0 })),
      extension(OID.keyUsage, true, new KeyUsage(KeyUsageFlags.keyCertSign)),
      extension(OID.subjectKeyIdentifier, false, new SubjectKeyIdentifier(identifier)),
    ];
    const certificate = await signed(privateKey, named(ISSUER), key, extensions);
    return new Issuer(privateKey, identifier, certificate);
  }

  /** @returns the certificate, as DER. */
  certify(key: EndorsementPublic, model: TpmModel): Promise<Uint8Array<ArrayBuffer>> {
    const usage = key.kind === "rsa" ? KeyUsageFlags.keyEncipherment : KeyUsageFlags.keyAgreement;
    return signed(this.#key, new Name(), publicKeyInfo(key), [
      extension(
        OID.subjectAlternativeName,
        true,
        new SubjectAlternativeName([new GeneralName({ directoryName: modelName(model) })]),
      ),
      extension(OID.basicConstraints, true, new BasicConstraints({ cA: false })),
      extension(OID.keyUsage, true, new KeyUsage(usage)),
      extension(OID.extendedKeyUsage, false, new ExtendedKeyUsage([OID.endorsementKeyCertificate])),
      extension(
        OID.authorityKeyIdentifier,
        false,
        new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(this.#identifier) }),
      ),
    ]);
  }
}

async function signed(
  signer: CryptoKey,
  subject: Name,
  key: SubjectPublicKeyInfo,
  extensions: Extension[],
): Promise<Uint8Array<ArrayBuffer>> {
  const algorithm = new AlgorithmIdentifier({ algorithm: OID.ecdsaWithSha256 });
  const serial = crypto.getRandomValues(new Uint8Array(16));
  // A positive number of exactly so many bytes.
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  const content = new TBSCertificate({
    version: Version.v3,
    serialNumber: serial.buffer,
    signature: algorithm,
    issuer: named(ISSUER),
    validity: new Validity({ notBefore: new Date(), notAfter: NO_END }),
    subject,
    subjectPublicKeyInfo: key,
    extensions: new Extensions(extensions),
  });
  const raw = await crypto.subtle.sign(
    { name: "ECDSA", hash: "SHA-256" },
    signer,
    AsnConvert.serialize(content),
  );
  const signature = new ECDSASigValue({ r: positive(raw.slice(0, 32)), s: positive(raw.slice(32)) });
  const certificate = new Certificate({
    tbsCertificate: content,
    signatureAlgorithm: algorithm,
    signatureValue: AsnConvert.serialize(signature),
  });
  return new Uint8Array(AsnConvert.serialize(certificate));
}

/** As DER has a number that is not negative: no zeros in front, but for one where the first bit is set. */
function positive(big: ArrayBuffer | Uint8Array): ArrayBuffer {
  const bytes = new Uint8Array(big);
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = bytes.subarray(first < 0 ? bytes.length - 1 : first);
  const result = new Uint8Array(short.length + ((short[0] as number) & 0x80 ? 1 : 0));
  result.set(short, result.length - short.length);
  return result.buffer;
}

const extension = (extnID: string, critical: boolean, value: object) =>
  new Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });

const attribute = (type: string, utf8String: string) =>
  new RelativeDistinguishedName([
    new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String }) }),
  ]);

const named = (name: string) => new Name([attribute(OID.commonName, name)]);

const modelName = ({ manufacturer, model, version }: TpmModel) =>
  new Name([
    attribute(OID.tpmManufacturer, manufacturer),
    attribute(OID.tpmModel, model),
    attribute(OID.tpmVersion, version),
  ]);

function publicKeyInfo(key: EndorsementPublic): SubjectPublicKeyInfo {
  if (key.kind === "rsa") {
    const rsa = new RSAPublicKey({
      modulus: positive(key.modulus),
      publicExponent: Uint8Array.of(1, 0, 1).buffer,
    });
    const algorithm = new AlgorithmIdentifier({ algorithm: OID.rsaEncryption, parameters: NULL });
    return new SubjectPublicKeyInfo({ algorithm, subjectPublicKey: AsnConvert.serialize(rsa) });
  }
  const curve = PRIME256V1;
  const algorithm = new AlgorithmIdentifier({ algorithm: OID.ecPublicKey, parameters: curve });
  return new SubjectPublicKeyInfo({
    algorithm,
    subjectPublicKey: Uint8Array.of(4, ...key.x, ...key.y).buffer,
  });
}

const NULL = fromHex("0500").buffer as ArrayBuffer;
/** The object identifier of the curve, as DER. */
const PRIME256V1 = fromHex("06082a8648ce3d030107").buffer as ArrayBuffer;
