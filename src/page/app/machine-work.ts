/** What lasts of the work on kept machines: how far it is, and how it ended, for the machines view. */
import { ReadingCanceledError } from "../../session/reading/errors.ts";
import type { Progress } from "../../session/vault/types.ts";
import type { Work } from "../model/machines.ts";
import type { PageStore } from "../model/model.ts";
import { type Notices, sentence } from "./notices.ts";

/** How often progress is shown, in milliseconds: a page has other things to do than to draw every piece. */
const SHOWN_EVERY_MS = 100;

export class MachineWork {
  readonly #store: PageStore;
  readonly #notices: Notices;
  readonly #over: () => void;

  /** @param over called after each piece of work: what it changed is to be read again. */
  constructor(store: PageStore, notices: Notices, over: () => void) {
    this.#store = store;
    this.#notices = notices;
    this.#over = over;
  }

  /**
   * Runs something that lasts, and shows how far it is.
   * @param cancel gives it up, as long as nothing is saved.
   */
  async run<T>(what: string, run: (progress: Progress) => Promise<T>, cancel?: () => void): Promise<T> {
    let shown = 0;
    const progress: Progress = (step, done, total) => {
      const part = total ? done / total : undefined;
      const { work } = this.#store.state.kept;
      if (work?.step === step && part !== 1 && performance.now() - shown < SHOWN_EVERY_MS) return;
      shown = performance.now();
      this.#show({ what, step, progress: part, cancel: step === "saving" ? undefined : cancel });
    };
    progress("starting", 0, 0);
    try {
      this.#notices.dismiss("machines");
      return await run(progress);
    } finally {
      this.#show(undefined);
      this.#over();
    }
  }

  /** For work that nobody waits for: a failure is shown; what the user gave up is none. */
  quietly(work: Promise<unknown>): void {
    work.catch((error: Error) => {
      if (!(error instanceof ReadingCanceledError)) this.failed(error);
    });
  }

  failed(error: Error): void {
    this.#notices.show({
      id: "machines",
      level: "error",
      title: "The kept machines are as they were.",
      text: sentence(error.message),
      actions: [],
    });
  }

  #show(work: Work | undefined): void {
    this.#store.update({ kept: { ...this.#store.state.kept, work } });
  }
}
