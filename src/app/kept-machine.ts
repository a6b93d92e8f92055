/** The machine whose TPM this tab runs and keeps: made at its first boot, held against other tabs until it is left. */
import type { TpmKeep } from "../backend/port.ts";
import { type BundleVault, VaultError } from "../vault/index.ts";
import type { MachineLock, MachineRecord, NewMachine } from "../vault/types.ts";

export interface KeptMachine {
  id: string;
  keep: TpmKeep;
}

export class MachineHolder {
  readonly #vault: BundleVault;
  readonly #onTakeOver: (machine: MachineRecord) => Promise<void>;
  #held: { lock: MachineLock; kept: KeptMachine } | undefined;
  /** What was asked for last; the next waits for it. */
  #tail: Promise<unknown> = Promise.resolve();

  /** @param onTakeOver has the machine stopped when it resolves. */
  constructor(vault: BundleVault, onTakeOver: (machine: MachineRecord) => Promise<void>) {
    this.#vault = vault;
    this.#onTakeOver = onTakeOver;
  }

  /** Of the machine that this tab holds. */
  get id(): string | undefined {
    return this.#held?.lock.held ? this.#held.kept.id : undefined;
  }

  /**
   * Holds the machine of that name, which is made if there is none; another one is given back.
   * @throws {MachineInUseError} when another tab runs it, and `steal` is not set.
   */
  hold(machine: NewMachine, steal: boolean): Promise<KeptMachine> {
    return this.#next(async () => {
      const record = await this.#record(machine);
      if (this.#held && this.id === record.id) return this.#held.kept;
      await this.#held?.lock.release();
      this.#held = undefined;
      const lock = await this.#vault.lock(record.id, { steal, onTakeOver: () => this.#onTakeOver(record) });
      const kept = { id: record.id, keep: this.#keep(record) };
      this.#held = { lock, kept };
      return kept;
    });
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
    const found = await this.#vault.find(machine.name);
    if (!found) return this.#vault.create(machine);
    if (found.tpmSize && found.tpmVersion !== machine.tpmVersion) {
      throw new VaultError(
        `the machine "${found.name}" has a TPM ${found.tpmVersion}, and the page is set to a TPM ${machine.tpmVersion}. Choose TPM ${found.tpmVersion}, or another machine`,
      );
    }
    return this.#vault.setSettings(found.id, machine.settings ?? {});
  }

  #keep({ id, tpmVersion }: MachineRecord): TpmKeep {
    return {
      load: async () => (await this.#vault.loadTpm(id))?.state,
      save: (state, description) =>
        this.#vault.saveTpm(id, { state, version: tpmVersion, description, time: Date.now() }),
    };
  }
}
