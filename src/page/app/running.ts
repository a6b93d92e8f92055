/** What runs in the page, from its start to its end with all resets between: a machine with its TPM, or a TPM alone. */
import type { Failure } from "../../backend/failure.ts";
import type { TracedMachine } from "../../session/trace/index.ts";
import type { TpmHandle } from "../../session/types.ts";
import type { PageStore, PreviousBoot } from "../model/model.ts";
import { NOTHING_SELECTED } from "../model/selection.ts";
import { watchTpm } from "../model/watch-tpm.ts";
import type { BootWatch } from "./boot-watch.ts";
import { watchDrives } from "./drive-watch.ts";
import type { MachineParts } from "./machine.ts";
import type { Notices } from "./notices.ts";
import { makePreviousBoot, storeBoot } from "./previous-boot.ts";
import type { Recordings } from "./recordings.ts";
import type { SerialPort } from "./serial-port.ts";
import * as troubles from "./troubles.ts";
import type { Variables } from "./variables.ts";

/** The reason under which the session holds the machine during a reset. */
const RESET_HOLD = "TPM reset";

/** Who shows what the machine does. */
export interface Watchers {
  store: PageStore;
  serial: SerialPort;
  notices: Notices;
  recordings: Recordings;
  variables: Variables;
  boots: BootWatch;
}

export interface RunningHooks {
  /** Boots anew. */
  boot(): void;
  /** Power-cycles a failed TPM. */
  reconnect(): void;
  /** A reset is over, the TPM's power cycle included; `error` says why the TPM did not come back. */
  resetOver(error?: Error): void;
}

export class Running {
  readonly #watchers: Watchers;
  readonly #hooks: RunningHooks;
  #machine: MachineParts | undefined;
  #bench: TpmHandle | undefined;
  #ends: (() => void)[] = [];
  #paused = false;
  /** From a reset of the machine until its TPM has been through its power cycle. */
  #resetting = false;

  constructor(watchers: Watchers, hooks: RunningHooks) {
    this.#watchers = watchers;
    this.#hooks = hooks;
  }

  get machine(): MachineParts | undefined {
    return this.#machine;
  }

  /** A TPM without a machine. */
  get bench(): TpmHandle | undefined {
    return this.#bench;
  }

  get tpm(): TpmHandle | undefined {
    return this.#machine?.tpm ?? this.#bench;
  }

  /** Shows what a TPM does: of a machine that is being made already, since its first commands come before it runs. */
  watch(tpm: TpmHandle, bus?: TracedMachine): void {
    const { store, notices } = this.#watchers;
    this.#ends.push(
      store.state.recorder.attach(tpm, bus),
      watchTpm(tpm, store, () => this.#keepBoot()),
      tpm.on("status", ({ phase, failure }) => {
        if (failure) this.#tpmFailed(failure);
        else if (phase === "ready") notices.dismiss("tpm");
      }),
      tpm.on("reset", () => {
        if (tpm.presence.overwritten) notices.show(troubles.memoryOverwritten());
        else notices.dismiss("memory-overwritten");
      }),
      tpm.on("notice", (message) => notices.show(troubles.tpmMoved(message))),
    );
  }

  /** Lets a machine run that stands ready. */
  start(machine: MachineParts, label: string, from: "power-on" | "saved"): void {
    const { store, serial, boots, variables, notices } = this.#watchers;
    this.#machine = machine;
    const { emulator, bus } = machine;
    serial.connect(emulator);
    this.#ends.push(
      boots.follow(machine, from),
      bus.onReset(() => this.#machineReset()),
      bus.onHoldsChange((holds) => this.#holds(holds)),
      bus.onCrash((error) => this.#crashed(error)),
      machine.uefi ? variables.follow(machine.uefi) : () => undefined,
      watchDrives(machine.drives, bus, notices, () => this.#hooks.boot()),
    );
    const { settings, machine: info, panes } = store.state;
    store.update({
      screen: machine.screen,
      machine: {
        phase: "running",
        holds: bus.holds,
        label,
        boots: info.boots + 1,
        ...(from === "saved" && { resumed: true }),
      },
    });
    if (panes.left === "machine") {
      const shown = settings.bootMenu || !label.startsWith("Linux") ? "screen" : "serial";
      store.update({ panes: { ...panes, left: shown } });
    }
    bus.resume();
  }

  putOnBench(tpm: TpmHandle): void {
    this.#bench = tpm;
    this.watch(tpm);
    // Nothing else goes on: the reader may look at what was done at any time.
    this.#ends.push(this.#watchers.store.state.recorder.arm());
  }

  pause(): void {
    this.#paused = true;
    this.#machine?.bus.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#machine?.bus.resume();
  }

  /** Ends what runs, and what shows it. @throws when it cannot be ended as it should; it is over all the same. */
  async end(): Promise<void> {
    const { store, recordings, boots } = this.#watchers;
    recordings.stop();
    this.#keepBoot();
    for (const end of this.#ends.splice(0)) end();
    boots.forget();
    const machine = this.#machine;
    const bench = this.#bench;
    this.#machine = undefined;
    this.#bench = undefined;
    this.#paused = false;
    this.#resetting = false;
    store.update({
      handle: undefined,
      presence: undefined,
      tpm: undefined,
      interface: undefined,
      screen: undefined,
      ...NOTHING_SELECTED,
      bench: "closed",
    });
    await bench?.close();
    await machine?.close();
  }

  /** Keeps the boot as it stands for the page that is opened next in this tab, e.g. by a reload. */
  storeBoot(): PreviousBoot | undefined {
    const { log, pcrs, machine, replay } = this.#watchers.store.state;
    if (replay || !log?.log.events.length) return undefined;
    const boot = makePreviousBoot(log.bytes, pcrs, machine.label ?? "", Date.now());
    storeBoot(log.bytes, boot);
    return boot;
  }

  /** Keeps the last boot's log to compare the next one with. */
  #keepBoot(): void {
    const previous = this.storeBoot();
    if (previous) {
      this.#watchers.store.update({ previous, log: undefined, pcrs: [], changedPcrs: new Set() });
    }
  }

  #holds(holds: readonly string[]): void {
    const { store } = this.#watchers;
    const { machine } = store.state;
    if (machine.phase !== "running" && machine.phase !== "paused") return;
    this.#resetOver(holds);
    const phase = this.#paused ? "paused" : "running";
    const now = { machine: { ...machine, phase, holds } } as const;
    // A command that takes its time is the guest's doing, and over soon.
    if (phase === machine.phase) store.news(now);
    else store.update(now);
  }

  /** The guest, the page or a script has reset the machine: what was measured so far is the boot before, now. */
  #machineReset(): void {
    const { store, notices, serial } = this.#watchers;
    this.#resetting = true;
    this.#keepBoot();
    notices.dismiss("prepared");
    serial.started();
    const { resumed: _, ...machine } = store.state.machine;
    store.update({ machine: { ...machine, boots: machine.boots + 1 } });
    this.#resetOver(this.#machine?.bus.holds ?? []);
  }

  /** The session holds the machine until the TPM has been through its power cycle. */
  #resetOver(holds: readonly string[]): void {
    const { tpm } = this.#machine ?? {};
    if (!tpm || !this.#resetting || holds.includes(RESET_HOLD)) return;
    this.#resetting = false;
    const { phase, message } = tpm.status;
    this.#hooks.resetOver(phase === "failed" ? new Error(message) : undefined);
  }

  #tpmFailed(failure: Failure): void {
    // A machine that is still being made says so itself.
    if (!this.#machine) return;
    this.#watchers.notices.show(troubles.tpmFailed(failure, () => this.#hooks.reconnect()));
  }

  #crashed(error: Error): void {
    const { store, notices, boots } = this.#watchers;
    store.update({ machine: { ...store.state.machine, phase: "failed", holds: [] } });
    notices.show(troubles.emulatorStopped(error, boots.actions));
  }
}
