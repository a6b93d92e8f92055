/** The guest's serial console. */
import { html, type PropertyValues } from "lit";
import "./boot-progress.ts";
import "./console.css";
import type { PageState } from "../../model/model.ts";
import { PageElement } from "../parts/element.ts";
import { LEAVE_KEY, leave } from "./leave-key.ts";
import type { ConsoleTerminal } from "./terminal.ts";

export class SerialConsole extends PageElement {
  #terminal: ConsoleTerminal | undefined;
  #opening = false;
  readonly #ends: (() => void)[] = [];
  readonly #resized = new ResizeObserver(() => this.#fit());

  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.machine.phase];
  }

  override disconnectedCallback(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#resized.disconnect();
    this.#terminal?.dispose();
    this.#terminal = undefined;
    super.disconnectedCallback();
  }

  override render() {
    return html`<boot-progress .store=${this.store} ?active=${this.active}></boot-progress>
      <div class="serial-box"></div>
      <p class="console-hint">${this.#hint()}</p>`;
  }

  protected override updated(changed: PropertyValues): void {
    super.updated(changed);
    if (!this.#terminal && !this.#opening) void this.#open();
  }

  #hint() {
    switch (this.state.machine.phase) {
      case "off":
        return html`No machine yet. <button class="button" type="button"
          @click=${() => this.actions.boot()}>Boot Linux with a TPM</button>`;
      case "loading":
        return "The machine is being set up …";
      case "paused":
        return "The machine is paused: what you type waits until it goes on.";
      default:
        return html`<kbd>${LEAVE_KEY}</kbd> takes the keyboard back from the guest.`;
    }
  }

  async #open(): Promise<void> {
    this.#opening = true;
    try {
      const { openTerminal } = await import("./terminal.ts");
      const box = this.querySelector<HTMLElement>(".serial-box");
      if (!box || !this.isConnected) return;
      const feed = this.state.serial;
      const terminal = openTerminal(
        box,
        (text) => this.actions.sendSerial(text),
        () => leave(this),
      );
      terminal.write(feed.text);
      this.#terminal = terminal;
      this.#ends.push(
        feed.onData((bytes) => terminal.write(bytes)),
        feed.onStart(() => terminal.write("\r\n\x1b[0;2m--- the machine starts ---\x1b[0m\r\n")),
      );
      this.#resized.observe(box);
      this.#fit();
    } catch (error) {
      const box = this.querySelector(".serial-box");
      if (box)
        box.textContent = `The terminal could not be loaded: ${(error as Error).message}. Reload the page.`;
    } finally {
      this.#opening = false;
    }
  }

  #fit(): void {
    // A hidden pane has no size to fit.
    if (this.offsetWidth > 0) this.#terminal?.fit();
  }
}

customElements.define("serial-console", SerialConsole);
