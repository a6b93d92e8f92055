/**
 * Keeps what firmware writes into its flash. A guest's write is over when the chip has it, and nobody waits for the
 * storage: so each save is of the chip as it stands at one moment, like a chip whose power went off then, which
 * firmware is made for (edk2's fault-tolerant writes).
 */
import type { Flash } from "../machine/uefi/flash.ts";

/** Where the content of a chip is when the machine runs, and when it does not. */
export interface FlashKeep {
  /** Undefined for the factory's. */
  load(): Promise<Uint8Array | undefined>;
  save(bytes: Uint8Array): Promise<void>;
}

/** Firmware writes byte by byte: these are saved together, in milliseconds. */
const TOGETHER_MS = 100;

export class FlashKeeper {
  readonly #flash: Flash;
  readonly #save: FlashKeep["save"];
  readonly #onFailure: (error: Error) => void;
  readonly #unsubscribe: () => void;
  #changed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The save that is under way. */
  #saving: Promise<void> | undefined;

  /** @param onFailure is told of each save that failed; the next change tries it again. */
  constructor(flash: Flash, save: FlashKeep["save"], onFailure: (error: Error) => void) {
    this.#flash = flash;
    this.#save = save;
    this.#onFailure = onFailure;
    this.#unsubscribe = flash.onChange(() => this.#later());
  }

  /** Resolves when all that was written until now is saved, or could not be. */
  async flush(): Promise<void> {
    while (this.#changed || this.#saving) await (this.#saving ?? this.#now());
  }

  /** Saves what is to be saved, and looks no further. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.flush();
  }

  #later(): void {
    this.#changed = true;
    this.#timer ??= setTimeout(() => void this.flush(), TOGETHER_MS);
  }

  #now(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#changed = false;
    this.#saving = this.#save(this.#flash.content())
      .catch(this.#onFailure)
      .finally(() => {
        this.#saving = undefined;
      });
    return this.#saving;
  }
}
