/** The kept machines: what the machines view and scripts ask for, carried out in the vault, shown with progress. */

import type { Drive } from "../../machine/drive/drive.ts";
import type { DriveHead } from "../../machine/drive/log.ts";
import { NoDriveStorageError } from "../../session/drives/folder.ts";
import type { KernelName } from "../../session/images/manifest.ts";
import { readFile } from "../../session/reading/client.ts";
import {
  type BundleVault,
  openVault,
  VaultDamagedError,
  VaultMissingError,
  VaultUnavailableError,
} from "../../session/vault/index.ts";
import type {
  MachineRecord,
  MachineSettings,
  MachineSnapshot,
  NewSnapshot,
  Progress,
  SnapshotReason,
  SnapshotRecord,
} from "../../session/vault/types.ts";
import { machineName } from "../model/machine-name.ts";
import type { AutoSnapshot, DiskFormat, KeptMachines, MachineActions } from "../model/machines.ts";
import type { BootSettings, Notice, PageStore } from "../model/model.ts";
import type { OpenLayer } from "./boot-images.ts";
import { download } from "./download.ts";
import { KeptDisks } from "./kept-disks.ts";
import { type KeptMachine, MachineHolder } from "./kept-machine.ts";
import { asJson, fromJson } from "./kept-settings.ts";
import { KernelPins } from "./kernel-pins.ts";
import { MachineWork } from "./machine-work.ts";
import { bootsUnkept, notKept, thrownAway } from "./not-kept.ts";
import { type Notices, sentence } from "./notices.ts";
import { SnapshotTimer } from "./snapshot-timer.ts";
import { diskNotKept, notAllExported } from "./troubles.ts";

/** The machine on the page, as it is needed here. */
export interface PageMachine {
  /** The machine that runs, at this point. @throws {NoMachineError} when there is none. */
  capture(): Promise<Omit<NewSnapshot, "name" | "reason" | "settings">>;
  /** Ends the machine that runs, and boots the chosen one with these settings, or goes on where a snapshot left it. */
  start(settings: BootSettings, snapshot?: MachineSnapshot): Promise<void>;
  /** Holds the machine that runs while `work` lasts. */
  standStill<T>(reason: string, work: () => Promise<T>): Promise<T>;
  /** Ends the machine that runs, and says that another tab has it now. */
  leave(machine: MachineRecord): Promise<void>;
}

/** A machine with its snapshots, for scripts. */
export interface MachineSummary extends MachineRecord {
  snapshots: SnapshotRecord[];
}

export class Machines implements MachineActions {
  readonly #store: PageStore;
  readonly #notices: Notices;
  readonly #page: PageMachine;
  readonly #vault: BundleVault = openVault();
  readonly #timer = new SnapshotTimer((reason) => this.#automatic(reason));
  readonly #holder: MachineHolder;
  readonly #disks = new KeptDisks();
  readonly #work: MachineWork;
  readonly #pins = new KernelPins();

  constructor(store: PageStore, notices: Notices, page: PageMachine) {
    this.#store = store;
    this.#notices = notices;
    this.#page = page;
    this.#work = new MachineWork(store, notices, () => this.refresh());
    this.#holder = new MachineHolder(this.#vault, async (machine) => {
      this.#show({ running: undefined });
      await page.leave(machine);
    });
    this.#show({ auto: this.#timer.auto });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible" && this.#kept.list) this.refresh();
    });
  }

  /**
   * Holds the machine that is to boot; its TPM is kept from now on. Undefined where nothing can be kept.
   * @param retry boots anew
   * @throws {MachineInUseError} when another tab runs it, and `steal` is not set.
   */
  async open(settings: BootSettings, steal: boolean, retry: () => void): Promise<KeptMachine | undefined> {
    const name = machineName(this.#store.state);
    try {
      const kept = this.#pins.of(name, (await this.#vault.find(name))?.settings);
      const machine = { name, tpmVersion: settings.tpm, settings: KernelPins.among(asJson(settings), kept) };
      const onUnkept = (error: Error) => {
        this.#show({ running: undefined });
        this.#notices.show(notKept(error, retry));
      };
      const held = await this.#holder.hold(machine, { steal, onUnkept });
      // Another tab has given it another name meanwhile.
      if (held.name !== name) this.#choose(held.name);
      this.#show({ running: held.id, selected: held.id, throwAway: false });
      this.refresh();
      return held;
    } catch (error) {
      if (!bootsUnkept(error)) throw error;
      return this.openUnkept(error, retry);
    }
  }

  /** The kernel that the machine which runs or boots next has booted before; see `KernelPins`. */
  async usualKernel(): Promise<KernelName | undefined> {
    const name = machineName(this.#store.state);
    const settings = await this.settingsWithTpm(name);
    return this.#pins.of(name, settings instanceof Error ? undefined : settings);
  }

  /** That machine boots this kernel from now on. Where it cannot be kept, for as long as the page is open. */
  async setUsualKernel(kernel: KernelName): Promise<void> {
    const name = machineName(this.#store.state);
    this.#pins.set(name, kernel);
    const { id } = this.#holder;
    if (id === undefined) return;
    try {
      const { settings } = await this.#vault.get(id);
      const changed = KernelPins.among(settings, kernel);
      if (changed !== settings) await this.#vault.setSettings(id, changed);
    } catch (error) {
      console.warn((error as Error).message);
    }
  }

  /** Gives back what this tab holds, as nothing can be kept of what boots. @param retry boots anew */
  openUnkept(error: Error, retry: () => void): Promise<undefined> {
    return this.#openNone(false, notKept(error, retry));
  }

  /** As `openUnkept`, as nothing is to be kept. @param leave boots the machine that is kept */
  openThrowAway(leave: () => void): Promise<undefined> {
    return this.#openNone(true, thrownAway(machineName(this.#store.state), leave));
  }

  async #openNone(throwAway: boolean, notice: Notice): Promise<undefined> {
    // What cannot be given back in a storage that fails ends with the tab.
    await this.#holder.release().catch((error: Error) => console.warn(error.message));
    this.#show({ running: undefined, throwAway });
    this.#notices.show(notice);
  }

  /**
   * Settings of the machine of that name; undefined when it has no TPM yet that is kept, or is none.
   * @returns the reason why nobody can tell, in place of them.
   */
  async settingsWithTpm(name: string): Promise<MachineSettings | Error | undefined> {
    try {
      const found = await this.#vault.find(name);
      return found?.tpmSize ? found.settings : undefined;
    } catch (error) {
      if (bootsUnkept(error)) return error;
      throw error;
    }
  }

  get #kept(): KeptMachines {
    return this.#store.state.kept;
  }

  #show(change: Partial<KeptMachines>): void {
    this.#store.update({ kept: { ...this.#kept, ...change } });
  }

  refresh(): void {
    const told = this.#refresh().catch((error: unknown) => {
      // The list says it where it would stand.
      if (!bootsUnkept(error)) throw error;
      this.#show({ list: undefined, unavailable: sentence(error.message) });
    });
    this.#work.quietly(told);
  }

  async #refresh(): Promise<void> {
    const [list, unreadable, estimate] = await Promise.all([
      this.#vault.list(),
      this.#vault.unreadable(),
      this.#vault.estimate(),
    ]);
    const { selected } = this.#kept;
    const shown = list.some(({ id }) => id === selected) ? selected : list[0]?.id;
    const snapshots = shown === undefined ? [] : await this.#vault.listSnapshots(shown);
    const broken = shown === undefined ? [] : await this.#vault.unreadableSnapshots(shown);
    const sorry = [...unreadable.map(({ error }) => error), ...broken].map(({ message }) =>
      sentence(message),
    );
    const disks = shown === undefined ? [] : await this.#disks.list(shown);
    this.#show({
      list,
      unavailable: undefined,
      unreadable: sorry,
      estimate,
      selected: shown,
      snapshots,
      disks,
    });
  }

  select(id: string): void {
    this.#show({ selected: id, snapshots: [], disks: [] });
    this.refresh();
  }

  use(id: string): void {
    this.#work.quietly(this.#use(id));
  }

  async #use(id: string): Promise<void> {
    const { name, settings, tpmVersion } = await this.#vault.get(id);
    this.#choose(name);
    await this.#page.start({ ...fromJson(settings, this.#store.state.settings), tpm: tpmVersion });
  }

  #choose(name: string): void {
    this.#show({ chosen: name });
  }

  make(name: string, tpmVersion: MachineRecord["tpmVersion"]): void {
    this.#work.quietly(
      this.#work.run(`Making “${name}”`, async () => {
        const { id } = await this.#vault.create({ name, tpmVersion });
        this.#show({ selected: id });
      }),
    );
  }

  renameMachine(id: string, name: string): void {
    this.#work.quietly(
      this.#work.run(`Renaming to “${name}”`, async () => {
        const before = await this.#vault.get(id);
        const { name: now } = await this.#vault.rename(id, name);
        // Another tab may have given it another name than the one that this tab knows.
        const known = this.#holder.renamed(id, now) ?? before.name;
        if ([known, before.name].includes(machineName(this.#store.state))) this.#choose(now);
      }),
    );
  }

  copyMachine(id: string, name: string): void {
    this.#work.quietly(
      this.#work.run(`Copying to “${name}”`, async () => {
        const files = await this.#disks.filesOf(id);
        const copy = () => this.#vault.copy(id, name, files);
        await (files ? this.#atRest(id, copy) : copy());
      }),
    );
  }

  removeMachine(id: string): void {
    this.#work.quietly(
      this.#work.run("Deleting a machine", async () => {
        await this.#alone(id, async () => {
          // Its record last: what is left of a deletion that did not end can be deleted again.
          await this.#disks.forgetAll(id);
          await this.#vault.remove(id);
        });
        if (this.#holder.id === id) await this.#holder.release();
      }),
    );
  }

  exportFile(id: string, passphrase: string): void {
    this.#work.quietly(this.export(id, passphrase || undefined).then(download));
  }

  /** The file of machine `id`, or of the one that runs or boots next. */
  export(id: string | undefined, passphrase?: string): Promise<File> {
    return this.#work.run("Exporting", async (progress) => {
      const { exportMachine } = await import("../../session/vault/export.ts");
      const options = { progress, ...(passphrase !== undefined && { passphrase }) };
      const machine = id ?? (await this.#current()).id;
      const { name, blob, leftOut } = await exportMachine(this.#vault, machine, options);
      if (leftOut.length > 0) this.#notices.show(notAllExported(leftOut));
      return new File([blob], name, { type: blob.type });
    });
  }

  importFile(file: File, passphrase: string): void {
    this.#work.quietly(this.import(file, { ...(passphrase && { passphrase }) }));
  }

  import(
    file: Blob & { name?: string },
    options: { name?: string; passphrase?: string },
  ): Promise<MachineRecord> {
    const given = new AbortController();
    const importing = async (progress: Progress) => {
      const { importMachine } = await import("../../session/vault/import.ts");
      const read = (from: Blob, { passphrase }: { passphrase?: string }) =>
        readFile("machine", from, passphrase === undefined ? {} : { passphrase }, {
          signal: given.signal,
          progress,
        });
      const machine = await importMachine(this.#vault, file, { ...options, progress, read });
      this.#show({ selected: machine.id });
      return machine;
    };
    return this.#work.run("Importing", importing, () => given.abort());
  }

  /** Opens what is kept of the disk of a machine; for one that is kept nowhere, nothing. */
  diskOpener(machineId: string | undefined): OpenLayer {
    return async (source) => {
      if (machineId === undefined) return undefined;
      try {
        return await this.#disks.open(machineId, source);
      } catch (error) {
        if (!(error instanceof NoDriveStorageError)) throw error;
        this.#notices.show(diskNotKept(error));
        return undefined;
      }
    };
  }

  /** The disk of the machine that runs from now on. */
  attachDisk(disk: Drive | undefined): void {
    this.#disks.running = disk;
  }

  forgetWritten(machineId: string, disk: DriveHead): void {
    this.forgetDisk(machineId, disk, () => undefined);
  }

  /** Forgets what was written to a disk. @param then called when it is forgotten */
  forgetDisk(machineId: string, disk: DriveHead, then: () => void): void {
    this.#work.quietly(
      this.#work
        .run(`Forgetting what was written to ${disk.name}`, async () => {
          await this.#alone(machineId, () => this.#disks.forget(machineId, disk));
        })
        .then(then),
    );
  }

  importWritten(machineId: string, disk: DriveHead, file: File): void {
    this.#work.quietly(
      this.#work.run(`Importing what was written to ${disk.name}`, async (progress) => {
        await this.#alone(machineId, () => this.#disks.import(machineId, disk, file, progress));
      }),
    );
  }

  exportDisk(format: DiskFormat): void {
    this.#work.quietly(this.disk(format).then(download));
  }

  /** The disk of the machine that runs, as a file; the machine stands still meanwhile. */
  disk(format: DiskFormat): Promise<File> {
    return this.#work.run("Exporting the disk", (progress) =>
      this.#page.standStill("its disk is exported", () => this.#disks.export(format, progress)),
    );
  }

  takeSnapshot(name: string): void {
    this.#work.quietly(this.snapshot(name));
  }

  /** Of the machine that runs. */
  snapshot(name: string, reason: SnapshotReason = "hand", replace?: string): Promise<SnapshotRecord> {
    return this.#work.run(`Saving the snapshot “${name}”`, async (progress) => {
      const { id } = this.#holder;
      const settings = asJson(this.#store.state.settings);
      progress("holding the machine", 0, 0);
      const state = await this.#page.capture();
      if (id === undefined)
        throw new VaultUnavailableError("the machine that runs is not kept in this browser");
      const options = { progress, ...(replace !== undefined && { replace }) };
      return this.#vault.putSnapshot(id, { ...state, name, reason, settings }, options);
    });
  }

  #automatic(reason: "timer" | "hidden"): void {
    const { id } = this.#holder;
    if (id === undefined || this.#kept.work || this.#store.state.machine.phase !== "running") return;
    const take = async () => {
      const before = (await this.#vault.listSnapshots(id)).find((snapshot) => snapshot.reason === reason);
      await this.snapshot("automatic", reason, before?.id);
    };
    this.#work.quietly(take());
  }

  rollBack(machineId: string, snapshotId: string): void {
    this.#work.quietly(this.#restore(machineId, snapshotId));
  }

  /** Goes back to the newest snapshot of that name. */
  async restore(name: string): Promise<void> {
    const { id } = await this.#current();
    const found = (await this.#vault.listSnapshots(id)).find((snapshot) => snapshot.name === name);
    if (!found) throw new VaultMissingError(`this machine has no snapshot named "${name}"`);
    await this.#restore(id, found.id);
  }

  #restore(machineId: string, snapshotId: string): Promise<void> {
    return this.#work.run("Going back", async (progress) => {
      const machine = await this.#vault.get(machineId);
      const snapshot = await this.#vault.getSnapshot(machineId, snapshotId, progress);
      progress("starting the machine", 0, 0);
      const { tpmVersion } = snapshot.tpm.device;
      if (tpmVersion === "unspecified")
        throw new VaultDamagedError(`the snapshot "${snapshot.name}"`, "its TPM had failed");
      this.#choose(machine.name);
      const settings = fromJson(snapshot.settings, this.#store.state.settings);
      await this.#page.start({ ...settings, tpm: tpmVersion }, snapshot);
    });
  }

  removeSnapshot(machineId: string, snapshotId: string): void {
    this.#work.quietly(
      this.#work.run("Deleting a snapshot", async () => {
        await this.#alone(machineId, () => this.#vault.deleteSnapshot(machineId, snapshotId));
      }),
    );
  }

  /** UEFI's variables of the machine that boots next; undefined for the factory's. */
  async flash(): Promise<Uint8Array | undefined> {
    if (this.#kept.throwAway) return undefined;
    const found = await this.#vault.find(machineName(this.#store.state));
    return found && (await this.#vault.loadFlash(found.id))?.bytes;
  }

  /** Keeps them for it; the machine is made where there is none yet. It must not run. */
  async saveFlash(bytes: Uint8Array | undefined): Promise<void> {
    if (this.#kept.throwAway) throw new VaultUnavailableError("nothing is kept of the machine on this page");
    const { settings } = this.#store.state;
    const name = machineName(this.#store.state);
    const { id } =
      (await this.#vault.find(name)) ??
      (await this.#vault.create({ name, tpmVersion: settings.tpm, settings: asJson(settings) }));
    const save = bytes && { bytes, time: Date.now() };
    await this.#alone(id, () => this.#vault.saveFlash(id, save));
  }

  setAuto(auto: AutoSnapshot): void {
    this.#timer.auto = auto;
    this.#show({ auto });
  }

  persist(): void {
    this.#work.quietly(
      this.#vault.persist().then(async (persisted) => {
        if (!persisted)
          this.#work.failed(
            new VaultUnavailableError("the browser does not promise to keep this page's data"),
          );
        await this.#refresh();
      }),
    );
  }

  /** All machines with their snapshots. */
  async list(): Promise<MachineSummary[]> {
    const machines = await this.#vault.list();
    return Promise.all(
      machines.map(async (machine) => ({
        ...machine,
        snapshots: await this.#vault.listSnapshots(machine.id),
      })),
    );
  }

  /** The machine that runs, or else the one that boots next. */
  async #current(): Promise<MachineRecord> {
    if (this.#kept.throwAway) throw new VaultUnavailableError("nothing is kept of the machine on this page");
    const name = machineName(this.#store.state);
    if (this.#holder.id !== undefined) return this.#vault.get(this.#holder.id);
    const found = await this.#vault.find(name);
    if (found) return found;
    throw new VaultMissingError(`there is no machine "${name}" yet: its first boot makes it`);
  }

  /** As `#alone`; where this tab runs the machine, that stands still, with all that it has written to its disk. */
  async #atRest(id: string, work: () => Promise<unknown>): Promise<void> {
    if (this.#holder.id !== id) return this.#alone(id, work);
    await this.#page.standStill("it is copied", async () => {
      await this.#disks.running?.flush();
      await work();
    });
  }

  /** Runs `work` while no other tab may run this machine. @throws {MachineInUseError} when one does. */
  async #alone(id: string, work: () => Promise<unknown>): Promise<void> {
    const lock = this.#holder.id === id ? undefined : await this.#vault.lock(id);
    try {
      await work();
    } finally {
      await lock?.release();
    }
  }
}
