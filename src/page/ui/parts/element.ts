/**
 * The base of the page's elements: rendered into the page itself (no shadow tree, so that styles, labels and
 * `aria-*` references work across elements), updated only when a watched part of the state changed, and not at
 * all while out of sight.
 */
import { LitElement } from "lit";
import type { PageActions, PageState, PageStore, ViewActions } from "../../model/model.ts";

/** A view of a TPM, on this page or on somebody else's. */
export abstract class ViewElement extends LitElement {
  static override properties = {
    store: { attribute: false },
    actions: { attribute: false },
    active: { type: Boolean },
  };
  declare store: PageStore;
  declare actions: ViewActions;
  /** False while the element is hidden: it then leaves its content alone. */
  declare active: boolean;
  #unsubscribe: (() => void) | undefined;
  #seen: readonly unknown[] = [];

  constructor() {
    super();
    this.active = true;
  }

  /** The parts of the state that this element shows. */
  protected abstract watch(state: Readonly<PageState>): readonly unknown[];

  protected get state(): Readonly<PageState> {
    return this.store.state;
  }

  /** A guest runs, or is about to: it waits for whatever the page's thread does. */
  protected get guestRuns(): boolean {
    const { phase } = this.state.machine;
    return phase === "loading" || phase === "running";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#unsubscribe = this.store.subscribe((state) => {
      const seen = this.watch(state);
      if (seen.length === this.#seen.length && seen.every((value, i) => Object.is(value, this.#seen[i])))
        return;
      this.#seen = seen;
      this.requestUpdate();
    });
  }

  override disconnectedCallback(): void {
    this.#unsubscribe?.();
    super.disconnectedCallback();
  }

  override shouldUpdate(): boolean {
    return this.active;
  }
}

/** An element of this page alone: it can ask for all that the page can do. */
export abstract class PageElement extends ViewElement {
  declare actions: PageActions;
}
