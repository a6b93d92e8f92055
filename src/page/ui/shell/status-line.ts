/** The line that is always there and says in words how things stand; one live region tells a screen reader of changes. */
import { html } from "lit";
import { verdictLine } from "../../boot-check/index.ts";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { longCommand, statusItems } from "./status.ts";

/** How often to look whether a command takes long, in milliseconds. */
const LOOK_MS = 500;

export class StatusLine extends PageElement {
  #timer: ReturnType<typeof setInterval> | undefined;
  /** The time of a command is shown, and passes. */
  #counting = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => {
      const long = longCommand(this.state, performance.now()) !== undefined;
      if (long || this.#counting) this.requestUpdate();
      this.#counting = long;
    }, LOOK_MS);
  }

  override disconnectedCallback(): void {
    clearInterval(this.#timer);
    super.disconnectedCallback();
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.tpm, state.boot, state.interface, state.machine, state.images, state.settings.tpm];
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
    const { tpm, machine, boot } = this.state;
    const phase = tpm?.phase === "executing" ? "ready" : tpm?.phase;
    return [
      machine.phase === "off" ? "" : `Machine ${machine.phase}.`,
      phase ? `TPM ${phase}.` : "",
      phase === "failed" ? tpm?.message : "",
      boot ? `${capital(verdictLine(boot.verdict))}.` : "",
    ].join(" ");
  }
}

const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

customElements.define("status-line", StatusLine);
