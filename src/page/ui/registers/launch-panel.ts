/** A dynamic launch by hand: what a processor writes at locality 4, of a text that stands for the code it measures. */
import { html, LitElement } from "lit";
import { launch } from "../../../device/tis/launch.ts";
import { LAUNCH_REGISTERS } from "../../../device/tis/registers.ts";
import type { TpmHandle } from "../../../session/types.ts";

class LaunchPanel extends LitElement {
  static override properties = { handle: { attribute: false }, said: { state: true } };
  declare handle: TpmHandle;
  declare said: string;

  constructor() {
    super();
    this.said = "";
  }

  override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    const { HASH_START, HASH_DATA, HASH_END } = LAUNCH_REGISTERS;
    return html`<section class="launch" aria-label="Dynamic launch">
      <p class="small muted">A processor that begins a dynamic root of trust (Intel's SENTER, AMD's SKINIT) writes
        ${HASH_START.name}, each byte of the code that it measures to ${HASH_DATA.name}, and ${HASH_END.name}, at locality
        4. PCRs 17 to 22 become 0, and PCR 17 is extended. On a PC the chipset lets only the processor's microcode write
        there; here the page does, if no locality has the TPM and it has been started.</p>
      <form class="driver-bytes" @submit=${this.#launch}>
        <label class="driver-command"><span class="driver-caption">Text that is measured</span>
          <input class="mono" name="text" type="text" spellcheck="false" autocomplete="off" value="code to launch"></label>
        <button class="button" type="submit">Launch</button>
      </form>
      <p class="small" role="status">${this.said}</p>
    </section>`;
  }

  #launch(event: SubmitEvent): void {
    event.preventDefault();
    const text = String(new FormData(event.target as HTMLFormElement).get("text"));
    const data = new TextEncoder().encode(text);
    launch(this.handle, data);
    this.said = `Written: ${data.length} bytes. PCR 17 and the establishment bit of TPM_ACCESS tell what came of it.`;
    this.dispatchEvent(new Event("by-hand", { bubbles: true }));
  }
}

customElements.define("launch-panel", LaunchPanel);
