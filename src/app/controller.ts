/** Carries out what the user asks for: makes machines, ends them, and turns every failure into words with a next step. */
import type { Failure } from "../backend/failure.ts";
import { probeBridge } from "../backend/websocket.ts";
import { INTERFACES, whyNotInterface } from "../interfaces/interfaces.ts";
import { machineName } from "../page-model/machine-name.ts";
import type { BootSettings, PageActions, PageStore, PreviousBoot, Theme } from "../page-model/model.ts";
import { type Choice, NOTHING_SELECTED, selectionOf } from "../page-model/selection.ts";
import { PreparedError } from "../session/prepared.ts";
import { takeSnapshot } from "../session/snapshot.ts";
import type { Tpm } from "../session/tpm.ts";
import { bridgeUrls } from "../session/tpm.ts";
import type { TpmHandle } from "../session/types.ts";
import type { TracedMachine } from "../trace/index.ts";
import { paneOf } from "../ui/shell/panes.ts";
import { applyTheme } from "../ui/shell/theme.ts";
import { MachineInUseError } from "../vault/index.ts";
import type { MachineRecord, MachineSnapshot } from "../vault/types.ts";
import { showAddress } from "./address.ts";
import { Attempts } from "./attempts.ts";
import { benchTpm } from "./bench.ts";
import { loadBootImages, loadHiddenMachine } from "./boot-images.ts";
import { BootWatch } from "./boot-watch.ts";
import { watchDrives } from "./drive-watch.ts";
import { Files } from "./files.ts";
import { goOn, putBack, SnapshotError, startNotice } from "./going-on.ts";
import { ImageCatalogue } from "./image-catalogue.ts";
import { Lessons } from "./lessons.ts";
import { type LinkGuard, LinkRefusedError } from "./link-guard.ts";
import type { MachineParts } from "./machine.ts";
import { Machines } from "./machines.ts";
import { Notices } from "./notices.ts";
import { DEFAULT_SETTINGS, parametersOf } from "./options.ts";
import { makePreviousBoot, storeBoot } from "./previous-boot.ts";
import { Recordings } from "./recordings.ts";
import type { SerialPort } from "./serial-port.ts";
import * as troubles from "./troubles.ts";
import { watchTpm } from "./watch-tpm.ts";

/** The reason under which the session holds the machine during a reset. */
const RESET_HOLD = "TPM reset";

/** How a machine is started, besides by its settings. */
interface BootKind {
  /** Where it goes on; without it, it boots. */
  snapshot?: MachineSnapshot;
  /** Take it over from another tab. */
  steal?: boolean;
}

export class PageController implements PageActions {
  readonly notices: Notices;
  readonly images: ImageCatalogue;
  readonly files: Files;
  readonly recordings: Recordings;
  readonly lessons: Lessons;
  readonly machines: Machines;
  readonly #boots: BootWatch;
  readonly #store: PageStore;
  readonly #serial: SerialPort;
  readonly #link: LinkGuard;
  /** The bridge that the machine made last may use. */
  #bridge: string | undefined;
  #machine: MachineParts | undefined;
  /** A TPM without a machine. */
  #bench: TpmHandle | undefined;
  #ends: (() => void)[] = [];
  /** A boot that is overtaken by another gives up. */
  readonly #attempts = new Attempts();
  #paused = false;
  /** From a reset of the machine until its TPM has been through its power cycle. */
  #resetting = false;

  constructor(store: PageStore, serial: SerialPort, link: LinkGuard) {
    this.#store = store;
    this.#serial = serial;
    this.#link = link;
    this.notices = new Notices(store);
    this.#boots = new BootWatch(store, serial, this.notices, () => this.boot());
    this.files = new Files(store);
    this.recordings = new Recordings(store, serial, this.notices, this.files);
    this.images = new ImageCatalogue(store, this.notices, () => this.boot());
    this.lessons = new Lessons(store, this);
    this.machines = new Machines(store, this.notices, {
      capture: () => this.#capture(),
      start: (settings, snapshot) => this.#startFrom(settings, snapshot),
      leave: (machine) => this.#leave(machine),
    });
  }

  get tpm(): TpmHandle | undefined {
    return this.#machine?.tpm ?? this.#bench;
  }

  /** Resolves when the machine asked for last runs and its TPM is powered on. */
  get ready(): Promise<void> {
    return this.#attempts.ready;
  }

  boot(): void {
    this.#begin({});
  }

  #begin(how: BootKind): void {
    const attempt = this.#attempts.next();
    this.#attempts.expectReady();
    this.#boot(attempt, how).then(
      () => this.#attempts.settle(undefined, attempt),
      (error: Error) => {
        if (this.#attempts.isLast(attempt)) this.#bootFailed(error);
        this.#attempts.settle(error, attempt);
      },
    );
  }

  async #boot(attempt: number, { snapshot, steal = false }: BootKind): Promise<void> {
    this.#store.update({
      machine: { ...this.#store.state.machine, phase: "loading", step: "looking for images", holds: [] },
    });
    this.notices.dismiss("boot", "tpm", "tpm-moved", "crash", "kernel", "prepared", "not-kept");
    const unavailable = await this.#settleLink();
    if (!this.#attempts.isLast(attempt)) return;
    await this.#endMachine();
    const { settings } = this.#store.state;
    const kept = await this.#openKept(settings, steal, unavailable);
    // The emulator is half of the page's code, and nobody needs it before the first boot.
    const code = import("./machine.ts");
    const hidden = this.#needsHiddenMachine(settings.backend);
    for (const early of [code, hidden]) early.catch(() => undefined); // told where they are waited for
    const manifest = await this.images.read();
    const load: BootSettings = snapshot ? { ...settings, start: "power-on" } : settings;
    const images = await loadBootImages(manifest, load, hidden, (step, progress) =>
      this.#loading(attempt, step, progress),
    );
    if (!this.#attempts.isLast(attempt)) return;
    this.#loading(attempt, startStep(settings, images.hidden !== undefined));
    const { createMachine } = await code;
    const where = { bridge: this.#bridge, keep: kept?.keep };
    const machine = await createMachine(images, settings, where, (tpm, bus) => this.#watch(tpm, bus));
    if (!this.#attempts.isLast(attempt)) return machine.close();
    if (snapshot || images.prepared) this.#loading(attempt, "putting the machine where it goes on");
    if (snapshot) await putBack(machine, snapshot);
    else if (images.prepared) await goOn(machine, images.prepared);
    if (!this.#attempts.isLast(attempt)) return machine.close();
    kept?.begun();
    this.#start(machine, images.label, snapshot || images.prepared ? "saved" : "power-on");
    if (!snapshot) this.#sayHowItStarted(settings, images.prepared !== undefined);
  }

  /**
   * Asks the owner about what the address wants, where there is something to ask.
   * @returns why the machine that is to boot cannot be kept, when that is known by then.
   * @throws {LinkRefusedError}
   */
  async #settleLink(): Promise<Error | undefined> {
    const machine = machineName(this.#store.state);
    const settled = this.#link.throwAway || this.#link.trusts(machine);
    const kept = settled ? undefined : await this.machines.settingsWithTpm(machine);
    const unknown = kept instanceof Error;
    const now = parametersOf(this.#store.state.settings);
    await this.#link.settle({ machine, now, kept: unknown ? "unknown" : kept });
    this.#bridge = this.#link.bridgeFor(machine);
    showAddress(this.#store.state, this.#link);
    return unknown ? kept : undefined;
  }

  /** Undefined for a machine of which nothing is kept. */
  async #openKept(settings: BootSettings, steal: boolean, unavailable: Error | undefined) {
    const retry = () => this.boot();
    if (this.#link.throwAway) return this.machines.openThrowAway(() => this.#leaveLink());
    if (unavailable) return this.machines.openUnkept(unavailable, retry);
    return this.machines.open(settings, steal, retry);
  }

  /** What the address wanted is over: the page boots the usual machine as it boots by hand. */
  #leaveLink(): void {
    this.#forgetLink();
    this.boot();
  }

  #forgetLink(): void {
    this.#link.over();
    const { settings } = this.#store.state;
    const files = Object.entries(settings.images).filter(([, image]) => image.kind === "file");
    this.change({
      ...DEFAULT_SETTINGS,
      tpm: settings.tpm,
      cmdline: undefined,
      images: Object.fromEntries(files),
    });
  }

  #sayHowItStarted(settings: BootSettings, prepared: boolean): void {
    // A prepared shell has printed its prompt long ago: another one shows that it is there.
    if (prepared) this.#serial.send("\n");
    const notice = startNotice(settings, this.#store.state.images, prepared, () => this.#bootFromPowerOn());
    if (notice) this.notices.show(notice);
  }

  #bootFromPowerOn(): void {
    this.change({ start: "power-on" });
    this.boot();
  }

  async #capture() {
    if (!this.#machine) throw new SnapshotError("there is no machine to take a snapshot of: boot it first");
    return takeSnapshot(this.#machine);
  }

  #startFrom(settings: BootSettings, snapshot?: MachineSnapshot): Promise<void> {
    this.#link.choose(machineName(this.#store.state), parametersOf(settings));
    this.change(settings);
    this.#begin(snapshot ? { snapshot } : {});
    return this.ready;
  }

  /** Another tab has asked for this machine: it ends here, with everything saved. */
  async #leave({ name }: MachineRecord): Promise<void> {
    this.#attempts.next();
    await this.#endMachine();
    this.#store.update({ machine: { ...this.#store.state.machine, phase: "off", holds: [] } });
    this.notices.show(troubles.takenOver(name, () => this.#begin({ steal: true })));
  }

  /** Native swtpm is the quicker one; without a bridge there is only the hidden machine. */
  async #needsHiddenMachine(backend: BootSettings["backend"]): Promise<boolean> {
    if (backend !== "auto") return backend === "hidden";
    const probes = await Promise.all(bridgeUrls(this.#bridge).map((url) => probeBridge(url)));
    return !probes.some(({ found }) => found);
  }

  #loading(attempt: number, step: string, progress?: number): void {
    if (!this.#attempts.isLast(attempt)) return;
    const { boots, label } = this.#store.state.machine;
    this.#store.update({
      machine: {
        phase: "loading",
        step,
        holds: [],
        boots,
        ...(label !== undefined && { label }),
        ...(progress !== undefined && { progress }),
      },
    });
  }

  #watch(tpm: TpmHandle, bus?: TracedMachine): void {
    this.#ends.push(
      this.#store.state.recorder.attach(tpm, bus),
      watchTpm(tpm, this.#store, () => this.#keepBoot()),
      tpm.on("status", ({ phase, failure }) => {
        if (failure) this.#tpmFailed(failure);
        else if (phase === "ready") this.notices.dismiss("tpm");
      }),
      tpm.on("reset", () => {
        if (tpm.presence.overwritten) this.notices.show(troubles.memoryOverwritten());
        else this.notices.dismiss("memory-overwritten");
      }),
      tpm.on("notice", (message) => this.notices.show(troubles.tpmMoved(message))),
    );
  }

  #start(machine: MachineParts, label: string, from: "power-on" | "saved"): void {
    this.#machine = machine;
    const { emulator, bus } = machine;
    this.#serial.connect(emulator);
    this.#ends.push(
      this.#boots.follow(machine, from),
      bus.onReset(() => this.#machineReset()),
      bus.onHoldsChange((holds) => this.#holds(holds)),
      bus.onCrash((error) => this.#crashed(error)),
      watchDrives(machine.drives, bus, this.notices, () => this.boot()),
    );
    const { settings, machine: info, panes } = this.#store.state;
    this.#store.update({
      screen: machine.screen,
      machine: { phase: "running", holds: bus.holds, label, boots: info.boots + 1 },
    });
    if (panes.left === "machine") {
      const shown = settings.bootMenu || !label.startsWith("Linux") ? "screen" : "serial";
      this.#store.update({ panes: { ...panes, left: shown } });
    }
    bus.resume();
  }

  #holds(holds: readonly string[]): void {
    const { machine } = this.#store.state;
    if (machine.phase !== "running" && machine.phase !== "paused") return;
    this.#resetOver(holds);
    const phase = this.#paused ? "paused" : "running";
    const now = { machine: { ...machine, phase, holds } } as const;
    // A command that takes its time is the guest's doing, and over soon.
    if (phase === machine.phase) this.#store.news(now);
    else this.#store.update(now);
  }

  openBench(): void {
    const attempt = this.#attempts.next();
    this.#openBench(attempt).catch((error: Error) => {
      if (!this.#attempts.isLast(attempt)) return;
      this.#endMachine().catch(() => undefined); // it has failed already
      this.notices.show(troubles.noBench(error, () => this.openBench()));
    });
  }

  async #openBench(attempt: number): Promise<void> {
    this.notices.dismiss("boot", "tpm", "crash", "bench", "not-kept");
    await this.#link.settle({ now: {} });
    if (!this.#attempts.isLast(attempt)) return;
    this.#bridge = this.#link.bridgeFor(undefined);
    await this.#endMachine();
    const { settings, machine } = this.#store.state;
    const { label: _, ...off } = machine;
    this.#store.update({ bench: "opening", machine: { ...off, phase: "off", holds: [] } });
    const hidden = (await this.#needsHiddenMachine(settings.backend))
      ? await loadHiddenMachine(await this.images.read())
      : undefined;
    if (!this.#attempts.isLast(attempt)) return;
    const tpm = benchTpm({ settings, bridge: this.#bridge, hidden });
    this.#bench = tpm;
    this.#watch(tpm);
    // Nothing else goes on: the reader may look at what was done at any time.
    this.#ends.push(this.#store.state.recorder.arm());
    await tpm.ready;
    if (this.#attempts.isLast(attempt)) this.#store.update({ bench: "open" });
  }

  pause(): void {
    this.#paused = true;
    this.#machine?.bus.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#machine?.bus.resume();
  }

  reset(): void {
    if (!this.#machine) {
      // The status tells how a power cycle went.
      if (this.#bench) this.#bench.reset().catch(() => undefined);
      else this.boot();
      return;
    }
    const { bus, tpm } = this.#machine;
    const attempt = this.#attempts.next();
    this.#attempts.expectReady();
    this.#boots.userResets();
    this.resume();
    const { backend } = this.#store.state.settings;
    if (backend === "auto" || backend === tpm.status.backend) {
      bus.reset();
      return;
    }
    this.#swapBackend(tpm, backend).then(
      () => {
        if (this.#attempts.isLast(attempt)) bus.reset();
      },
      (error: Error) => {
        if (this.#attempts.isLast(attempt)) this.#swapFailed(error);
        this.#attempts.settle(error, attempt);
      },
    );
  }

  /** From the next reset on, the TPM runs where the settings want it. */
  async #swapBackend(tpm: Tpm, backend: "bridge" | "hidden"): Promise<void> {
    const bridge = this.#bridge !== undefined ? { bridge: this.#bridge } : {};
    tpm.useBackend(
      backend === "hidden" ? { hidden: await loadHiddenMachine(await this.images.read()) } : bridge,
    );
  }

  #swapFailed(error: Error): void {
    this.notices.show(troubles.notMoved(error, () => this.reset()));
  }

  requestPresence(operation: number): void {
    try {
      this.tpm?.requestPresence(operation);
    } catch (error) {
      this.notices.show(troubles.notAsked(error as Error));
    }
  }

  reconnect(): void {
    this.notices.dismiss("tpm");
    if (this.#machine) this.reset();
    else this.boot();
  }

  /** The guest, the page or a script has reset the machine: what was measured so far is the boot before, now. */
  #machineReset(): void {
    this.#resetting = true;
    this.#keepBoot();
    this.notices.dismiss("prepared");
    this.#serial.started();
    const { machine } = this.#store.state;
    this.#store.update({ machine: { ...machine, boots: machine.boots + 1 } });
    this.#resetOver(this.#machine?.bus.holds ?? []);
  }

  /** The session holds the machine until the TPM has been through its power cycle. */
  #resetOver(holds: readonly string[]): void {
    const { tpm } = this.#machine ?? {};
    if (!tpm || !this.#resetting || holds.includes(RESET_HOLD)) return;
    this.#resetting = false;
    const { phase, message } = tpm.status;
    this.#attempts.settle(phase === "failed" ? new Error(message) : undefined);
  }

  /** Keeps the last boot's log to compare the next one with. */
  #keepBoot(): void {
    const previous = this.storeBoot();
    if (previous) this.#store.update({ previous, log: undefined, pcrs: [], changedPcrs: new Set() });
  }

  /** Keeps the boot as it stands for the page that is opened next in this tab, e.g. by a reload. */
  storeBoot(): PreviousBoot | undefined {
    const { log, pcrs, machine, replay } = this.#store.state;
    if (replay || !log?.log.events.length) return undefined;
    const boot = makePreviousBoot(log.bytes, pcrs, machine.label ?? "", Date.now());
    storeBoot(log.bytes, boot);
    return boot;
  }

  async #endMachine(): Promise<void> {
    this.recordings.stop();
    this.#keepBoot();
    for (const end of this.#ends.splice(0)) end();
    this.#boots.forget();
    const machine = this.#machine;
    const bench = this.#bench;
    this.#machine = undefined;
    this.#bench = undefined;
    this.#paused = false;
    this.#resetting = false;
    this.#store.update({
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

  #bootFailed(error: Error): void {
    const { machine } = this.#store.state;
    if (error instanceof LinkRefusedError) {
      this.#store.update({ machine: { ...machine, phase: "off", holds: [] } });
      this.#forgetLink();
      return;
    }
    this.#store.update({ machine: { ...machine, phase: "failed", holds: [] } });
    const action =
      error instanceof MachineInUseError
        ? { label: "Take it over", run: () => this.#begin({ steal: true }) }
        : error instanceof PreparedError
          ? { label: "Boot from power-on", run: () => this.#bootFromPowerOn() }
          : { label: "Try again", run: () => this.boot() };
    this.notices.show(troubles.notStarted(error, action));
  }

  #tpmFailed(failure: Failure): void {
    // A machine that is still being made says so itself.
    if (!this.#machine) return;
    this.notices.show(troubles.tpmFailed(failure, () => this.reconnect()));
  }

  #crashed(error: Error): void {
    const { machine } = this.#store.state;
    this.#store.update({ machine: { ...machine, phase: "failed", holds: [] } });
    this.notices.show(troubles.emulatorStopped(error, this.#boots.actions));
  }

  change(settings: Partial<BootSettings>): void {
    const wanted = { ...this.#store.state.settings, ...settings };
    const why = whyNotInterface(INTERFACES[wanted.interface], wanted.tpm);
    if (why) this.notices.show(troubles.otherInterface(why));
    else this.notices.dismiss("interface");
    this.#store.update({ settings: why ? { ...wanted, interface: DEFAULT_SETTINGS.interface } : wanted });
    showAddress(this.#store.state, this.#link);
  }

  showPane(id: string): void {
    const pane = paneOf(id);
    if (!pane) return;
    const { panes } = this.#store.state;
    this.#store.update({ panes: { ...panes, [pane.side]: id, front: pane.side } });
    showAddress(this.#store.state, this.#link);
  }

  select(choice: Choice | undefined): void {
    this.#store.update(selectionOf(this.#store.state, choice));
  }

  selectBank(algorithm: string): void {
    this.#store.update({ bank: algorithm });
  }

  setTheme(theme: Theme): void {
    applyTheme(theme);
    this.#store.update({ theme });
  }

  dismiss(noticeId: string): void {
    this.notices.dismiss(noticeId);
  }

  sendSerial(text: string): void {
    this.#serial.send(text);
  }

  grabKeyboard(grabbed: boolean): void {
    this.#machine?.emulator.keyboard_set_enabled(grabbed);
    this.#machine?.emulator.mouse_set_enabled(grabbed);
  }
}

/** What happens while a TPM is started, and why it may take long. */
function startStep({ tpm }: BootSettings, hidden: boolean): string {
  if (tpm === "2.0" || !hidden) return "starting the TPM";
  return "starting the TPM 1.2, which first makes its RSA keys (about 20 seconds in this page)";
}
