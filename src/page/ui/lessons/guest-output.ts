/** The guest's last lines, so that a lesson's commands can be followed without leaving it. */
import { html, LitElement, type PropertyValues } from "lit";
import type { SerialFeed } from "../../model/model.ts";
import { lastLines } from "./text.ts";

const LINES = 9;

export class GuestOutput extends LitElement {
  static override properties = { serial: { attribute: false } };
  declare serial: SerialFeed;
  #ends: (() => void)[] = [];

  override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("serial")) return;
    this.#unwatch();
    const again = () => this.requestUpdate();
    this.#ends = [this.serial.onData(again), this.serial.onStart(again)];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // It may come back with the serial port it had.
    if (this.serial && !this.#ends.length) this.requestUpdate("serial");
  }

  override disconnectedCallback(): void {
    this.#unwatch();
    super.disconnectedCallback();
  }

  #unwatch(): void {
    for (const end of this.#ends.splice(0)) end();
  }

  override render() {
    return html`<pre class="lesson-output" tabindex="0" role="region" aria-label="The guest's last lines">${lastLines(this.serial.text, LINES)}</pre>`;
  }
}

customElements.define("guest-output", GuestOutput);
