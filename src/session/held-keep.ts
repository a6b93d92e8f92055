/**
 * A TPM's keep whose saves can be held back. Going back to a snapshot is done or not done, of TPM, disks and emulator
 * alike: until all of them have their state, what is kept of the TPM stays as it was.
 */
import type { TpmKeep, TpmState } from "../backend/port.ts";

/** Ends a hold of {@link HeldKeep}, in one of two ways. */
export interface HeldSaves {
  /** Saves what was to be saved last, and holds nothing back from then on. @throws what keeps it from being saved. */
  commit(): Promise<void>;
  /** Forgets it. The TPM is not the kept one any more, and cannot take its place: its saves are refused. */
  drop(): void;
}

/** The TPM was to go back to a snapshot, and did not. */
export class NotPutBackError extends Error {
  override name = "NotPutBackError";
  constructor() {
    super("this TPM was not put back as a whole, and what is kept is the one from before: power that one on");
  }
}

export class HeldKeep implements TpmKeep {
  readonly #keep: TpmKeep;
  #phase: "open" | "held" | "dropped" = "open";
  #last: Parameters<TpmKeep["save"]> | undefined;

  constructor(keep: TpmKeep) {
    this.#keep = keep;
  }

  load(): Promise<TpmState | undefined> {
    // Who begins from what is kept is the kept TPM again.
    if (this.#phase === "dropped") this.#phase = "open";
    return this.#keep.load();
  }

  async save(state: TpmState, description: string): Promise<void> {
    if (this.#phase === "dropped") throw new NotPutBackError();
    if (this.#phase === "held") this.#last = [state, description];
    else await this.#keep.save(state, description);
  }

  /** From now on nothing is saved; who saves is told that it was, so that nobody may be told of what the TPM did. */
  hold(): HeldSaves {
    this.#phase = "held";
    this.#last = undefined;
    return {
      commit: async () => {
        while (this.#last) {
          const last = this.#last;
          this.#last = undefined;
          await this.#keep.save(...last);
        }
        this.#phase = "open";
      },
      drop: () => {
        this.#phase = "dropped";
        this.#last = undefined;
      },
    };
  }
}
