/** The notices of the page: one for each subject, the newest last. */
import type { Notice, PageStore } from "../model/model.ts";

export class Notices {
  readonly #store: PageStore;

  constructor(store: PageStore) {
    this.#store = store;
  }

  /** Shows a notice; an older one of the same id goes. */
  show(notice: Notice): void {
    const others = this.#store.state.notices.filter(({ id }) => id !== notice.id);
    this.#store.update({ notices: [...others, notice] });
  }

  dismiss(...noticeIds: string[]): void {
    const { notices } = this.#store.state;
    if (notices.some(({ id }) => noticeIds.includes(id))) {
      this.#store.update({ notices: notices.filter(({ id }) => !noticeIds.includes(id)) });
    }
  }
}

/** A message as a sentence: with a capital letter and a full stop. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}
