/** Carries out what the user asks for: makes machines, ends them, and turns every failure into words with a next step. */
import { probeBridge } from "../../backend/websocket.ts";
import { INTERFACES, whyNotInterface } from "../../device/interfaces/interfaces.ts";
import { bridgeUrls } from "../../session/backend-target.ts";
import { heldFor } from "../../session/bus.ts";
import type { ImageManifest } from "../../session/images/manifest.ts";
import { PreparedError } from "../../session/prepared.ts";
import type { Tpm } from "../../session/tpm.ts";
import type { TpmHandle } from "../../session/types.ts";
import { MachineInUseError } from "../../session/vault/index.ts";
import type { MachineRecord, MachineSnapshot } from "../../session/vault/types.ts";
import { machineName } from "../model/machine-name.ts";
import type { BootSettings, PageActions, PageStore, Theme } from "../model/model.ts";
import { type Choice, selectionOf } from "../model/selection.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { paneOf } from "../ui/shell/panes.ts";
import { applyTheme } from "../ui/shell/theme.ts";
import { showAddress } from "./address.ts";
import { Attempts } from "./attempts.ts";
import { BootWatch } from "./boot-watch.ts";
import { Files } from "./files.ts";
import { goOn, putBack, SnapshotError, startNotice } from "./going-on.ts";
import { ImageCatalogue } from "./image-catalogue.ts";
import { OtherDiskError } from "./kept-disks.ts";
import { Lessons } from "./lessons.ts";
import { type LinkGuard, LinkRefusedError } from "./link-guard.ts";
import { Machines } from "./machines.ts";
import { manifestUrl } from "./manifest.ts";
import { Notices } from "./notices.ts";
import { offline } from "./offline/offline.ts";
import { parametersOf } from "./options.ts";
import { Recordings } from "./recordings.ts";
import { Running } from "./running.ts";
import type { SerialPort } from "./serial-port.ts";
import * as troubles from "./troubles.ts";
import { NoVariablesError, toBootWith, Variables } from "./variables.ts";
import { bootAnew, type Work } from "./work.ts";

/** What loads images is loaded itself when something is to start: no first view waits for it. */
const bootImages = () => import("./boot-images.ts");
const hiddenMachine = async (manifest: ImageManifest) =>
  (await import("../../session/images/hidden.ts")).fetchHidden(manifest, manifestUrl());

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
  readonly variables: Variables;
  readonly #boots: BootWatch;
  readonly #running: Running;
  readonly #store: PageStore;
  readonly #serial: SerialPort;
  readonly #link: LinkGuard;
  readonly #work: Work;
  /** The bridge that the machine made last may use. */
  #bridge: string | undefined;
  /** A boot that is overtaken by another gives up. */
  readonly #attempts = new Attempts();

  /** @param work what a person is asked about before a notice's button ends a guest */
  constructor(store: PageStore, serial: SerialPort, link: LinkGuard, work: Work) {
    this.#store = store;
    this.#work = work;
    this.#serial = serial;
    this.#link = link;
    this.notices = new Notices(store);
    this.#boots = new BootWatch(store, serial, this.notices, () => this.boot());
    this.files = new Files(store);
    this.recordings = new Recordings(store, serial, this.notices, this.files);
    this.images = new ImageCatalogue(store, this.notices, {
      usual: () => this.machines.usualKernel(),
      takeSmall: () => bootAnew(this, work, () => this.#takeSmallKernel()),
    });
    this.lessons = new Lessons(store, this);
    this.machines = new Machines(store, this.notices, {
      capture: () => this.#capture(),
      start: (settings, snapshot) => this.#startFrom(settings, snapshot),
      standStill: (reason, work) => {
        const { machine } = this.#running;
        return machine ? heldFor(machine.bus, reason, work) : work();
      },
      leave: (machine) => this.#leave(machine),
    });
    this.variables = new Variables(store, this.notices, {
      manifest: () => this.images.read(),
      load: () => this.machines.flash(),
      save: (bytes) => this.machines.saveFlash(bytes),
      switchOff: () => this.#switchOff(),
      boot: () => this.boot(),
    });
    const { notices, recordings, variables } = this;
    const parts = { store, serial, notices, recordings, variables, boots: this.#boots };
    this.#running = new Running(parts, {
      boot: () => this.boot(),
      reconnect: () => this.reconnect(),
      resetOver: (error) => this.#attempts.settle(error),
    });
  }

  get tpm(): TpmHandle | undefined {
    return this.#running.tpm;
  }

  /** Resolves when the machine asked for last runs and its TPM is powered on. */
  get ready(): Promise<void> {
    return this.#attempts.ready;
  }

  /** Keeps the boot as it stands for the page that is opened next in this tab. */
  storeBoot(): void {
    this.#running.storeBoot();
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
    this.notices.dismiss("disk", "variables");
    const unavailable = await this.#settleLink();
    // A machine keeps what it writes into its flash: made with the variables of before, it would undo a change.
    await this.variables.settled;
    if (!this.#attempts.isLast(attempt)) return;
    await this.#running.end();
    const { settings } = this.#store.state;
    const kept = await this.#openKept(settings, steal, unavailable);
    // Before anything that a browser would load first: the bridge has only so long to answer.
    const hidden = this.#needsHiddenMachine(settings.backend);
    // The emulator is half of the page's code, and nobody needs it before the first boot.
    const code = import("./machine.ts");
    const loader = bootImages();
    for (const early of [code, loader, hidden]) early.catch(() => undefined); // told where they are waited for
    const manifest = await this.images.read();
    const load: BootSettings = snapshot ? { ...settings, start: "power-on" } : settings;
    const openDisk = this.machines.diskOpener(kept?.id);
    const { closeDrives, loadBootImages } = await loader;
    const images = await loadBootImages(manifest, load, hidden, openDisk, (step, progress) =>
      this.#loading(attempt, step, progress),
    );
    if (!this.#attempts.isLast(attempt)) return closeDrives(images);
    this.#loading(attempt, startStep(settings, images.hidden !== undefined));
    const { createMachine } = await code;
    const onFlashUnsaved = (error: Error) =>
      this.notices.show(troubles.variablesNotKept(error, () => this.boot()));
    // A snapshot brings its own variables.
    const flash = kept && (snapshot ? kept.flash : toBootWith(kept.flash));
    const where = { bridge: this.#bridge, keep: kept?.keep, flash, onFlashUnsaved };
    const machine = await createMachine(images, settings, where, (tpm, bus) => this.#running.watch(tpm, bus));
    this.machines.attachDisk(machine.drives[0]);
    if (!this.#attempts.isLast(attempt)) return machine.close();
    if (snapshot || images.prepared) this.#loading(attempt, "putting the machine where it goes on");
    if (snapshot) await putBack(machine, snapshot);
    else if (images.prepared) await goOn(machine, images.prepared);
    // Wanted still or not: TPM and disk have gone back, and UEFI's variables with them.
    await kept?.begun().catch(onFlashUnsaved);
    if (!this.#attempts.isLast(attempt)) return machine.close();
    if (bootsUsualKernel(settings)) await this.machines.setUsualKernel(manifest.kernel);
    if (!this.#attempts.isLast(attempt)) return machine.close();
    this.#running.start(machine, images.label, snapshot || images.prepared ? "saved" : "power-on");
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
    bootAnew(this, this.#work, () => {
      this.change({ start: "power-on" });
      this.boot();
    });
  }

  #takeSmallKernel(): void {
    // The boot that follows says what goes wrong with the storage.
    this.machines.setUsualKernel("small").then(() => this.boot());
  }

  async #capture() {
    if (!this.#running.machine)
      throw new SnapshotError("there is no machine to take a snapshot of: boot it first");
    const { takeSnapshot } = await import("../../session/snapshot.ts");
    const { machine } = this.#running;
    if (!machine) throw new SnapshotError("the machine has just ended");
    return takeSnapshot(machine);
  }

  #startFrom(settings: BootSettings, snapshot?: MachineSnapshot): Promise<void> {
    this.#link.choose(machineName(this.#store.state), parametersOf(settings));
    this.change(settings);
    this.#begin(snapshot ? { snapshot } : {});
    return this.ready;
  }

  /** Another tab has asked for this machine: it ends here, with everything saved. */
  async #leave({ name }: MachineRecord): Promise<void> {
    await this.#switchOff();
    this.notices.show(troubles.takenOver(name, () => this.#begin({ steal: true })));
  }

  /** Ends the machine that runs or is being made. @returns whether there was one. */
  async #switchOff(): Promise<boolean> {
    const { machine } = this.#store.state;
    const ran = machine.phase === "running" || machine.phase === "paused" || machine.phase === "loading";
    this.#attempts.next();
    await this.#running.end();
    this.#store.update({ machine: { ...machine, phase: "off", holds: [] } });
    return ran;
  }

  /** Native swtpm is the quicker one; without a bridge there is only the hidden machine. */
  async #needsHiddenMachine(backend: BootSettings["backend"]): Promise<boolean> {
    if (backend !== "auto") return backend === "hidden";
    const probes = bridgeUrls(this.#bridge).map(async (url) => {
      const probe = await probeBridge(url);
      if (!probe.found) throw new Error(probe.reason);
    });
    return Promise.any(probes).then(
      () => false,
      () => true,
    );
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

  openBench(): void {
    const attempt = this.#attempts.next();
    this.#openBench(attempt).catch((error: Error) => {
      if (!this.#attempts.isLast(attempt)) return;
      this.#running.end().catch(() => undefined); // it has failed already
      this.notices.show(troubles.noBench(error, () => this.openBench()));
    });
  }

  async #openBench(attempt: number): Promise<void> {
    this.notices.dismiss("boot", "tpm", "crash", "bench", "not-kept");
    await this.#link.settle({ now: {} });
    if (!this.#attempts.isLast(attempt)) return;
    this.#bridge = this.#link.bridgeFor(undefined);
    await this.#running.end();
    const { settings, machine } = this.#store.state;
    const { label: _, ...off } = machine;
    this.#store.update({ bench: "opening", machine: { ...off, phase: "off", holds: [] } });
    const hidden = (await this.#needsHiddenMachine(settings.backend))
      ? await hiddenMachine(await this.images.read())
      : undefined;
    if (!this.#attempts.isLast(attempt)) return;
    const { benchTpm } = await import("./bench.ts");
    if (!this.#attempts.isLast(attempt)) return;
    const tpm = benchTpm({ settings, bridge: this.#bridge, hidden });
    this.#running.putOnBench(tpm);
    await tpm.ready;
    if (this.#attempts.isLast(attempt)) this.#store.update({ bench: "open" });
  }

  pause(): void {
    this.#running.pause();
  }

  resume(): void {
    this.#running.resume();
  }

  reset(): void {
    const { machine, bench } = this.#running;
    if (!machine) {
      // The status tells how a power cycle went.
      if (bench) bench.reset().catch(() => undefined);
      else this.boot();
      return;
    }
    const { bus, tpm } = machine;
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
    tpm.useBackend(backend === "hidden" ? { hidden: await hiddenMachine(await this.images.read()) } : bridge);
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
    if (this.#running.machine) this.reset();
    else this.boot();
  }

  #bootFailed(error: Error): void {
    const { machine } = this.#store.state;
    if (error instanceof LinkRefusedError) {
      this.#store.update({ machine: { ...machine, phase: "off", holds: [] } });
      this.#forgetLink();
      return;
    }
    this.#store.update({ machine: { ...machine, phase: "failed", holds: [] } });
    if (error instanceof OtherDiskError) {
      const forget = () => this.machines.forgetDisk(error.machineId, error.kept, () => this.boot());
      this.notices.show(troubles.otherDisk(error, forget));
      return;
    }
    const action =
      error instanceof MachineInUseError
        ? { label: "Take it over", run: () => this.#begin({ steal: true }) }
        : error instanceof PreparedError
          ? { label: "Boot from power-on", run: () => this.#bootFromPowerOn() }
          : error instanceof NoVariablesError
            ? { label: "Boot with the factory’s variables", run: () => this.#bootFromFactory() }
            : { label: "Try again", run: () => this.boot() };
    this.notices.show(troubles.notStarted(error, action));
  }

  #bootFromFactory(): void {
    this.variables.factory();
    this.boot();
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

  askGuest(line: string): void {
    this.#serial.send(line);
  }

  keepOffline(): void {
    offline.keep();
  }

  grabKeyboard(grabbed: boolean): void {
    const emulator = this.#running.machine?.emulator;
    emulator?.keyboard_set_enabled(grabbed);
    emulator?.mouse_set_enabled(grabbed);
  }
}

/** Whether the kernel is the one that the page chooses by itself. */
function bootsUsualKernel({ kernel, firmware, images }: BootSettings): boolean {
  return kernel === "auto" && firmware === "bios" && Object.keys(images).length === 0;
}

/** What happens while a TPM is started, and why it may take long. */
function startStep({ tpm }: BootSettings, hidden: boolean): string {
  if (tpm === "2.0" || !hidden) return "starting the TPM";
  return "starting the TPM 1.2, which first makes its RSA keys (about 20 seconds in this page)";
}
