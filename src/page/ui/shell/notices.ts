/** What went wrong or should be known, each with the next step. Errors are announced at once. */
import { html, nothing } from "lit";
import { repeat } from "lit/directives/repeat.js";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { ICONS } from "./icons.ts";

export class PageNotices extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.notices];
  }

  override render() {
    return html`${repeat(
      this.state.notices,
      ({ id }) => id,
      ({ id, level, title, text, more, actions }) => html`<div class="notice" data-level=${level}
        role=${level === "error" ? "alert" : "status"}>
        <div class="notice-text"><strong>${title}</strong> <span>${text}</span>
          ${more === undefined ? nothing : html`<details><summary>More about it</summary><p>${more}</p></details>`}</div>
        <div class="notice-actions">
          ${actions.map(
            ({ label, run }) => html`<button class="button" type="button" @click=${run}>${label}</button>`,
          )}
          <button class="button quiet icon" type="button" aria-label="Dismiss: ${title}"
            @click=${() => this.actions.dismiss(id)}>${ICONS.close}</button>
        </div>
      </div>`,
    )}`;
  }
}

customElements.define("page-notices", PageNotices);
