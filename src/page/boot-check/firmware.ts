/**
 * Follows the firmware's use of the TPM, from TPM2_Startup to the last PCR that has to be extended, and notices when it
 * gives up. Learnt from SeaBIOS 1.16.2 (src/tcgbios.c), held to it by firmware.machine.test.ts:
 *
 * - Start: Startup, the self-test, capabilities. Measurements: extends of PCR 0 to 7, a separator in each of them last
 *   (TCG PC Client Platform Firmware Profile 1.06, section 3.3.4), then what is booted.
 * - When a command fails, SeaBIOS switches the endorsement, owner and platform hierarchies off (TPM 1.2:
 *   TPM_SetTempDeactivated). When the TPM does not answer at all it cannot even do that, and just measures no more.
 * - Good or bad, it then locks the platform: StirRandom, GetRandom and HierarchyChangeAuth (TPM 1.2:
 *   TSC_PhysicalPresence with LOCK). Other firmware switches the platform hierarchy off, and that one alone: no failure.
 *
 * UEFI firmware goes on measuring after all that, until it hands over to the operating system: its log says when.
 */
import { ByteReader, ShortInputError } from "../../protocol/bytes/reader.ts";
import { pcrChanges } from "../../protocol/eventlog/index.ts";
import { TPM_CC } from "../../protocol/tpm2/command-codes.ts";
import type { SeenCommand } from "./events.ts";
import type { CommandPlace, GaveUp } from "./verdict.ts";

/** Ordinals of TPM 1.2. */
const TPM_ORD = {
  Extend: 0x14,
  GetRandom: 0x46,
  SHA1Start: 0xa0,
  SHA1Update: 0xa1,
  SHA1Complete: 0xa2,
  SHA1CompleteExtend: 0xa3,
  SetTempDeactivated: 0x73,
  Startup: 0x99,
  PhysicalPresence: 0x4000000a,
} as const;
const TPM_RH = { OWNER: 0x40000001, ENDORSEMENT: 0x4000000b } as const;
/** The answers of TPM 2.0 and 1.2 to a Startup that is not the first one. */
const TPM_RC_INITIALIZE = 0x100;
const TPM_INVALID_POSTINIT = 0x26;
const PHYSICAL_PRESENCE_LOCK = 4;
/** What firmware, option ROMs and boot loaders still send once the platform is locked; anything else is the system's. */
const LATE: ReadonlySet<number> = new Set([
  TPM_CC.PCR_Extend,
  TPM_CC.PCR_Event,
  TPM_CC.StirRandom,
  TPM_CC.GetRandom,
  TPM_CC.HierarchyChangeAuth,
  TPM_CC.HierarchyControl,
  TPM_ORD.Extend,
  TPM_ORD.GetRandom,
  TPM_ORD.SHA1Start,
  TPM_ORD.SHA1Update,
  TPM_ORD.SHA1Complete,
  TPM_ORD.SHA1CompleteExtend,
  TPM_ORD.SetTempDeactivated,
  TPM_ORD.PhysicalPresence,
]);
/** Every one of these has at least its separator. */
const FIRMWARE_PCRS = [0, 1, 2, 3, 4, 5, 6, 7];
/** SeaBIOS's only wait of that name is the one for the TPM's registers. */
const TIMED_OUT = /\bTimeout at wait_reg8\b/;

const TOO_LATE = "the TPM did not answer within the time that firmware waits";

interface Sent {
  command: SeenCommand;
  number: number;
}

export class FirmwareWatch {
  /** Whether UEFI firmware has handed over; undefined for a BIOS, which does not say. */
  readonly #handedOver: (() => boolean) | undefined;
  /**
   * Commands of the firmware and of what it started. Only those that may be spoken of are held on to: what a boot loader
   * sends without end does not fill the memory.
   */
  readonly #own = new WeakSet<SeenCommand>();
  #commands = 0;
  /** The first TPM2_Startup. */
  #startup: SeenCommand | undefined;
  #last: Sent | undefined;
  /** The last one but for those that only lock the platform. */
  #lastOfUse: Sent | undefined;
  /** Those that run, by their order, ... */
  readonly #running = new Map<SeenCommand, Sent>();
  /** ... and the first that ended without an answer. */
  #unanswered: Sent | undefined;
  readonly #extended = new Map<number, number>();
  #locked = false;
  #disabledAt: Sent | undefined;
  #timedOutAt: Sent | undefined;
  #timedOut = false;
  #extendsSinceTimeout = 0;
  #over = false;
  #systemCommands = 0;

  /** @param handedOver asks whether UEFI firmware has handed over; none for a BIOS. */
  constructor(handedOver?: () => boolean) {
    this.#handedOver = handedOver;
  }

  /** The operating system has sent a command, or it was said that the firmware is done. */
  get over(): boolean {
    return this.#over;
  }

  /** How many commands came from the operating system. */
  get systemCommands(): number {
    return this.#systemCommands;
  }

  /** All of PCR 0 to 7 were extended, and nothing more is to come. */
  get complete(): boolean {
    return FIRMWARE_PCRS.every((pcr) => this.#extended.has(pcr)) && this.#handedOver?.() !== false;
  }

  /** How many commands the firmware has sent. */
  get commands(): number {
    return this.#commands;
  }

  /** Its first TPM2_Startup was refused because there had been one before. */
  get foundStarted(): boolean {
    const code = this.#startup?.responseCode;
    return code === TPM_RC_INITIALIZE || code === TPM_INVALID_POSTINIT;
  }

  /** How many extends the firmware was answered. */
  get extends(): number {
    return Array.from(this.#extended.values()).reduce((sum, count) => sum + count, 0);
  }

  /** PCRs below 8 that were extended, in ascending order. */
  get extended(): number[] {
    return FIRMWARE_PCRS.filter((pcr) => this.#extended.has(pcr));
  }

  began(command: SeenCommand): void {
    if (this.#isSystems(command)) this.#over = true;
    if (this.#over) {
      this.#systemCommands++;
      return;
    }
    const sent = { command, number: ++this.#commands };
    if (switchesOff(command)) this.#disabledAt ??= this.#last ?? sent;
    if (isStartup(command.code)) this.#startup ??= command;
    this.#last = sent;
    if (!LATE.has(command.code) || isExtend(command.code)) this.#lastOfUse = sent;
    this.#own.add(command);
    this.#running.set(command, sent);
  }

  /** Whether the firmware has sent it, or what the firmware has started. */
  has(command: SeenCommand): boolean {
    return this.#own.has(command);
  }

  answered(command: SeenCommand): void {
    if (!this.has(command)) return;
    if (!command.response) this.#unanswered ??= this.#running.get(command);
    this.#running.delete(command);
    if (locks(command)) this.#locked = true;
    for (const { pcr } of pcrChanges(command.request, command.response ?? new Uint8Array())) {
      this.#extended.set(pcr, (this.#extended.get(pcr) ?? 0) + 1);
      // The answer to the command that was waited for too long comes late, and to nobody.
      if (this.#timedOut && command !== this.#timedOutAt?.command) this.#extendsSinceTimeout++;
    }
  }

  /** A line of the firmware's debug log. */
  line(line: string): void {
    if (this.#over || this.#timedOut || !TIMED_OUT.test(line)) return;
    this.#timedOut = true;
    const [running] = this.#running.values();
    this.#timedOutAt = this.#unanswered ?? running ?? this.#last;
  }

  /** Nothing of the firmware comes any more. */
  end(): void {
    this.#over = true;
  }

  /** Why the boot is not measured, or not any more; undefined while nothing speaks against it. */
  get gaveUp(): GaveUp | undefined {
    const extended = this.extended;
    const gaveUp = (how: GaveUp["how"], cause: string, at?: Sent): GaveUp => ({
      kind: "firmware gave up",
      how,
      at: place(at),
      cause,
      extended,
    });
    if (this.#disabledAt) return gaveUp("disabled", this.#whyFailed(this.#disabledAt), this.#disabledAt);
    const stopped = this.#over && !this.complete;
    // Some limits are met by a second try: what is measured afterwards shows that.
    if (this.#timedOut && (stopped || !this.#extendsSinceTimeout) && !this.complete) {
      return gaveUp("timed out", TOO_LATE, this.#timedOutAt ?? this.#last);
    }
    if (!stopped) return undefined;
    const last = this.#lastOfUse ?? this.#last;
    if (!last) return gaveUp("absent", "the firmware never sent a command to the TPM");
    return gaveUp("stopped", this.#whyFailed(last), last);
  }

  #whyFailed({ command: { response, responseCode, responseName, name } }: Sent): string {
    if (!response) return TOO_LATE;
    if (responseCode !== 0) return `the TPM answered ${responseName ?? responseCode}`;
    if (this.#timedOut) return TOO_LATE;
    return `${name} was answered, and the firmware went no further: most likely the answer came too late for it`;
  }

  #isSystems({ code }: SeenCommand): boolean {
    if (this.#over) return true;
    if (this.#handedOver) return this.#handedOver();
    if (!this.#commands) return !isStartup(code);
    const done = this.#locked || this.complete || this.#disabledAt !== undefined || this.#timedOut;
    return done && !LATE.has(code);
  }
}

const isStartup = (code: number) => code === TPM_CC.Startup || code === TPM_ORD.Startup;
const isExtend = (code: number) => code === TPM_CC.PCR_Extend || code === TPM_ORD.Extend;

const place = (sent: Sent | undefined): CommandPlace | undefined =>
  sent && { name: sent.command.name, number: sent.number };

/** TPM2_HierarchyControl for more than the platform's hierarchy, or TPM_SetTempDeactivated. */
function switchesOff({ code, request }: SeenCommand): boolean {
  if (code === TPM_ORD.SetTempDeactivated) return true;
  if (code !== TPM_CC.HierarchyControl) return false;
  const parameters = read(request, (reader) => {
    reader.take(HEADER_SIZE + HANDLE_SIZE);
    reader.take(reader.u32be());
    return { hierarchy: reader.u32be(), on: reader.u8() !== 0 };
  });
  const { hierarchy, on } = parameters ?? {};
  return on === false && (hierarchy === TPM_RH.OWNER || hierarchy === TPM_RH.ENDORSEMENT);
}
const HEADER_SIZE = 10;
const HANDLE_SIZE = 4;

/** After this the firmware cannot manage the TPM any more. */
function locks({ code, request, responseCode }: SeenCommand): boolean {
  if (code === TPM_CC.HierarchyChangeAuth) return responseCode === 0;
  if (code !== TPM_ORD.PhysicalPresence) return false;
  const presence = read(request, (reader) => {
    reader.take(HEADER_SIZE);
    return reader.u16be();
  });
  return ((presence ?? 0) & PHYSICAL_PRESENCE_LOCK) !== 0;
}

function read<T>(bytes: Uint8Array, how: (reader: ByteReader) => T): T | undefined {
  try {
    return how(new ByteReader(bytes));
  } catch (error) {
    if (error instanceof ShortInputError) return undefined;
    throw error;
  }
}
