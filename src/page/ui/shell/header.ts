/** Name, what to do first, and the machine's buttons. */
import { html, nothing } from "lit";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { ICONS } from "./icons.ts";
import { applyTextSize, isLarge } from "./text-size.ts";

export class PageHeader extends PageElement {
  readonly #scheme = matchMedia("(prefers-color-scheme: dark)");
  readonly #schemeChanged = () => this.requestUpdate();

  override connectedCallback(): void {
    super.connectedCallback();
    this.#scheme.addEventListener("change", this.#schemeChanged);
  }

  override disconnectedCallback(): void {
    this.#scheme.removeEventListener("change", this.#schemeChanged);
    super.disconnectedCallback();
  }

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.machine.phase, state.theme];
  }

  override render() {
    return html`<header class="header">
      <h1 class="brand">${ICONS.chip}<span>WebTPM</span></h1>
      <p class="tagline">A PC in this tab, with a real TPM</p>
      <div class="header-buttons" role="group" aria-label="Machine">
        ${this.#run()}
        <button class="button" type="button" ?disabled=${!this.#on} @click=${() => this.actions.reset()}
          title="Switch machine and TPM off and on again">${ICONS.reset} Reset</button>
      </div>
      ${this.#textSize()}${this.#theme()}
    </header>`;
  }

  get #on(): boolean {
    const { phase } = this.state.machine;
    return phase === "running" || phase === "paused";
  }

  #run() {
    switch (this.state.machine.phase) {
      case "off":
      case "failed":
        return html`<button class="button primary" type="button" @click=${() => this.actions.boot()}>
          ${ICONS.play} Boot</button>`;
      case "running":
        return html`<button class="button" type="button" @click=${() => this.actions.pause()}>
          ${ICONS.pause} Pause</button>`;
      case "paused":
        return html`<button class="button primary" type="button" @click=${() => this.actions.resume()}>
          ${ICONS.play} Go on</button>`;
      default:
        return nothing;
    }
  }

  #textSize() {
    const large = isLarge();
    return html`<button class="button quiet icon text-size" type="button" aria-pressed=${large} aria-label="Large text, for a presentation"
      title="Large text, for a presentation" @click=${() => {
        applyTextSize(!large);
        this.requestUpdate();
      }}>A</button>`;
  }

  #theme() {
    const dark = document.documentElement.dataset.theme === "dark";
    const label = dark ? "Light colours" : "Dark colours";
    return html`<button class="button quiet icon" type="button" aria-label=${label} title=${label}
      @click=${() => this.actions.setTheme(dark ? "light" : "dark")}>${dark ? ICONS.sun : ICONS.moon}</button>`;
  }
}

customElements.define("page-header", PageHeader);
