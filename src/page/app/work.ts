/**
 * What would be lost: a guest's memory. Nothing that a person does on the page ends a guest without a word: what nobody
 * expects to end it is asked about while one lives, what says so itself (a reset) once somebody has typed to the guest.
 * Scripts are not asked.
 */
import type { Offer } from "../lessons/index.ts";
import { machineName } from "../model/machine-name.ts";
import type { PageActions, PageState, PageStore } from "../model/model.ts";
import { ask, type Question } from "../ui/machines/ask.ts";
import type { Machines } from "./machines.ts";

/** What a person is about to do to the guest. */
export interface Ending {
  /** E.g. "Reset the machine?" */
  title: string;
  /** What comes in the guest's place, where that is not plain. */
  why?: string;
  /** The button that does it, e.g. "Reset". */
  confirm: string;
  /** Its name does not say that the guest ends. */
  unexpected?: boolean;
}

type Page = PageActions & { readonly machines: Pick<Machines, "snapshot"> };

/** Whether a guest runs, as far as is known. */
export function guestLives({ machine, boot }: Pick<PageState, "machine" | "boot">): boolean {
  return (machine.phase === "running" || machine.phase === "paused") && boot?.verdict.kind !== "guest died";
}

export class Work {
  readonly #store: PageStore;
  readonly #ask: typeof ask;
  /** The start of the machine, by `boots`, in which somebody typed to the guest. */
  #typedIn = -1;
  #asking = false;
  /** The page is left by its own doing, and has asked. */
  #leaving = false;

  constructor(store: PageStore, question: typeof ask = ask) {
    this.#store = store;
    this.#ask = question;
  }

  /** Somebody has given the guest something to do. */
  typed(): void {
    const { machine } = this.#store.state;
    if (machine.phase === "running") this.#typedIn = machine.boots;
  }

  /** Somebody has worked in the guest that lives. */
  get atRisk(): boolean {
    const { state } = this.#store;
    return guestLives(state) && this.#typedIn === state.machine.boots;
  }

  /** For `beforeunload`: whether the browser is to ask. */
  get holdsTab(): boolean {
    return this.atRisk && !this.#leaving;
  }

  /** Loads the page anew, about which nobody is asked again. */
  leave(run: () => void): void {
    this.#leaving = true;
    run();
  }

  /**
   * Does it, at once or after a yes.
   * @param page takes a snapshot first where that is wanted
   * @returns settled when it is done, or not to be done.
   */
  async before(ending: Ending, page: Page, run: () => void): Promise<void> {
    if (!(ending.unexpected ? guestLives(this.#store.state) : this.atRisk)) {
      run();
      return;
    }
    // A second press of the button is no second question.
    if (this.#asking) return;
    this.#asking = true;
    try {
      await this.#settle(ending, page, run);
    } catch {
      // A notice says why there is no snapshot; nothing is ended then.
    } finally {
      this.#asking = false;
    }
  }

  async #settle(ending: Ending, page: Page, run: () => void): Promise<void> {
    const before = this.#store.state.machine.boots;
    const answer = await this.#ask(question(ending, this.#store.state));
    if (!answer) return;
    if (answer.answer === "first") await page.machines.snapshot(SNAPSHOT);
    // What was asked about may have ended by itself meanwhile, and another have begun.
    if (this.#store.state.machine.boots === before) run();
  }
}

/** Name of the snapshot that is taken before a guest is ended. */
const SNAPSHOT = "before it was switched off";

function question({ title, why, confirm }: Ending, state: Readonly<PageState>): Question {
  const kept = state.kept.running !== undefined;
  const tpm = kept
    ? `The TPM of “${machineName(state)}” is kept, with its keys and what is in its NV memory.`
    : "Its TPM is not kept, and goes too.";
  return {
    title,
    text: `${why ? `${why} ` : ""}What the guest has in memory, its files in /tmp and its running programs, is lost. ${tpm}`,
    confirm,
    danger: true,
    ...(kept && { first: "Take a snapshot first" }),
  };
}

const RESET: Ending = { title: "Reset the machine?", confirm: "Reset" };
const RESTART: Ending = { title: "Switch this machine off, and boot anew?", confirm: "Boot anew" };
const BENCH: Ending = {
  title: "Switch the machine off?",
  why: "A TPM on the bench has no PC around it: the machine that runs now is switched off for it.",
  confirm: "Switch it off",
  unexpected: true,
};
const OTHER: Ending = {
  title: "Switch the machine off?",
  why: "One machine runs in a tab: the one that runs now is switched off for the other.",
  confirm: "Switch it off",
  unexpected: true,
};
const LESSON: Ending = {
  title: "Switch the machine off?",
  why: "The lesson needs another machine: the one that runs now is switched off for it.",
  confirm: "Switch it off",
  unexpected: true,
};
const RELOAD: Ending = { title: "Load the page anew?", confirm: "Load it anew" };

/** What the page's elements and notices call: as the page's own actions, but with a word before a guest is ended. */
export function careful(page: Page, work: Work): PageActions {
  const before = (ending: Ending, run: () => void) => void work.before(ending, page, run);
  const endingOf = ({ kind }: Offer): Ending | undefined => {
    if (kind === "bench") return BENCH;
    if (kind === "boot") return RESTART;
    if (kind === "reset") return RESET;
    return kind === "reload" ? RELOAD : undefined;
  };
  return instead(page, {
    boot: () => before(RESTART, () => page.boot()),
    reset: () => before(RESET, () => page.reset()),
    reconnect: () => before(RESET, () => page.reconnect()),
    openBench: () => before(BENCH, () => page.openBench()),
    sendSerial(text) {
      if (/[\r\n]/.test(text)) work.typed();
      page.sendSerial(text);
    },
    grabKeyboard(grabbed) {
      if (grabbed) work.typed();
      page.grabKeyboard(grabbed);
    },
    lessons: instead(page.lessons, {
      prepare: () => before(LESSON, () => page.lessons.prepare()),
      take(offer) {
        const ending = endingOf(offer);
        const take = () => page.lessons.take(offer);
        if (!ending) take();
        else if (offer.kind === "reload") before(ending, () => work.leave(take));
        else before(ending, take);
      },
    }),
    machines: instead(page.machines, {
      use: (id) => before(OTHER, () => page.machines.use(id)),
    }),
  });
}

/** An object with some of its parts in place of its own; all others stay where they are. */
function instead<T extends object>(object: T, parts: Partial<T>): T {
  return new Proxy(object, {
    get(target, name) {
      if (Object.hasOwn(parts, name)) return parts[name as keyof T];
      const part = Reflect.get(target, name, target);
      return typeof part === "function" ? part.bind(target) : part;
    },
  });
}

/** Boots from a notice, which is a person's wish, too. */
export const bootAnew = (page: Page, work: Work, run: () => void) => void work.before(RESTART, page, run);
