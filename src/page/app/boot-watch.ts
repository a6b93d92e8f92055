/** Follows each boot of the page: what is known of it goes into the page's state, and what went wrong into notices. */
import { BootCheck, bootReport, type Trouble } from "../boot-check/index.ts";
import type { Notice, PageStore } from "../model/model.ts";
import { saveFile } from "../ui/parts/save-file.ts";
import { BootFeed } from "./boot-feed.ts";
import type { MachineParts } from "./machine.ts";
import type { Notices } from "./notices.ts";
import type { SerialPort } from "./serial-port.ts";
import { bootTrouble } from "./troubles.ts";

/** A verdict that changes with every command need not be drawn with every command. */
const GATHER_MS = 100;
/** Lines of the firmware's log that are kept for a report. */
const MOST_LINES = 2000;

export class BootWatch {
  readonly #store: PageStore;
  readonly #serial: SerialPort;
  readonly #notices: Notices;
  readonly #bootAgain: () => void;
  #check = new BootCheck();
  #firmwareLog: string[] = [];
  #userResets = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** What was told of, by notice. */
  readonly #told = new Map<string, string>();

  constructor(store: PageStore, serial: SerialPort, notices: Notices, bootAgain: () => void) {
    this.#store = store;
    this.#serial = serial;
    this.#notices = notices;
    this.#bootAgain = bootAgain;
  }

  /**
   * Follows a machine that has not run yet.
   * @param from `saved` for one that does not boot.
   * @returns ends it.
   */
  follow({ tpm, bus, uefi }: MachineParts, from: "power-on" | "saved"): () => void {
    const { images } = this.#store.state.settings;
    // What another disk or initrd does is not known.
    this.#check = new BootCheck({
      shell: Object.keys(images).length === 0,
      firmware: uefi ? "uefi" : "bios",
      tpmGoesOn: () => tpm.status.capabilities?.reset === false,
    });
    this.#firmwareLog = [];
    this.#check.take({ type: "start", from });
    const changed = () => {
      this.#timer ??= setTimeout(() => this.#show(), GATHER_MS);
    };
    const feed = new BootFeed(this.#check, { tpm, machine: bus }, changed, () => this.#resetBy());
    const decoder = new TextDecoder();
    const ends = [
      () => feed.end(),
      bus.onFirmwareLog((line) => {
        if (this.#firmwareLog.length < MOST_LINES) this.#firmwareLog.push(line);
      }),
      this.#serial.onData((bytes) => feed.heard(decoder.decode(bytes, { stream: true }))),
    ];
    this.#show();
    return () => {
      for (const end of ends) end();
      if (this.#timer !== undefined) this.#show();
    };
  }

  /** The reset that comes next is the user's. */
  userResets(): void {
    this.#userResets = true;
  }

  /** There is no machine any more, nor anything to say of its boot. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const id of this.#told.keys()) this.#notices.dismiss(id);
    this.#told.clear();
    this.#store.update({ boot: undefined });
  }

  #resetBy(): "user" | "guest" {
    // What the boot before has said is still its own.
    this.#serial.flush();
    const by = this.#userResets ? "user" : "guest";
    this.#userResets = false;
    this.#firmwareLog = [];
    return by;
  }

  #show(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { verdict, measurement, troubles, tpmTroubles } = this.#check;
    const boot = { verdict, measurement, troubles, tpmTroubles };
    if (JSON.stringify(boot) === JSON.stringify(this.#store.state.boot)) return;
    this.#store.update({ boot });
    // The emulator's end is told by who ends the machine.
    this.#tell(
      "guest",
      troubles.find((one) => one.kind === "guest died" && one.how !== "emulator"),
    );
    // A TPM that has failed has a notice of its own, which says more.
    this.#tell("measurement", this.#store.state.tpm?.phase === "failed" ? undefined : tpmTroubles[0]);
  }

  #tell(id: string, trouble: Trouble | undefined): void {
    const text = trouble && JSON.stringify(trouble);
    if (text === this.#told.get(id)) return;
    if (!trouble) {
      this.#told.delete(id);
      this.#notices.dismiss(id);
      return;
    }
    this.#told.set(id, text as string);
    this.#notices.show(bootTrouble(id, trouble, this.actions));
  }

  /** What can be done about a boot that went wrong. */
  get actions(): Notice["actions"] {
    return [
      { label: "Boot again", run: this.#bootAgain },
      { label: "Save a report", run: () => this.#save() },
    ];
  }

  #save(): void {
    const { commands, tpm, machine, settings, pcrs, log } = this.#store.state;
    const report = bootReport({
      verdict: this.#check.verdict,
      troubles: this.#check.troubles,
      facts: [
        ["Boots", machine.label ?? ""],
        ["TPM", `${settings.tpm}, ${tpm?.phase ?? "none"}: ${tpm?.message ?? ""}`],
        ["Backend", tpm?.backendLabel ?? ""],
        ["Device", `${tpm?.placement ?? ""} ${tpm?.placementReason ?? ""}`.trim()],
        ["Kernel", `${settings.kernel}, command line ${settings.cmdline ?? "as usual"}`],
        ["Memory", `${settings.memory} MiB`],
        ["Browser", navigator.userAgent],
      ],
      commands,
      firmwareLog: this.#firmwareLog,
      console: this.#serial.text,
      pcrs,
      log: log?.bytes ?? new Uint8Array(),
    });
    const name = new Date().toISOString().slice(0, 19).replaceAll(":", "-");
    saveFile(`boot-report-${name}.txt`, new TextEncoder().encode(report), "text/plain");
  }
}
