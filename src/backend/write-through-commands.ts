/**
 * After which commands a TPM's permanent state may be another. A TPM 2.0 tells by the attribute `nv` of each command
 * (TPMA_CC, Part 2, section 8.9); for TPM 1.2 there is a table. A command that failed an authorization counts too, as it
 * may have moved the lockout counter.
 */
import { ByteReader } from "../protocol/bytes/reader.ts";
import { TPM_CAP, TPM_ST_SESSIONS, TPM2_GetCapability } from "../protocol/tpm2/build.ts";
import { TPM_CC } from "../protocol/tpm2/command-codes.ts";
import { commandCode, responseCode } from "../protocol/tpm2/parse.ts";
import { TPM_ORD } from "../protocol/tpm2/tpm12/ordinals.ts";
import { changesPermanentState } from "../protocol/tpm2/tpm12/permanent.ts";
import type { BackendInfo, TpmState } from "./port.ts";

type Version = BackendInfo["version"];
type BlobNames = readonly (keyof TpmState)[];

/** TPMA_CC.nv and TPMA_CC.commandIndex with its vendor bit. */
const TPMA_CC_NV = 1 << 22;
const TPMA_CC_COMMAND = 0x2000_ffff;
const FIRST_COMMAND = 0x11f;
/** A TPM that does not tell is asked for its state after every command. */
const MAX_QUESTIONS = 3;
const TPM_TAG_RQU_COMMAND = 0x00c1;

/**
 * These have the attribute for a TPM that keeps some PCRs in NV, which swtpm does not, and because the first one after a
 * start takes back what an orderly shutdown has kept. Boots and IMA send them by the hundred.
 */
const EXTENDS: ReadonlySet<number> = new Set([TPM_CC.PCR_Extend, TPM_CC.PCR_Event]);

const NOTHING: BlobNames = [];
const PERMANENT: BlobNames = ["permanent"];
const BOTH: BlobNames = ["permanent", "savestate"];

/** What a session has to look at; remembers what it has seen. */
export class PermanentChanges {
  readonly #version: Version;
  /** Codes of the commands with the attribute `nv`; undefined until the TPM could be asked. */
  #nv: ReadonlySet<number> | undefined;
  /** How often the TPM was asked. */
  #asked = 0;
  /** An orderly shutdown is kept, and the next change of whatever kind takes it back. */
  #orderly = false;
  /** An extend was looked after, and no command since can have changed what the next one finds. */
  #extended = false;

  constructor(version: Version) {
    this.#version = version;
  }

  /** True when {@link learn} is due: a TPM 2.0 tells its commands from TPM2_Startup on. */
  get canLearn(): boolean {
    return this.#version === "2.0" && this.#nv === undefined && this.#asked < MAX_QUESTIONS;
  }

  /** Asks a started TPM 2.0 for its commands' attributes. */
  async learn(run: (command: Uint8Array) => Promise<Uint8Array>): Promise<void> {
    this.#asked++;
    const nv = new Set<number>();
    for (let first = FIRST_COMMAND, more = true; more; ) {
      const page = parseCommands(await run(TPM2_GetCapability(TPM_CAP.COMMANDS, first, 256)));
      if (!page || page.attributes.length === 0) return;
      for (const attributes of page.attributes) {
        const code = attributes & TPMA_CC_COMMAND;
        if (attributes & TPMA_CC_NV) nv.add(code);
        first = code + 1;
      }
      more = page.more;
    }
    this.#nv = nv;
  }

  /** Which blobs may be others after this command. @param saved what is kept already. */
  after(command: Uint8Array, response: Uint8Array, saved: TpmState | undefined): BlobNames {
    const code = commandCode(command);
    if (code === undefined) return NOTHING;
    const refused = responseCode(response) !== 0 && hasSessions(this.#version, command);
    if (this.#version === "1.2") {
      // What TPM_SaveState kept is void after the next change, and only the TPM knows which command is one.
      const state = code === TPM_ORD.SaveState || code === TPM_ORD.Startup || saved?.savestate.bytes.length;
      if (state) return BOTH;
      return refused || changesPermanentState(code) ? PERMANENT : NOTHING;
    }
    if (code === TPM_CC.Shutdown) this.#orderly = true;
    else if (code === TPM_CC.Startup) this.#orderly = false;
    if (this.#nv && !this.#orderly && !refused && (!this.#nv.has(code) || this.#extendsAgain(code)))
      return NOTHING;
    this.#extended = EXTENDS.has(code) && responseCode(response) === 0;
    return PERMANENT;
  }

  #extendsAgain(code: number): boolean {
    return this.#extended && EXTENDS.has(code);
  }

  /** Permanent state was another than before `command`: what an orderly shutdown kept has been taken back. */
  changed(command: Uint8Array): void {
    if (commandCode(command) !== TPM_CC.Shutdown) this.#orderly = false;
  }
}

function hasSessions(version: Version, command: Uint8Array): boolean {
  const tag = (command[0]! << 8) | command[1]!;
  return version === "2.0" ? tag === TPM_ST_SESSIONS : tag !== TPM_TAG_RQU_COMMAND;
}

/** The response to TPM2_GetCapability(TPM_CAP_COMMANDS); undefined for a refusal or anything else. */
function parseCommands(response: Uint8Array): { more: boolean; attributes: number[] } | undefined {
  if (responseCode(response) !== 0 || response.length < 19) return undefined;
  const reader = new ByteReader(response.subarray(10));
  const more = reader.u8() !== 0;
  if (reader.u32be() !== TPM_CAP.COMMANDS) return undefined;
  const count = reader.u32be();
  if (count * 4 > reader.left) return undefined;
  return { more, attributes: Array.from({ length: count }, () => reader.u32be()) };
}
