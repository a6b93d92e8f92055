/** A button that puts text on the clipboard and says that it did. */
import { html, LitElement } from "lit";
import { ICONS } from "../shell/icons.ts";

const DONE_MS = 1500;

export class CopyButton extends LitElement {
  static override properties = {
    text: { attribute: false },
    label: { type: String },
    caption: { type: String },
    outcome: { state: true },
  };
  /** What to copy; a function when it is costly to make. */
  declare text: string | (() => string);
  /** Name for a screen reader, e.g. "Copy PCR 3". */
  declare label: string;
  /** Shown beside the sign; none for a sign alone. */
  declare caption: string;
  declare outcome: "" | "copied" | "not allowed";

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    const sign = this.outcome === "copied" ? ICONS.check : ICONS.copy;
    return html`<button class="button quiet ${this.caption ? "" : "icon"}" type="button" aria-label=${this.label}
      title=${this.outcome || this.label} @click=${this.#copy}>${sign}${this.caption ? html` ${this.outcome || this.caption}` : ""}</button>`;
  }

  async #copy(event: Event): Promise<void> {
    event.stopPropagation();
    try {
      await navigator.clipboard.writeText(typeof this.text === "string" ? this.text : this.text());
      this.outcome = "copied";
    } catch {
      this.outcome = "not allowed"; // the browser keeps this page from the clipboard
    }
    setTimeout(() => {
      this.outcome = "";
    }, DONE_MS);
  }
}

customElements.define("copy-button", CopyButton);
