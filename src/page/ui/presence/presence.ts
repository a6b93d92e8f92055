/** What was asked of the firmware across a reset: pending request, last result, who asked; and a way to ask. */
import { html, nothing } from "lit";
import "./presence.css";
import type { PpiFamily } from "../../../device/ppi/operations.ts";
import type { PageState } from "../../model/model.ts";
import { choices, memoryText, requestText, resultText } from "../../model/presence.ts";
import { PageElement } from "../parts/element.ts";

class PhysicalPresence extends PageElement {
  protected override watch(state: Readonly<PageState>): readonly unknown[] {
    return [state.presence, state.tpm?.version, state.machine.phase];
  }

  override render() {
    const { presence, tpm, machine } = this.state;
    if (!presence || !tpm || tpm.version === "unspecified" || machine.phase === "off") return nothing;
    const family = tpm.version;
    const { pending, last } = presence;
    return html`<section class="presence" aria-labelledby="presence-title">
      <h3 id="presence-title">Physical presence</h3>
      <p class="small muted">Some changes of a TPM only the firmware can make, before any operating system runs. Linux asks
        for them through <code>/sys/class/tpm/tpm0/ppi/request</code>. A PC may want a person at its keyboard to agree; the
        firmware of this one asks nobody.</p>
      <dl>
        <dt>Asked for</dt>
        <dd data-presence="pending">${
          pending
            ? html`${requestText(family, pending)}. The firmware carries it out at the next reset.
              <button class="button quiet" type="button" @click=${() => this.actions.requestPresence(0)}>Take it back</button>`
            : "nothing"
        }</dd>
        <dt>Carried out last</dt>
        <dd data-presence="last">${
          last
            ? html`${requestText(family, last)}. What came of it: ${resultText(family, last.result)}.`
            : "nothing since the machine was switched on"
        }</dd>
        <dt>The guest's memory</dt>
        <dd data-presence="memory">${memoryText(presence)}</dd>
      </dl>
      ${this.#form(family)}
    </section>`;
  }

  #form(family: PpiFamily) {
    return html`<form class="presence-ask" @submit=${this.#ask}>
      <label for="presence-operation">Ask the firmware for</label>
      <select id="presence-operation" name="operation">
        ${choices(family).map(({ operation, label }) => html`<option value=${operation}>${label}</option>`)}
      </select>
      <button class="button" type="submit">Ask</button>
    </form>`;
  }

  #ask(event: SubmitEvent): void {
    event.preventDefault();
    const operation = Number(new FormData(event.target as HTMLFormElement).get("operation"));
    this.actions.requestPresence(operation);
  }
}

customElements.define("physical-presence", PhysicalPresence);
