/** The page itself: header, status line, notices, and the panes in two halves or one. */

import { html, type PropertyValues } from "lit";
import { own } from "../../../protocol/bytes/own.ts";
import "../parts/splitter.ts";
import "../parts/tabs.ts";
import "../timeline/player-bar.ts";
import "./header.ts";
import "./notices.ts";
import "./selection-bar.ts";
import "./status-line.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { OnDemand } from "../parts/on-demand.ts";
import type { Tab } from "../parts/tabs.ts";
import { PANES, type Side } from "./panes.ts";

/** Below this width the halves would each be too narrow for a line of a PCR or of the console. */
const WIDE = "(min-width: 960px)";

const LESSON_BAR = new OnDemand(() => import("../lessons/lesson-bar.ts"), { quiet: true });

export class WebTpmPage extends PageElement {
  readonly #wide = matchMedia(WIDE);

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.panes, state.guestCommands, state.log, state.lessons.open !== undefined];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#wide.addEventListener("change", this.#relayout);
  }

  override disconnectedCallback(): void {
    this.#wide.removeEventListener("change", this.#relayout);
    super.disconnectedCallback();
  }

  readonly #relayout = () => this.requestUpdate();

  override render() {
    const { store, actions } = this;
    return html`<a class="skip" href="#panes-left" @click=${this.#skip}>Skip to the machine</a>
      <page-header .store=${store} .actions=${actions}></page-header>
      <status-line .store=${store}></status-line>
      <div><page-notices .store=${store} .actions=${actions}></page-notices>
        <player-bar .store=${store} .actions=${actions}></player-bar></div>
      ${LESSON_BAR.show(
        this.state.lessons.open !== undefined,
        this.#relayout,
        () => html`<lesson-bar .store=${store} .actions=${actions}></lesson-bar>`,
      )}
      <main class="workspace" data-layout=${this.#wide.matches ? "wide" : "narrow"}>
        ${
          this.#wide.matches
            ? [this.#tabs("left"), html`<pane-splitter></pane-splitter>`, this.#tabs("right")]
            : this.#tabs("both")
        }
        ${PANES.map(({ id, title, side, render, code }) => {
          const active = this.#shown(id, side);
          const pane = () => render({ store, actions, active });
          return html`<section class="pane" role="tabpanel" id="pane-${id}" aria-labelledby="tab-${id}"
            data-side=${side} ?hidden=${!active}>
            <h2 class="visually-hidden">${title}</h2>${code ? code.show(active, this.#relayout, pane) : pane()}</section>`;
        })}
      </main>
      <selection-bar .store=${store} .actions=${actions}></selection-bar>`;
  }

  override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { panes } = this.state;
    const wide = this.#wide.matches;
    if (panes === this.#arranged?.panes && wide === this.#arranged.wide) return;
    this.#arranged = { panes, wide };
    // The console and the screen measure themselves; they need to know when they got another size.
    window.dispatchEvent(new Event("resize"));
  }
  #arranged: { panes: PageState["panes"]; wide: boolean } | undefined;

  #tabs(side: Side | "both") {
    const { panes } = this.state;
    const list = PANES.filter((pane) => side === "both" || pane.side === side);
    const selected = side === "both" ? panes[panes.front] : panes[side];
    const label = { left: "Machine", right: "TPM", both: "Views" }[side];
    return html`<tab-row class="tab-row" data-side=${side} id="panes-${side === "both" ? "left" : side}"
      .tabs=${list.map(({ id, title }): Tab => ({ id, title, badge: this.#badge(id) }))}
      .selected=${selected} .label=${label}
      @tab-select=${({ detail }: CustomEvent<string>) => this.actions.showPane(detail)}></tab-row>`;
  }

  #badge(id: string): string | undefined {
    const { guestCommands, log } = this.state;
    const count = own({ commands: guestCommands, eventlog: log?.log.events.length }, id);
    return count ? String(count) : undefined;
  }

  #shown(id: string, side: Side): boolean {
    const { panes } = this.state;
    return panes[side] === id && (this.#wide.matches || panes.front === side);
  }

  #skip(event: Event): void {
    event.preventDefault();
    this.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus();
  }
}

customElements.define("webtpm-page", WebTpmPage);
