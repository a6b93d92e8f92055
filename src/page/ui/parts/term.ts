/** A word that the glossary has: choosing it says what it means, beside it. */
import { html, LitElement, nothing, type PropertyValues } from "lit";
import "./term.css";
import type { Term } from "../../lessons/glossary.ts";

/** Pixels between the word and its explanation. */
const GAP = 4;

export class GlossaryTerm extends LitElement {
  static override properties = {
    term: { attribute: false },
    word: { type: String },
    open: { state: true },
  };
  declare term: Term;
  declare word: string;
  /** The explanation is part of the page only while it is shown. */
  declare open: boolean;

  constructor() {
    super();
    this.open = false;
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    const { word } = this.term;
    return html`<button class="term" type="button" aria-haspopup="dialog" aria-expanded=${this.open}
      @click=${() => {
        this.open = !this.open;
      }}>${this.word}</button>${
        this.open
          ? html`<span class="term-text" popover role="dialog" aria-label="What “${word}” means" tabindex="-1"
              @toggle=${this.#toggled}><strong>${word}</strong> ${this.term.text}
              <span class="muted small">${this.term.spec}.</span></span>`
          : nothing
      }`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    const text = this.querySelector<HTMLElement>(".term-text");
    if (!text || !changed.has("open")) return;
    text.showPopover();
    const word = this.querySelector("button")!.getBoundingClientRect();
    const { width, height } = text.getBoundingClientRect();
    const below = word.bottom + GAP + height <= innerHeight;
    text.style.left = `${Math.max(GAP, Math.min(word.left, innerWidth - width - GAP))}px`;
    text.style.top = `${Math.max(GAP, below ? word.bottom + GAP : word.top - GAP - height)}px`;
    text.focus();
  }

  /** Escape, or a click elsewhere, has closed it. */
  #toggled({ newState }: ToggleEvent): void {
    if (newState === "closed") this.open = false;
  }
}

customElements.define("glossary-term", GlossaryTerm);
