/** Pieces that the one-line summaries are made of. */
import type { Message } from "./message.ts";
import { type Field, find } from "./tree.ts";

export interface Exchange {
  request: Message;
  response?: Message | undefined;
}

export type Summarizer = (exchange: Exchange) => string;

/** A field of the command's parameters. */
export function given({ request }: Exchange, ...path: string[]): Field | undefined {
  return find(request.fields, "parameters", ...path);
}

/** A field of the response's parameters. */
export function answered({ response }: Exchange, ...path: string[]): Field | undefined {
  return find(response?.fields, "parameters", ...path);
}

/** A handle of the command, for people: "PCR 4", "the owner hierarchy", "0x80000000". */
export function on({ request }: Exchange, name: string): string {
  return handleWords(find(request.fields, "handles", name));
}

/** " as 0x80000000": the handle that the TPM made; empty when it made none. */
export function asHandle({ response }: Exchange): string {
  const handle = find(response?.fields, "handles")?.children?.[0]?.value;
  return typeof handle === "number" ? ` as ${hex32(handle)}` : "";
}

const PERMANENT: Readonly<Record<number, string>> = {
  1073741825: "the owner hierarchy",
  1073741831: "none",
  1073741834: "lockout",
  1073741835: "the endorsement hierarchy",
  1073741836: "the platform hierarchy",
};

export function handleWords(field: Field | undefined): string {
  const value = field?.value;
  if (typeof value !== "number") return "?";
  const words = PERMANENT[value];
  if (words) return words;
  if (value < 0x0100_0000) return `PCR ${value}`;
  if (value >>> 24 === 0x01) return `NV index ${hex32(value)}`;
  return value >>> 24 === 0x40 ? (field?.text ?? "?") : hex32(value);
}

function hex32(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}

/** "d9be65…": the beginning of some bytes. */
export function short(field: Field | undefined): string {
  if (!(field?.value instanceof Uint8Array)) return "?";
  if (field.value.length === 0) return "nothing";
  const text = Array.from(field.value.subarray(0, 3), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return field.value.length > 3 ? `${text}…` : text;
}

/** "12 bytes" of a buffer. */
export function size(field: Field | undefined): string {
  const count = field?.value instanceof Uint8Array ? field.value.length : 0;
  return count === 1 ? "1 byte" : `${count} bytes`;
}

/** "sha256" for TPM_ALG_SHA256. */
export function algorithm(field: Field | undefined): string {
  return (field?.text ?? "?").replace(/^TPM_ALG_/, "").toLowerCase();
}

/** The text of a field without the prefix of its family: "CLEAR" for TPM_SU_CLEAR. */
export function plain(field: Field | undefined): string {
  return (field?.text ?? "?").replace(/^TPM_[A-Z]+_/, "");
}

/** "PCRs 0-7 of sha256; PCR 10 of sha1" of a TPML_PCR_SELECTION. */
export function pcrs(selection: Field | undefined): string {
  const parts: string[] = [];
  for (const bank of selection?.children ?? []) {
    const map = find(bank.children, "pcrSelect")?.text;
    if (map === undefined || map === "none") continue;
    parts.push(`${/^\d+$/.test(map) ? "PCR" : "PCRs"} ${map} of ${algorithm(find(bank.children, "hash"))}`);
  }
  return parts.join("; ") || "no PCRs";
}

/** "sha1 d9be65…, sha256 ad95d1…" of a TPML_DIGEST_VALUES. */
export function digests(list: Field | undefined): string {
  const items = (list?.children ?? []).filter((child) => child.name !== "count");
  return items
    .map((item) => `${algorithm(find(item.children, "hashAlg"))} ${short(find(item.children, "digest"))}`)
    .join(", ");
}

/** "ECC P-256", "RSA 2048", "ML-DSA-65", "AES-128", "HMAC key", "sealed data" of a TPM2B_PUBLIC or TPM2B_TEMPLATE. */
export function kind(sized: Field | undefined): string {
  const area = sized?.children?.[1]?.children;
  const parameters = find(area, "parameters")?.children;
  const type = algorithm(find(area, "type"));
  if (type === "rsa") return `RSA ${find(parameters, "keyBits")?.value ?? "?"}`;
  if (type === "ecc") return `ECC ${curve(find(parameters, "curveID"))}`;
  if (type === "symcipher") {
    const sym = find(parameters, "sym")?.children;
    return `${algorithm(find(sym, "algorithm")).toUpperCase()}-${find(sym, "keyBits")?.value ?? "?"}`;
  }
  if (/^(hash_)?mldsa$|^mlkem$/.test(type)) return lattice(type, find(parameters, "parameterSet"));
  if (type !== "keyedhash") return "an object";
  const scheme = algorithm(find(parameters, "scheme", "scheme"));
  return scheme === "null" ? "sealed data" : `${scheme.toUpperCase()} key`;
}

/** "ML-KEM-768", "ML-DSA-65", "HashML-DSA-65". */
function lattice(type: string, set: Field | undefined): string {
  const family = type === "mlkem" ? "ML-KEM" : type === "mldsa" ? "ML-DSA" : "HashML-DSA";
  return `${family}-${(set?.text ?? "?").replace(/^TPM_ML(KEM|DSA)_/, "")}`;
}

/** "P-256" for TPM_ECC_NIST_P256. */
export function curve(field: Field | undefined): string {
  return (field?.text ?? "?").replace(/^TPM_ECC_(NIST_)?/, "").replace(/^P(\d)/, "P-$1");
}

/** "PolicyOR" to "policy OR", "NV_UndefineSpace" to "NV undefine space", "SelfTest" to "self test". */
export function spaced(name: string): string {
  return name
    .replace(/_/g, " ")
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2")
    .split(" ")
    .map((word) => (/^[A-Z0-9]+$/.test(word) ? word : word.toLowerCase()))
    .join(" ");
}
