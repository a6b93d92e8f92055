/** The line that is always there and says in words how things stand; one live region tells a screen reader of changes. */
import { html } from "lit";
import type { PageState } from "../model.ts";
import { PageElement } from "../parts/element.ts";
import { statusItems } from "./status.ts";

export class StatusLine extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.tpm, state.interface, state.machine, state.images, state.settings.tpm];
  }

  override render() {
    const items = statusItems(this.state);
    return html`<section aria-label="Status"><ul class="status">
        ${items.map(
          ({ name, text, tone, detail, live }) =>
            html`<li data-name=${name} data-tone=${tone} ?data-live=${live} title=${detail ?? ""}>
              <span class="visually-hidden">${name}: </span><span>${text}</span></li>`,
        )}
      </ul>
      <div class="visually-hidden" role="status">${this.#announcement()}</div></section>`;
  }

  /** What is worth saying aloud: phases, not every command. */
  #announcement(): string {
    const { tpm, machine } = this.state;
    const phase = tpm?.phase === "executing" ? "ready" : tpm?.phase;
    return [
      machine.phase === "off" ? "" : `Machine ${machine.phase}.`,
      phase ? `TPM ${phase}.` : "",
      phase === "failed" ? tpm?.message : "",
    ].join(" ");
  }
}

customElements.define("status-line", StatusLine);
