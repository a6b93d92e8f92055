/** Takes a TPM 2.0 response code apart: Part 1, section 39 (bits) over the tables of {@link ./response-codes.ts}. */
import { hexNumber } from "../bytes/hex.ts";
import { ERRORS, FORMAT_ONE, WARNINGS } from "./response-codes.ts";

const FORMAT_ONE_BIT = 0x080;
const VERSION_2_BIT = 0x100;
const VENDOR_BIT = 0x400;
const WARNING_BIT = 0x800;
const PARAMETER_BIT = 0x040;
/** Higher bits belong to software stacks and drivers; a TPM leaves them clear. */
const TPM_BITS = 0xfff;

export interface ResponseCodeParts {
  format: "zero" | "one";
  severity: "success" | "error" | "warning";
  /** E.g. "TPM_RC_VALUE"; undefined when the specification has no such code. */
  name: string | undefined;
  /** What a format-one code complains about. */
  subject?: "handle" | "session" | "parameter";
  /** Which one, from 1; 0 when the TPM does not say. */
  index?: number;
  /** The number within its family: 6 bits in format one, 7 in format zero. */
  number: number;
  vendor: boolean;
  /** `1.2` when the code has neither format bit nor version bit: a TPM 1.2 style code. */
  version: "2.0" | "1.2";
}

/** The fields of a TPM 2.0 response code. */
export function responseCodeParts(code: number): ResponseCodeParts {
  const rc = code & 0xfff;
  if (rc & FORMAT_ONE_BIT) {
    const number = rc & 0x3f;
    const parameter = (rc & PARAMETER_BIT) !== 0;
    return {
      format: "one",
      severity: "error",
      name: prefixed(FORMAT_ONE[number]?.[0]),
      subject: parameter ? "parameter" : rc & WARNING_BIT ? "session" : "handle",
      index: parameter ? rc >> 8 : (rc >> 8) & 7,
      number,
      vendor: false,
      version: "2.0",
    };
  }
  const number = rc & 0x7f;
  const version = rc & VERSION_2_BIT ? "2.0" : "1.2";
  const vendor = (rc & VENDOR_BIT) !== 0;
  const warning = (rc & WARNING_BIT) !== 0;
  const table = warning ? WARNINGS : ERRORS;
  return {
    format: "zero",
    severity: code === 0 ? "success" : warning ? "warning" : "error",
    name: prefixed(version === "1.2" ? oldName(code) : vendor ? undefined : table[number]?.[0]),
    number,
    vendor,
    version,
  };
}

/** E.g. "TPM_RC_SUCCESS", "TPM_RC_VALUE (parameter 1)"; the number in hex when there is no name. */
export function responseCodeName2(code: number): string {
  const parts = responseCodeParts(code);
  if (!parts.name || code & ~TPM_BITS) return hexNumber(code, 3);
  return parts.index ? `${parts.name} (${parts.subject} ${parts.index})` : parts.name;
}

/** The words that `tpm2_rc_decode` prints after `tpm:`. */
export function responseCodeText(code: number): string {
  if (code === 0) return "success";
  const { format, subject, index, number, version, vendor, severity } = responseCodeParts(code);
  if (format === "one") {
    const words = FORMAT_ONE[number]?.[1] ?? `unknown error num: ${hexNumber(number, 1)}`;
    return `${subject}(${index ? index & 7 || "unk" : "unk"}):${words}`;
  }
  const kind = `${severity === "warning" ? "warn" : "error"}(${version}): `;
  if (version === "1.2") return `${kind}unknown version 1.2 error code`;
  if (vendor) return `${kind}Vendor specific error: ${hexNumber(number, 1)}`;
  const row = (severity === "warning" ? WARNINGS : ERRORS)[number];
  return row ? kind + row[1] : hexNumber(code, 1);
}

function oldName(code: number): string | undefined {
  if (code === 0) return "SUCCESS";
  return code === 0x1e ? "BAD_TAG" : undefined;
}

function prefixed(name: string | undefined): string | undefined {
  return name && `TPM_RC_${name}`;
}
