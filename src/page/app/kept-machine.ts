/** The machine whose TPM this tab runs and keeps: made at its first boot, held against other tabs until it is left. */
import type { TpmKeep } from "../../backend/port.ts";
import type { FlashKeep } from "../../session/flash-keep.ts";
import { type BundleVault, VaultError } from "../../session/vault/index.ts";
import type { MachineLock, MachineRecord, NewMachine } from "../../session/vault/types.ts";
import { bootsUnkept } from "./not-kept.ts";

export interface KeptMachine {
  id: string;
  /** As it is now. */
  name: string;
  keep: TpmKeep;
  /** Where its UEFI firmware's variables are. */
  flash: FlashKeep;
  /**
   * The machine is about to run. From here on a TPM whose state cannot be saved has failed; before, it is not kept. UEFI's
   * variables as a snapshot had them are kept from here on: a machine that does not come so far leaves those that were.
   * @throws what keeps them from being kept.
   */
  begun(): Promise<void>;
}

/** How a machine is held. */
export interface Hold {
  /** Take it over from another tab. */
  steal: boolean;
  /** Its state cannot be saved, and it boots all the same: nothing of it is kept from now on. */
  onUnkept: (error: Error) => void;
}

export class MachineHolder {
  readonly #vault: BundleVault;
  readonly #onTakeOver: (machine: MachineRecord) => Promise<void>;
  /** With the name by which this tab knows it. */
  #held: { lock: MachineLock; id: string; name: string } | undefined;
  /** What was asked for last; the next waits for it. */
  #tail: Promise<unknown> = Promise.resolve();

  /** @param onTakeOver has the machine stopped when it resolves. */
  constructor(vault: BundleVault, onTakeOver: (machine: MachineRecord) => Promise<void>) {
    this.#vault = vault;
    this.#onTakeOver = onTakeOver;
  }

  /** Of the machine that this tab holds. */
  get id(): string | undefined {
    return this.#held?.lock.held ? this.#held.id : undefined;
  }

  /**
   * Holds the machine of that name, which is made if there is none; another one is given back. The one that is held
   * already is found by the name that it had here, also where another tab calls it otherwise since.
   * @throws {MachineInUseError} when another tab runs it, and `steal` is not set.
   */
  hold(machine: NewMachine, { steal, onUnkept }: Hold): Promise<KeptMachine> {
    return this.#next(async () => {
      const record = await this.#record(machine);
      const kept = this.#kept(record, onUnkept);
      if (this.#held && this.id === record.id) {
        this.#held.name = record.name;
        return kept;
      }
      await this.#held?.lock.release();
      this.#held = undefined;
      const lock = await this.#vault.lock(record.id, { steal, onTakeOver: () => this.#onTakeOver(record) });
      this.#held = { lock, id: record.id, name: record.name };
      return kept;
    });
  }

  /** This tab calls it otherwise from now on. @returns what it called it before; undefined when it does not hold it. */
  renamed(id: string, name: string): string | undefined {
    if (this.#held?.id !== id) return undefined;
    const before = this.#held.name;
    this.#held.name = name;
    return before;
  }

  /** Gives the machine back. */
  release(): Promise<void> {
    return this.#next(async () => {
      const held = this.#held;
      this.#held = undefined;
      await held?.lock.release();
    });
  }

  #next<T>(run: () => Promise<T>): Promise<T> {
    const done = this.#tail.then(run);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  async #record(machine: NewMachine): Promise<MachineRecord> {
    const { id, name } = this.#held ?? {};
    const all = await this.#vault.list();
    const same = name === machine.name && this.id === id ? all.find((one) => one.id === id) : undefined;
    const found = all.find((one) => one.name === machine.name) ?? same;
    if (!found) return this.#vault.create(machine);
    if (found.tpmSize && found.tpmVersion !== machine.tpmVersion) {
      throw new VaultError(
        `the machine "${found.name}" has a TPM ${found.tpmVersion}, and the page is set to a TPM ${machine.tpmVersion}. Choose TPM ${found.tpmVersion}, or another machine`,
      );
    }
    return this.#vault.setSettings(found.id, machine.settings ?? {});
  }

  #kept({ id, name, tpmVersion }: MachineRecord, onUnkept: Hold["onUnkept"]): KeptMachine {
    let phase: "starting" | "runs" | "unkept" = "starting";
    const save: TpmKeep["save"] = async (state, description) => {
      if (phase === "unkept") return;
      try {
        await this.#vault.saveTpm(id, { state, version: tpmVersion, description, time: Date.now() });
      } catch (error) {
        // No guest has been told anything yet.
        if (phase === "runs" || !bootsUnkept(error)) throw error;
        phase = "unkept";
        this.release().catch((left: Error) => console.warn(left.message));
        onUnkept(error);
      }
    };
    const load = async () => (await this.#vault.loadTpm(id))?.state;
    let early: Uint8Array | undefined;
    const saveFlash = (bytes: Uint8Array) => this.#vault.saveFlash(id, { bytes, time: Date.now() });
    const flash: FlashKeep = {
      load: async () => (await this.#vault.loadFlash(id))?.bytes,
      save: async (bytes) => {
        if (phase === "starting") early = bytes;
        else if (phase === "runs") await saveFlash(bytes);
      },
    };
    const begun = async () => {
      if (phase !== "starting") return;
      phase = "runs";
      if (early) await saveFlash(early);
    };
    return { id, name, keep: { load, save }, flash, begun };
  }
}
