/**
 * Compares our trees with tshark's dissection, and lists where the two differ and who is right. tshark's TPM dissector
 * (4.0.17) knows headers, handles, sessions and the parameters of a few commands; the parameters of all others it
 * leaves as one run of bytes, or leaves out. Of TPM 1.2 it knows tag and size; ordinals show as unknown.
 */
import type { Message } from "../../src/protocol/tpm2/message.ts";
import { type Field, find, pathAt } from "../../src/protocol/tpm2/tree.ts";
import type { TsharkField, TsharkMessage } from "./tshark.ts";

/** Tshark's field for each of ours: paths with `*` for a place in a list. Handles are compared by type instead. */
const PATHS: Readonly<Record<string, readonly string[]>> = {
  "tpm.req.tag": ["header.tag"],
  "tpm.req.size": ["header.commandSize"],
  "tpm.req.cc": ["header.commandCode"],
  "tpm.resp.tag": ["header.tag"],
  "tpm.resp.size": ["header.responseSize"],
  "tpm.resp.rc": ["header.responseCode"],
  "tpm.resp_param_size": ["parameterSize"],
  "tpm.PARAMS": ["parameters"],
  "tpm.autharea_size": ["authorizationArea.authorizationSize"],
  "tpm.auth_nonce_size": [
    "authorizationArea.*.nonce.size",
    "parameters.nonceCaller.size",
    "parameters.nonceTPM.size",
  ],
  "tpm.auth_nonce": [
    "authorizationArea.*.nonce.buffer",
    "parameters.nonceCaller.buffer",
    "parameters.nonceTPM.buffer",
  ],
  "tpm.session_auth_size": ["authorizationArea.*.hmac.size"],
  "tpm.session_auth": ["authorizationArea.*.hmac.buffer"],
  "tpm.auth_attribs_cont": ["authorizationArea.*.sessionAttributes"],
  "tpm.auth_attribs_auditex": ["authorizationArea.*.sessionAttributes"],
  "tpm.auth_attribs_auditreset": ["authorizationArea.*.sessionAttributes"],
  "tpm.auth_attribs_res": ["authorizationArea.*.sessionAttributes"],
  "tpm.auth_attribs_decrypt": ["authorizationArea.*.sessionAttributes"],
  "tpm.auth_attribs_encrypt": ["authorizationArea.*.sessionAttributes"],
  "tpm.auth_attribs_audit": ["authorizationArea.*.sessionAttributes"],
  "tpm.statup.type": ["parameters.startupType"],
  "tpm.session_type": ["parameters.sessionType"],
  "tpm.sym_alg": ["parameters.symmetric.algorithm"],
  "tpm.sym_alg_keybits": ["parameters.symmetric.keyBits"],
  "tpm.sym_alg_mode": ["parameters.symmetric.mode"],
  "tpm.alg_hash": ["parameters.authHash"],
  "tpm.enc_secret_size": ["parameters.encryptedSalt.size"],
  "tpm.enc_secret": ["parameters.encryptedSalt.secret"],
  "tpm.sensitive_create_size": ["parameters.inSensitive.size"],
  "tpm.sensitive_create": ["parameters.inSensitive.sensitive", "parameters.inSensitive.buffer"],
  "tpm.template_size": ["parameters.inPublic.size"],
  "tpm.template": ["parameters.inPublic.template", "parameters.inPublic.buffer"],
  "tpm.public_size": ["parameters.inPublic.size", "parameters.outPublic.size"],
  "tpm.public": ["parameters.inPublic.publicArea", "parameters.outPublic.publicArea"],
  "tpm.private_size": ["parameters.inPrivate.size", "parameters.outPrivate.size"],
  "tpm.private": ["parameters.inPrivate.buffer", "parameters.outPrivate.buffer"],
  "tpm.name_size": ["parameters.name.size"],
  "tpm.name": ["parameters.name.name"],
};
/** Tshark's headings, which have no place of their own, and our groups. */
const GROUPS: Readonly<Record<string, string>> = {
  "tpm.req.header": "header",
  "tpm.resp.header": "header",
  "tpm.req.hndl": "handles",
  "tpm.req.auth": "authorizationArea",
  "tpm.resp.params": "parameters",
};
const BITS: Readonly<Record<string, string>> = {
  "tpm.auth_attribs_cont": "continueSession",
  "tpm.auth_attribs_auditex": "auditExclusive",
  "tpm.auth_attribs_auditreset": "auditReset",
  "tpm.auth_attribs_decrypt": "decrypt",
  "tpm.auth_attribs_encrypt": "encrypt",
  "tpm.auth_attribs_audit": "audit",
};

/** Differences that are known, by "command direction: field"; `*` stands for any command of that beginning. */
export const KNOWN: readonly { where: RegExp; why: string }[] = [
  {
    where: /^TPM2_NV_Read command: /,
    why: "tshark reads one handle (nvIndex) where there are two (authHandle, nvIndex), and so runs off the message",
  },
  {
    where: /^TPM2_SetPrimaryPolicy command: (malformed|tpm\.(sensitive_create|public_size))/,
    why: "tshark reads the parameters of TPM2_Create; there are authPolicy and hashAlg",
  },
  {
    where: /^TPM2_SetPrimaryPolicy command: tpm\.handle\.TPMI_RH_HIERARCHY_AUTH/,
    why: "the handle is a TPMI_RH_HIERARCHY_POLICY since revision 1.59",
  },
  {
    where: /^TPM2_NV_UndefineSpaceSpecial command: tpm\.handle\./,
    why: "tshark has the types of two other handles; they are nvIndex and platform",
  },
  {
    where: /^TPM2_ClockRateAdjust command: tpm\.handle\.TPMI_RH_PLATFORM/,
    why: "owner or platform may adjust the clock: TPMI_RH_PROVISION",
  },
  {
    where: /^TPM2_CreateLoaded command: tpm\.handle\.TPMI_RH_HIERARCHY/,
    why: "the parent may be an object: TPMI_DH_PARENT",
  },
  {
    where: /^TPM2_AC_GetCapability command: tpm\.handle\.TPM_HANDLE/,
    why: "the handle is an attached component: TPMI_RH_AC",
  },
  {
    where: /^TPM2_LoadExternal response: tpm\.handle\.TPMI_DH_OBJECT/,
    why: "the response has the new object: TPM_HANDLE",
  },
  {
    where: /^TPM2_CreateLoaded response: tpm\.handle\.TPMI_DH_PARENT/,
    why: "the response has the new object: TPM_HANDLE",
  },
  {
    where: /^TPM2_(Policy\w*|GetSessionAuditDigest) command: tpm\.handle\.TPMI_SH_AUTH_SESSION/,
    why: "tshark has one type for all sessions; these are TPMI_SH_POLICY or TPMI_SH_HMAC",
  },
  {
    where: /^TPM2_FlushContext command: tpm\.req\.hndl/,
    why: "flushHandle is a parameter: the command has no handle area (Part 3, 28.4)",
  },
  {
    where: /^TPM2_\w+ response: tpm\.resp\.rc: Unknown/,
    why: "tshark does not take format-one response codes apart",
  },
];

/**
 * The messages of which tshark takes parameters apart, and how far. Of all others it has headers, handles and
 * sessions only, and leaves the parameters as one run of bytes (with sessions) or does not show them (without).
 */
export const PARAMETERS: Readonly<Record<string, string>> = {
  "TPM2_Startup command": "all",
  "TPM2_StartAuthSession command": "all; the salt's content as bytes",
  "TPM2_StartAuthSession response": "all",
  "TPM2_CreateLoaded command": "both sizes; the two structures as bytes",
  "TPM2_CreateLoaded response": "all; public area and name as bytes",
  "TPM2_FlushContext command": "the handle, as a handle",
};

/** Whether tshark has a field inside our parameters, other than all of them in one. */
export function hasParameters(ours: Message, theirs: TsharkMessage): boolean {
  const parameters = find(ours.fields, "parameters");
  if (!parameters || theirs.malformed) return false;
  const end = parameters.offset + parameters.length;
  const places = theirs.fields.filter((field) => !GROUPS[field.name] && field.name !== "tpm.PARAMS");
  return places.some((field) => field.offset >= parameters.offset && field.offset < end);
}

export interface Comparison {
  /** Fields that agree. */
  agreed: number;
  /** "command direction: field: what differs". */
  differences: string[];
}

/** Compares one message. */
export function compare(ours: Message, theirs: TsharkMessage): Comparison {
  const result: Comparison = { agreed: 0, differences: [] };
  for (const field of theirs.fields) {
    const difference = differs(ours, field);
    if (difference === undefined) result.agreed++;
    else result.differences.push(`${ours.name} ${ours.direction}: ${field.name}: ${difference}`);
  }
  if (theirs.malformed) result.differences.push(`${ours.name} ${ours.direction}: malformed: tshark gave up`);
  return result;
}

function differs(ours: Message, field: TsharkField): string | undefined {
  const group = GROUPS[field.name];
  if (group) {
    return find(ours.fields, group) ? undefined : `we have no ${group}`;
  }
  const chain = pathAt(ours.fields, field.offset);
  const paths = chain.map((_, depth) =>
    chain
      .slice(0, depth + 1)
      .map((part) => part.name)
      .join("."),
  );
  const at = (entry: Field) => entry.offset === field.offset && entry.length === field.length;
  if (field.name.startsWith("tpm.handle.")) {
    const leaf = chain.findLast(at);
    return leaf?.type === field.name.slice(11)
      ? wrongName(leaf, field)
      : `ours is ${leaf?.type ?? paths.at(-1)}`;
  }
  const wanted = PATHS[field.name] ?? [];
  const index = chain.findIndex(
    (entry, depth) => at(entry) && wanted.includes(paths[depth]!.replace(/\[\d+\]/, "*")),
  );
  const found = chain[index];
  if (!found) return `ours is ${paths.at(-1)} at ${field.offset}, ${field.length} byte(s)`;
  return BITS[field.name] ? wrongBit(found, field) : wrongName(found, field);
}

function wrongBit(word: Field, field: TsharkField): string | undefined {
  const ours = word.bits?.find((bit) => bit.name === BITS[field.name])?.value;
  const theirs = field.text.includes("Not set") ? 0 : 1;
  return ours === theirs ? undefined : `tshark has ${theirs}, ours is ${ours}`;
}

/** Compares names of values, where tshark has one: "TPM2_ALG_AES (0x0006)" is our "TPM_ALG_AES". */
function wrongName(leaf: Field, field: TsharkField): string | undefined {
  if (leaf.value instanceof Uint8Array || leaf.children) return undefined;
  const shown = /: (.*?) \(0x[0-9a-f]+\)$/.exec(field.text)?.[1];
  if (field.name === "tpm.resp.rc" && shown?.startsWith("Unknown")) return shown;
  if (!shown || shown.startsWith("Unknown")) return undefined;
  const name = /^TPM2?_[A-Za-z0-9_]+/.exec(shown)?.[0].replace(/^TPM2_/, "TPM_");
  if (!name) return undefined;
  return new RegExp(`^${name}\\b`).test(leaf.text) ? undefined : `tshark has ${shown}, ours is ${leaf.text}`;
}
