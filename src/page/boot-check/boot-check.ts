/**
 * Judges a boot while it happens. Takes what can be seen of it, in the order in which it is told, and says at any time
 * what is known: nothing, that it goes on, that it was measured and what was checked, or what went wrong.
 *
 * Only what was seen counts as good; and what only has not been told yet is not called wrong: the operating system's
 * first command shows that the firmware has sent its last, and where none comes, `wantsAllTold` asks for that news.
 */
import { equalBytes } from "../../protocol/bytes/hex.ts";
import { type Bank, pcrChanges } from "../../protocol/eventlog/index.ts";
import { ConsoleWatch } from "./console.ts";
import type { BootEvent, SeenCommand } from "./events.ts";
import { FirmwareWatch } from "./firmware.ts";
import { checkReplay, type ReplayResult, SeenExtends } from "./replay.ts";
import { type BootVerdict, concernsTpm, type GuestDied, type LogDiffers, type Trouble } from "./verdict.ts";
import { numbers } from "./words.ts";

/** What the guest is expected to do, where that is known. */
export interface Expected {
  /** A shell on the serial console. */
  shell?: boolean;
  /** Default: a BIOS. */
  firmware?: "bios" | "uefi";
  /** Asks whether the TPM is one that cannot be power-cycled with the machine. */
  tpmGoesOn?: () => boolean;
}

/** The TPM is not this machine's alone: somebody else has started it, and firmware leaves such a one alone. */
const STARTED_BEFORE =
  "somebody else had started this TPM before, e.g. the firmware of its host, whose boot its PCRs 0–7 tell of; this machine's firmware does not measure into it";

/** Guest seconds without a sign of life, before the shell, after which it is not expected any more. */
export const SILENT_S = 180;
/** So many restarts of the guest's own, each before its shell came, are a loop. */
const LOOP = 3;
/** SeaBIOS, when it has tried everything. */
const NOTHING_TO_BOOT = /^No bootable device\b/;
const BOOTS = /^Booting from |^Running option rom at ca00:/;

/** What UEFI firmware measures last (edk2, EV_EFI_ACTION; Firmware Profile 1.06, section 8.3.4). */
const HANDED_OVER = "Exit Boot Services Returned with Success";

const EMPTY = new Uint8Array();

export class BootCheck {
  readonly #expected: Expected;
  #from: "power-on" | "saved" | undefined;
  #firmware: FirmwareWatch;
  #console = new ConsoleWatch();
  #extends = new SeenExtends();
  #readLog: () => Uint8Array = () => EMPTY;
  #logBytes: Uint8Array | undefined;
  #banks: readonly Bank[] | undefined;
  /** The firmware has extended a PCR since `#banks` were read. */
  #behind = false;
  /** The page may be reading the PCRs ... */
  #reading = false;
  /** ... and the firmware has extended one meanwhile: what is read is not from one moment. */
  #torn = false;
  #nothingToBoot: string | undefined;
  #crash: string | undefined;
  #silence = 0;
  /** Restarts of the guest's own accord since a shell came. */
  #restarts = 0;
  /** The last words before such a restart. */
  #before = "";
  #replayed: ReplayResult | undefined;
  /** The log as it stood when it was found to be right, with the firmware done. */
  #sealed: Uint8Array | undefined;

  constructor(expected: Expected = {}) {
    this.#expected = expected;
    this.#firmware = this.#watchFirmware();
  }

  take(event: BootEvent): void {
    if (event.type !== "silence") this.#silence = 0;
    switch (event.type) {
      case "start":
        this.#restarts = 0;
        this.#begin(event.from);
        break;
      case "reset":
        this.#reset(event.by);
        break;
      case "command":
        if (event.command.origin === "guest") this.#firmware.began(event.command);
        // The page reads the PCRs.
        else this.#reading = true;
        break;
      case "answered":
        if (event.command.origin === "guest") this.#answered(event.command);
        break;
      case "firmware":
        this.#firmwareSaid(event.line);
        break;
      case "console":
        this.#console.take(event.text);
        if (this.#console.shell) this.#restarts = 0;
        break;
      case "log":
        this.#readLog = event.bytes;
        this.#logBytes = this.#replayed = undefined;
        break;
      case "pcrs":
        if (this.#sealed) break;
        this.#banks = event.banks;
        this.#behind = this.#torn;
        this.#reading = this.#torn = false;
        this.#replayed = undefined;
        break;
      case "all told":
        // What was written of it since it was told of last counts.
        this.#logBytes = this.#replayed = undefined;
        if (this.#handedOver) this.#firmware.end();
        break;
      case "crash":
        this.#crash = event.message;
        break;
      case "silence":
        this.#silence = event.seconds;
        break;
    }
    if (this.#firmware.over) this.#seal();
  }

  /** Something can only be judged when all commands have been told: the firmware seems to be done. */
  get wantsAllTold(): boolean {
    return this.#from === "power-on" && this.#handedOver && !this.#firmware.over && !this.#firmware.complete;
  }

  /** The gravest of what is known. */
  get verdict(): BootVerdict {
    return this.#died() ?? this.measurement;
  }

  /** The same of the TPM alone, whether the guest lives or not. */
  get measurement(): Exclude<BootVerdict, GuestDied> {
    const [trouble] = this.tpmTroubles;
    if (trouble) return trouble;
    if (this.#from === undefined) return { kind: "unchecked", why: "no machine has booted with this TPM" };
    if (this.#from === "saved")
      return { kind: "unchecked", why: "the machine goes on from a saved one: its boot was not seen here" };
    if (this.#startedBefore) return { kind: "unchecked", why: STARTED_BEFORE };
    const missing = this.#missing();
    return missing ? { kind: "checking", missing } : { kind: "measured", checks: this.#checks() };
  }

  /** Everything that went wrong, the gravest first. */
  get troubles(): Trouble[] {
    return [this.#died(), ...this.tpmTroubles].filter((one) => one !== undefined);
  }

  /** The part of them that concerns the TPM. */
  get tpmTroubles(): Exclude<Trouble, GuestDied>[] {
    if (this.#from !== "power-on" || this.#startedBefore) return [];
    const line = this.#console.trouble;
    return [
      this.#firmware.gaveUp,
      this.#differs(),
      line === undefined ? undefined : ({ kind: "kernel says", line } as const),
    ].filter((one) => one !== undefined && concernsTpm(one));
  }

  #begin(from: "power-on" | "saved"): void {
    this.#from = from;
    this.#firmware = this.#watchFirmware();
    this.#console = new ConsoleWatch();
    this.#extends = new SeenExtends();
    this.#readLog = () => EMPTY;
    this.#logBytes = undefined;
    this.#banks = this.#replayed = this.#sealed = this.#nothingToBoot = this.#crash = undefined;
    this.#behind = this.#reading = this.#torn = false;
    this.#silence = 0;
  }

  #watchFirmware(): FirmwareWatch {
    if (this.#expected.firmware !== "uefi") return new FirmwareWatch();
    return new FirmwareWatch(() => contains(this.#log, HANDED_OVER));
  }

  #reset(by: "user" | "guest"): void {
    if (by === "guest" && !this.#console.shell) {
      this.#restarts++;
      this.#before = this.#console.died?.line ?? this.#console.last;
    } else this.#restarts = 0;
    this.#begin("power-on");
  }

  #answered(command: SeenCommand): void {
    this.#firmware.answered(command);
    if (this.#sealed || !this.#firmware.has(command)) return;
    for (const change of pcrChanges(command.request, command.response ?? EMPTY)) {
      if (change.kind === "extend") this.#extends.add(change);
      this.#behind = true;
      this.#torn ||= this.#reading;
    }
  }

  #firmwareSaid(line: string): void {
    if (NOTHING_TO_BOOT.test(line)) this.#nothingToBoot = line;
    else if (BOOTS.test(line)) this.#nothingToBoot = undefined;
    this.#firmware.line(line);
  }

  /** The firmware has nothing more to do, as far as console and log show it. */
  get #handedOver(): boolean {
    return this.#console.system || this.#nothingToBoot !== undefined || this.#crash !== undefined;
  }

  #died(): GuestDied | undefined {
    const died = (how: GuestDied["how"], line: string): GuestDied => ({ kind: "guest died", how, line });
    if (this.#crash !== undefined) return died("emulator", this.#crash);
    if (this.#restarts >= LOOP) return died("restarts", this.#before);
    if (this.#console.died) return this.#console.died;
    if (this.#nothingToBoot !== undefined) return died("nothing to boot", this.#nothingToBoot);
    if (this.#expected.shell && this.#silence >= SILENT_S && !this.#console.shell)
      return died("silent", this.#console.last);
    return undefined;
  }

  get #startedBefore(): boolean {
    return this.#firmware.foundStarted && this.#expected.tpmGoesOn?.() === true;
  }

  get #log(): Uint8Array {
    this.#logBytes ??= this.#readLog();
    return this.#logBytes;
  }

  /** What has been seen of log and PCRs; undefined while they cannot be compared. */
  get #comparison(): ReplayResult | undefined {
    if (!this.#banks || this.#behind) return undefined;
    this.#replayed ??= checkReplay(this.#log, this.#banks, this.#extends);
    return this.#replayed;
  }

  /** The firmware's part is done: what the system and its user extend later is no matter of this boot. */
  #seal(): void {
    if (this.#sealed || !this.#firmware.complete) return;
    const { differs, log } = this.#comparison ?? {};
    if (log && !differs) this.#sealed = this.#log.slice(0, log.end);
  }

  #differs(): LogDiffers | undefined {
    const sealed = this.#sealed;
    if (sealed && !equalBytes(this.#log.slice(0, sealed.length), sealed))
      return { kind: "log does not replay", reason: "the log was changed after the firmware had written it" };
    // Log and commands do not come in step; and a boot that was given up has said all there is to say.
    if (!this.#firmware.over || this.#firmware.gaveUp) return undefined;
    return this.#comparison?.differs;
  }

  #missing(): string | undefined {
    const firmware = this.#firmware;
    if (!firmware.commands) return "the firmware has not used the TPM yet";
    if (!firmware.extends) return "the firmware has started the TPM, and has measured nothing yet";
    if (!firmware.complete) return `the firmware has measured into PCR ${numbers(firmware.extended)} so far`;
    const comparison = this.#comparison;
    if (!comparison) return "the PCRs have not been read since the firmware's last measurement";
    if (comparison.differs) return "the event log and the PCRs have not been seen to agree yet";
    return undefined;
  }

  #checks(): string[] {
    const { commands, systemCommands } = this.#firmware;
    const { log, explained = [], banks = [] } = this.#comparison ?? {};
    return [
      `The firmware sent ${commands} commands, the TPM answered, and nothing was switched off.`,
      `The firmware has measured into all of PCR 0–7.`,
      `Replayed, the ${log?.events.length ?? 0} events of the log give the TPM's values of PCR ${numbers(explained)} (${banks.join(", ")}).`,
      ...(systemCommands ? ["The operating system uses the TPM."] : []),
    ];
  }
}

/** Whether the text's characters stand one after another among the bytes. */
function contains(bytes: Uint8Array, text: string): boolean {
  const wanted = Array.from(text, (character) => character.charCodeAt(0));
  for (
    let at = bytes.indexOf(wanted[0] as number);
    at >= 0;
    at = bytes.indexOf(wanted[0] as number, at + 1)
  ) {
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
