/** The guest's VGA screen: the firmware's messages and menus, and whatever an operating system draws. */
import { html, type PropertyValues } from "lit";
import "./console.css";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { isLeaveKey, LEAVE_KEY, leave } from "./leave-key.ts";

export class VgaScreen extends PageElement {
  readonly #resized = new ResizeObserver(() => this.#scale());

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.screen];
  }

  override disconnectedCallback(): void {
    this.#resized.disconnect();
    super.disconnectedCallback();
  }

  override render() {
    const { screen } = this.state;
    if (!screen) {
      return html`<div class="empty"><strong>No machine yet</strong> Here is the PC's screen: the firmware's messages
        and its menus, among them the TPM's.</div>`;
    }
    return html`<div class="vga" tabindex="0" role="application" aria-label="The machine's screen and keyboard"
        @focus=${() => this.actions.grabKeyboard(true)} @blur=${() => this.actions.grabKeyboard(false)}
        @keydown=${{ handleEvent: (event: KeyboardEvent) => this.#key(event), capture: true }}>${screen}</div>
      <p class="console-hint">Click the screen to type to the guest; <kbd>${LEAVE_KEY}</kbd> takes the keyboard back.</p>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    const { screen } = this.state;
    const box = this.querySelector<HTMLElement>(".vga");
    this.#resized.disconnect();
    if (!screen || !box) return;
    this.#resized.observe(box);
    for (const child of screen.children) this.#resized.observe(child);
  }

  #key(event: KeyboardEvent): void {
    if (!isLeaveKey(event)) return;
    event.preventDefault();
    event.stopPropagation();
    leave(this);
  }

  /** Makes a screen that is larger than the pane fit. */
  #scale(): void {
    const { screen } = this.state;
    const box = this.querySelector<HTMLElement>(".vga");
    if (!screen || !box?.clientWidth) return;
    const shown = Array.from(screen.children).find((child) => (child as HTMLElement).offsetWidth > 0);
    const { offsetWidth = 0, offsetHeight = 0 } = (shown as HTMLElement | undefined) ?? {};
    if (!offsetWidth || !offsetHeight) return;
    const scale = Math.min(1, box.clientWidth / offsetWidth, box.clientHeight / offsetHeight);
    screen.style.transform = scale < 1 ? `scale(${scale})` : "";
  }
}

customElements.define("vga-screen", VgaScreen);
