/**
 * Which commands of a page reach a TPM that is not its own. What is refused is answered with a TPM's own error for a
 * command that it does not have, so that firmware and drivers know what to do with it.
 */
import type { BackendInfo } from "../../../backend/port.ts";
import { own } from "../../../protocol/bytes/own.ts";
import { ByteReader, ShortInputError } from "../../../protocol/bytes/reader.ts";
import { MESSAGE_HEADER_SIZE } from "../../../protocol/swtpm/index.ts";
import { type CommandName, TPM_CC } from "../../../protocol/tpm2/command-codes.ts";
import { commandName } from "../../../protocol/tpm2/names.ts";
import { commandCode } from "../../../protocol/tpm2/parse.ts";
import { type OrdinalName, TPM_ORD } from "../../../protocol/tpm2/tpm12/ordinals.ts";
import { ATTEST_2, ATTEST_12, PRESETS, type Preset, USE_2, USE_12 } from "./presets.ts";

type Version = BackendInfo["version"];

export interface FilterOptions {
  /** Presets and names of commands, e.g. ["attest", "NV_Write"]. Default: attest. */
  allow?: readonly string[];
  /** Names of commands; they count more. */
  deny?: readonly string[];
}

/** TPM_RC_COMMAND_CODE, and what TPM 1.2 calls it. */
const REFUSED: Record<Version, Uint8Array> = {
  "2.0": Uint8Array.of(0x80, 0x01, 0, 0, 0, 10, 0, 0, 0x01, 0x43),
  "1.2": Uint8Array.of(0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x0a),
};

/** PCRs that the PC client specification gives to debugging and to applications; both can be reset. */
const ANYBODYS_PCRS: readonly number[] = [16, 23];
/** Where makers of TPMs keep certificates of their keys (TCG registry of reserved handles, section 2.2). */
const CERTIFICATES = { first: 0x01c0_0000, last: 0x01c0_7fff };
const TPM_RH_LOCKOUT = 0x4000_000a;
const TPM_RH_PLATFORM = 0x4000_000c;

/** Of commands that a preset allows only so: why not, or undefined. */
const CONDITIONS_2: Partial<Record<CommandName, (handles: ByteReader) => string | undefined>> = {
  PCR_Extend: (handles) => ofAnybodys(handles.u32be()),
  PCR_Event: (handles) => ofAnybodys(handles.u32be()),
  PCR_Reset: (handles) => ofAnybodys(handles.u32be()),
  NV_Read(handles) {
    handles.take(4);
    const index = handles.u32be();
    return index >= CERTIFICATES.first && index <= CERTIFICATES.last
      ? undefined
      : `the NV index 0x${index.toString(16)} may be somebody else's`;
  },
};
const CONDITIONS_12: Partial<Record<OrdinalName, (body: ByteReader) => string | undefined>> = {
  Extend: (body) => ofAnybodys(body.u32be()),
  PCR_Reset(body) {
    const map = body.take(body.u16be());
    const pcrs = Array.from(map, (byte, at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (1 << bit)).map((bit) => 8 * at + bit),
    ).flat();
    return pcrs.map(ofAnybodys).find((reason) => reason !== undefined);
  },
};

const ofAnybodys = (pcr: number) =>
  ANYBODYS_PCRS.includes(pcr) ? undefined : `PCR ${pcr} is what others rely on`;

const codes = (version: Version): Readonly<Record<string, number>> => (version === "2.0" ? TPM_CC : TPM_ORD);
const PRESET_COMMANDS: Record<Version, Record<Exclude<Preset, "all">, readonly string[]>> = {
  "2.0": { attest: ATTEST_2, use: USE_2 },
  "1.2": { attest: ATTEST_12, use: USE_12 },
};

const isPreset = (text: string): text is Preset => (PRESETS as readonly string[]).includes(text);

export class CommandFilter {
  readonly #options: Required<FilterOptions>;

  /** @throws {RangeError} for a name that no TPM has. */
  constructor({ allow = ["attest"], deny = [] }: FilterOptions = {}) {
    this.#options = { allow, deny };
    for (const text of allow) if (!isPreset(text)) checkName(text, `presets are ${PRESETS.join(", ")}`);
    for (const text of deny) checkName(text, "presets cannot be denied");
  }

  /** @returns why this command is not run, in words; undefined when it is. */
  refuse(version: Version, command: Uint8Array): string | undefined {
    const { allow, deny } = this.#options;
    const code = commandCode(command);
    if (code === undefined) return "it is no command";
    const named = (list: readonly string[]) => list.some((text) => codeOf(text, version) === code);
    if (named(deny)) return "it is denied here";
    if (allow.includes("all") || named(allow)) return undefined;
    const presets = allow.filter((text) => text === "attest" || text === "use");
    const known = presets.some((preset) =>
      PRESET_COMMANDS[version][preset].some((name) => own(codes(version), name) === code),
    );
    if (!known) return "it is not among what is allowed here";
    return unmetCondition(version, code, command);
  }
}

/** The answer to a refused command. */
export const refusedResponse = (version: Version): Uint8Array => REFUSED[version].slice();

function unmetCondition(version: Version, code: number, command: Uint8Array): string | undefined {
  const name = commandName(code, version).replace(/^TPM2?_/, "");
  try {
    const body = () => new ByteReader(command.subarray(MESSAGE_HEADER_SIZE));
    if (version === "1.2") return own(CONDITIONS_12, name)?.(body());
    if (command.length >= MESSAGE_HEADER_SIZE + 4 && actsFor(body().u32be()))
      return "it acts for the TPM's lockout or platform";
    return own(CONDITIONS_2, name)?.(body());
  } catch (error) {
    if (error instanceof ShortInputError) return "it is cut off";
    throw error;
  }
}

/** A wrong password there locks the owner out. */
const actsFor = (handle: number) => handle === TPM_RH_LOCKOUT || handle === TPM_RH_PLATFORM;

/** "TPM2_PCR_Read", "PCR_Read" or "0x17e". */
function codeOf(text: string, version: Version): number | undefined {
  if (/^0x[0-9a-f]{1,8}$/i.test(text)) return Number(text);
  const table = codes(version);
  const name = text.replace(version === "2.0" ? /^TPM2_/ : /^TPM_/, "");
  return own(table, name);
}

function checkName(text: string, hint: string): void {
  if (codeOf(text, "2.0") !== undefined || codeOf(text, "1.2") !== undefined) return;
  throw new RangeError(`there is no command "${text}" (e.g. NV_Write, TPM2_Unseal or 0x137; ${hint})`);
}
