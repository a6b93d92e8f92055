/**
 * A row of tabs (ARIA Authoring Practices, "Tabs" with automatic activation): arrows, Home and End choose, Tab goes
 * on into the panel. The panels are the caller's: `pane-<id>`.
 */

import { html, LitElement, type PropertyValues } from "lit";
import { own } from "../../../protocol/bytes/own.ts";

export interface Tab {
  id: string;
  title: string;
  /** A short count or sign behind the title. */
  badge?: string | undefined;
}

/** Fires `tab-select` with the tab's id. */
export class TabRow extends LitElement {
  static override properties = {
    tabs: { attribute: false },
    selected: { type: String },
    label: { type: String },
  };
  declare tabs: readonly Tab[];
  declare selected: string;
  declare label: string;

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    return html`<div class="tabs" role="tablist" aria-label=${this.label} @keydown=${this.#key}>
      ${this.tabs.map(
        ({ id, title, badge }) =>
          html`<button role="tab" id="tab-${id}" aria-controls="pane-${id}"
            aria-selected=${id === this.selected} tabindex=${id === this.selected ? 0 : -1}
            @click=${() => this.#select(id)}>${title}${badge ? html` <span class="badge">${badge}</span>` : ""}</button>`,
      )}
    </div>`;
  }

  override updated(changed: PropertyValues): void {
    // Badges count on while a guest runs, and to measure the row costs it time.
    if (!changed.has("selected")) return;
    const tab = this.querySelector<HTMLElement>('[aria-selected="true"]');
    const row = this.querySelector<HTMLElement>('[role="tablist"]');
    if (!tab || !row || row.scrollWidth <= row.clientWidth) return;
    row.scrollLeft = tab.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }

  #select(id: string): void {
    this.dispatchEvent(new CustomEvent<string>("tab-select", { detail: id, bubbles: true }));
  }

  #key(event: KeyboardEvent): void {
    const at = this.tabs.findIndex(({ id }) => id === this.selected);
    const last = this.tabs.length - 1;
    const to: Record<string, number> = {
      ArrowLeft: at > 0 ? at - 1 : last,
      ArrowRight: at < last ? at + 1 : 0,
      Home: 0,
      End: last,
    };
    const tab = this.tabs[own(to, event.key) ?? -1];
    if (!tab) return;
    event.preventDefault();
    this.#select(tab.id);
    this.querySelector<HTMLElement>(`#tab-${tab.id}`)?.focus();
  }
}

customElements.define("tab-row", TabRow);
